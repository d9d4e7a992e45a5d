internal import Bytes
internal import FileEvents

/// What a client that fell behind is still to be told: the latest change of each path, in order of
/// the latest sequence number. Confined to its loop. Bounded in number and bytes: beyond that the
/// directories with most of them become a `reset` each, in the end the whole watch does.
///
/// A log with a hash table over it: what is superseded stays in the log as a dead entry until there
/// is no more room.
final class CoalescedChanges {
  /// What can be said of a path beside each other; of each only the latest is kept.
  enum Slot: UInt8 {
    /// It was deleted; what `come` and `touched` say happened after that.
    case gone
    /// It was created (of what is no directory also: and then modified).
    case come
    /// It was modified, or its attributes were.
    case touched
    /// It was opened, read or closed.
    case used
    /// It has to be read again, with all below it.
    case reset
    /// The path is the id of a watch, which changed its state.
    case watch
  }

  struct Entry {
    /// Its names are in `names`.
    var record: JournalRecord
    /// The latest record that it stands for.
    var sequence: UInt64
    /// Whoever resumes at or after this number without having been told loses something: the record
    /// `sequence` alone does not say it all.
    var lowest: UInt64
    let hash: UInt32
    let slot: Slot
    /// The client has not been told of what it is that stands there now.
    var isNew: Bool
    var isLive = true
    /// Whether a client may resume from `sequence` when it was told this and all before it.
    var tellsID = false
  }

  let limits: CoalescingLimits
  /// Ascending by sequence; before `firstUnsent` nothing is live.
  private(set) var entries: [Entry] = []
  private var firstUnsent = 0
  private(set) var names: [UInt8] = []
  /// Bytes in `names` of live entries.
  private var liveNames = 0
  /// Live entries.
  private(set) var count = 0
  /// Of these, in the slot `reset`.
  private(set) var resets = 0
  private var watches: [UInt32: WatchEntry] = [:]
  /// Open addressing; an index in `entries`, or -1. A dead entry keeps its place.
  private var table = [Int32](repeating: -1, count: 64)
  /// Entries that fit before the dead are dropped: a quarter more than live ones, so that what is
  /// reserved is near to what is needed.
  private var room = 48
  private var areIDsKnown = false
  /// The journal up to there is to be taken in before anything is told.
  var target: UInt64 = 0

  init(_ limits: CoalescingLimits) { self.limits = limits }

  var isEmpty: Bool { count == 0 }

  /// Bytes in use.
  var bytes: Int {
    entries.count * MemoryLayout<Entry>.stride + names.count
      + table.count * MemoryLayout<Int32>.stride
  }

  /// The latest sequence number told of here, dead entries included; 0 for none.
  var latest: UInt64 { entries.last?.sequence ?? 0 }

  /// A client that resumes before this number loses nothing.
  var lowest: UInt64? {
    var lowest: UInt64?
    for entry in entries[firstUnsent...] where entry.isLive {
      lowest = min(lowest ?? .max, entry.lowest)
    }
    return lowest
  }

  func watch(of entry: Entry) -> WatchEntry { watches[entry.record.watch]! }

  // MARK: Telling

  /// What is to be told next.
  func next() -> Entry? {
    guard count > 0 else { return nil }
    if !areIDsKnown { findTellableIDs() }
    while !entries[firstUnsent].isLive { firstUnsent += 1 }
    return entries[firstUnsent]
  }

  /// It has been told.
  func removeNext() {
    remove(firstUnsent)
    firstUnsent += 1
  }

  private func findTellableIDs() {
    areIDsKnown = true
    var lowest = UInt64.max
    for index in entries[firstUnsent...].indices.reversed() where entries[index].isLive {
      entries[index].tellsID = lowest > entries[index].sequence
      lowest = min(lowest, entries[index].lowest)
    }
  }

  // MARK: Storing

  /// Where the live entry of a path is, if there is one. Valid until the next `makeRoom`.
  func find(_ slot: Slot, _ watch: UInt32, _ path: Span<UInt8>) -> Int? {
    find(slot, watch, path, Self.hash(watch, path))
  }

  private func find(
    _ slot: Slot, _ watch: UInt32, _ path: Span<UInt8>, _ hash: UInt32
  ) -> Int? {
    var place = place(hash, slot)
    while table[place] >= 0 {
      let index = Int(table[place])
      let entry = entries[index]
      if entry.isLive, entry.hash == hash, entry.slot == slot, entry.record.watch == watch,
        names.span.extracting(entry.record.pathRange).equals(path)
      {
        return index
      }
      place = (place + 1) & (table.count - 1)
    }
    return nil
  }

  /// Adds what is the latest of all; there must be room for it, and no live entry of its slot.
  func append(
    _ slot: Slot, _ record: JournalRecord, _ path: Span<UInt8>, sequence: UInt64, lowest: UInt64,
    isNew: Bool
  ) {
    var record = record
    record.pathStart = UInt32(names.count)
    names.append(copying: path)
    record.pathEnd = UInt32(names.count)
    insert(
      Entry(
        record: record, sequence: sequence, lowest: min(lowest, sequence),
        hash: Self.hash(record.watch, path), slot: slot, isNew: isNew))
  }

