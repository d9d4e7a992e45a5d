/// A page of what a watch holds, asked of the tree thread.
package struct ListingRequest: Sendable {
  /// Number of the watch.
  package var watch: UInt32
  /// Directory (or entry) to list, relative to the root; empty: the whole watch. The entry itself
  /// comes first, except for the root.
  package var path: [UInt8]
  /// `next` of the page before; nil for the first.
  package var after: [UInt8]?
  /// Entries at most.
  package var limit: Int

  package init(watch: UInt32, path: [UInt8] = [], after: [UInt8]? = nil, limit: Int) {
    self.watch = watch
    self.path = path
    self.after = after
    self.limit = limit
  }
}

/// Entries in an order where parents precede children, and the place in the journal they show.
package struct ListingPage: Sendable {
  /// `.create` change records (type, flags, size, mtime) whose names are ranges of `bytes`.
  package var records: [JournalRecord]
  package var bytes: [UInt8]
  /// Pass as `after` for the next page; nil at the end. Opaque.
  package var next: [UInt8]?
  /// Everything pending was published first: the page shows exactly the state after this number.
  package var sequence: UInt64

  package init(records: [JournalRecord], bytes: [UInt8], next: [UInt8]?, sequence: UInt64) {
    self.records = records
    self.bytes = bytes
    self.next = next
    self.sequence = sequence
  }
}

/// Why there is no page.
package enum ListingError: Error, Sendable {
  /// The watch is still crawling; ask again.
  case crawling
  /// The filesystem of the watch does not respond; when it does, a reset of the watch comes.
  case notResponding
  case noSuchWatch
  /// Nothing stands at `path`.
  case noSuchPath
  /// A directory moved since the first page: begin again.
  case changed
}
