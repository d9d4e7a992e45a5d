/// One numbered entry of the journal: plain numbers, no references, so that a batch is two
/// allocations whatever it holds. Its names are ranges of the batch's `bytes`.
package struct JournalRecord: Sendable {
  package enum Subject: UInt8, Sendable {
    /// Something happened to one path.
    case change
    /// The state below `path` cannot be rebuilt from changes (`reason`).
    case reset
    /// A watch was added, removed or changed state; `path` holds its id in ASCII.
    case watch
  }

  package var subject: Subject
  /// For a change.
  package var kind: ChangeKind = .create
  /// For a change; what stands (or stood) at `path`.
  package var type: FileType = .unknown
  /// Of an exchange: what stands at `from` now. A filter has to know it; the wire does not say it.
  package var fromType: FileType = .unknown
  package var flags: ChangeFlags = []
  /// For a reset.
  package var reason: ResetReason = .lagged
  /// For a watch record.
  package var state: WatchState = .starting
  /// The number of the watch, unique in one life of the journal.
  package var watch: UInt32
  package var pathStart: UInt32 = 0
  package var pathEnd: UInt32 = 0
  /// On `move`: the old path. Empty range otherwise.
  package var fromStart: UInt32 = 0
  package var fromEnd: UInt32 = 0
  /// Records of the kernel merged into this change; 1 when none were.
  package var count: UInt32 = 1
  /// Who did it; 0 where nobody says.
  package var process: Int32 = 0
  /// Bytes, when `flags` has `indexed`.
  package var size: UInt64 = 0
  /// Nanoseconds since 1970 (UTC), when `flags` has `indexed`.
  package var mtime: Int64 = 0
  /// Nanoseconds since 1970 (UTC): when the record was read from the kernel.
  package var time: Int64

  package init(subject: Subject, watch: UInt32, time: Int64) {
    self.subject = subject
    self.watch = watch
    self.time = time
  }

  /// Where `path` is in the bytes the record came with.
  package var pathRange: Range<Int> { Int(pathStart)..<Int(pathEnd) }
  /// Where `from` is in them.
  package var fromRange: Range<Int> { Int(fromStart)..<Int(fromEnd) }
}

/// Consecutive journal records, immutable, shared by every loop. Record `i` has the sequence number
/// `first + i`.
package final class ChangeBatch: Sendable {
  /// Sequence number of `records[0]`.
  package let first: UInt64
  /// Sequence number just after the last record.
  @inlinable package var end: UInt64 { first + UInt64(records.count) }
  /// The oldest sequence number still kept once this batch is in: all loops hold the same history.
  package let oldest: UInt64
  package let records: [JournalRecord]
  /// Names of all records. Paths are relative to the watch's root, `/`-separated, exact bytes.
  package let bytes: [UInt8]

  package init(first: UInt64, oldest: UInt64, records: [JournalRecord], bytes: [UInt8]) {
    self.first = first
    self.oldest = oldest
    self.records = records
    self.bytes = bytes
  }

  package func path(of record: JournalRecord) -> ArraySlice<UInt8> {
    bytes[record.pathRange]
  }

  package func from(of record: JournalRecord) -> ArraySlice<UInt8> {
    bytes[record.fromRange]
  }
}