  /// Makes an entry the latest of all.
  func renew(_ index: Int, sequence: UInt64, lowest: UInt64) {
    var entry = entries[index]
    entry.lowest = min(entry.lowest, lowest)
    entry.sequence = sequence
    remove(index)
    insert(entry)
  }

  private func insert(_ entry: Entry) {
    var place = place(entry.hash, entry.slot)
    while table[place] >= 0 { place = (place + 1) & (table.count - 1) }
    table[place] = Int32(entries.count)
    entries.append(entry)
    count += 1
    liveNames += entry.record.pathRange.count
    if entry.slot == .reset { resets += 1 }
    areIDsKnown = false
  }

  func remove(_ index: Int) {
    entries[index].isLive = false
    count -= 1
    liveNames -= entries[index].record.pathRange.count
    if entries[index].slot == .reset { resets -= 1 }
  }

  /// Calls `body` with the index of each live entry of `path`, and of what is below it when it may be
  /// a directory.
  func forEach(
    of path: Span<UInt8>, _ watch: UInt32, mayBeDirectory: Bool, _ body: (Int) -> Void
  ) {
    guard mayBeDirectory else {
      let hash = Self.hash(watch, path)
      for slot in [Slot.gone, .come, .touched, .used, .reset] {
        if let index = find(slot, watch, path, hash) { body(index) }
      }
      return
    }
    for index in firstUnsent..<entries.count {
      let entry = entries[index]
      guard entry.isLive, entry.record.watch == watch, entry.slot != .watch,
        names.span.extracting(entry.record.pathRange).isAtOrBelow(path)
      else { continue }
      body(index)
    }
  }

  /// Calls `body` with the index of each live entry.
  func forEachLive(_ body: (Int) -> Void) {
    for index in firstUnsent..<entries.count where entries[index].isLive { body(index) }
  }

  func note(_ watch: WatchEntry) {
    if watches[watch.number] == nil { watches[watch.number] = watch }
  }

  /// Room for as many entries more.
  func makeRoom(for more: Int) {
    if entries.count + more > room { tidy(more) }
  }

  /// Whether there is too much: after the dead are dropped, so that there is room for some more when
  /// there is not.
  func exceedsLimits() -> Bool {
    if count <= limits.paths, bytes <= limits.bytes { return false }
    tidy(0)
    return count > limits.paths || bytes > limits.bytes / 32 * 31
  }

  /// Whether it is at most half of what it may be.
  var isHalfEmpty: Bool {
    count <= limits.paths / 2
      && count * MemoryLayout<Entry>.stride + liveNames <= limits.bytes / 2
  }

  /// Drops the dead.
  private func tidy(_ more: Int) {
    room = count + max(count / 4, 32) + more
    var kept: [Entry] = []
    kept.reserveCapacity(room)
    var keptNames: [UInt8] = []
    keptNames.reserveCapacity(liveNames + max(liveNames / 4, 1_024))
    for var entry in entries[firstUnsent...] where entry.isLive {
      let path = names.span.extracting(entry.record.pathRange)
      entry.record.pathStart = UInt32(keptNames.count)
      keptNames.append(copying: path)
      entry.record.pathEnd = UInt32(keptNames.count)
      kept.append(entry)
    }
    entries = kept
    names = keptNames
    firstUnsent = 0
    var size = 64
    while size * 3 < room * 4 { size *= 2 }
    table = [Int32](repeating: -1, count: size)
    for (index, entry) in entries.enumerated() {
      var place = place(entry.hash, entry.slot)
      while table[place] >= 0 { place = (place + 1) & (size - 1) }
      table[place] = Int32(index)
    }
    guard watches.count > 64 else { return }
    let used = Set(entries.map(\.record.watch))
    watches = watches.filter { used.contains($0.key) }
  }

  private func place(_ hash: UInt32, _ slot: Slot) -> Int {
    Int(hash &+ UInt32(slot.rawValue) &* 0x9E37_79B9) & (table.count - 1)
  }

  /// Seeded by the process, so that nobody can choose names that collide.
  private static func hash(_ watch: UInt32, _ path: Span<UInt8>) -> UInt32 {
    var hasher = Hasher()
    hasher.combine(watch)
    path.withUnsafeBytes { hasher.combine(bytes: $0) }
    return UInt32(truncatingIfNeeded: hasher.finalize())
  }
}

extension Span<UInt8> {
  fileprivate func equals(_ other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    for index in indices where self[index] != other[index] { return false }
    return true
  }

  /// Whether this path is `directory` or below it; the empty directory is the root.
  fileprivate func isAtOrBelow(_ directory: Span<UInt8>) -> Bool {
    if directory.count == 0 { return true }
    guard count >= directory.count, extracting(..<directory.count).equals(directory) else {
      return false
    }
    return count == directory.count || self[directory.count] == UInt8(ascii: "/")
  }
}
