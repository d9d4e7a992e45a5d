internal import FileEvents

/// What the journal has said of one watch. Confined to its loop.
final class WatchEntry {
  let number: UInt32
  let id: String
  var state: WatchState
  /// Number of the latest record of this watch.
  var lastSequence: UInt64
  /// Number of the latest record of its state.
  var stateSequence: UInt64
  /// Groups that name this id; nil while none does.
  var named: PathIndex?

  init(number: UInt32, id: String, state: WatchState, sequence: UInt64) {
    self.number = number
    self.id = id
    self.state = state
    lastSequence = sequence
    stateSequence = sequence
  }

  var isRemoved: Bool { state == .removed }
  /// Not yet listable, but going to be.
  var isCrawling: Bool { state == .starting || state == .crawling }
  /// Whether there is something to list.
  var isListable: Bool { isCrawling || state == .live || state == .degraded }
}

/// The watches known from the journal's `watch` records, by number and by id. A removed one is
/// remembered while the journal still holds records of it, and 1,024 of them longer. Confined to its
/// loop.
struct WatchTable {
  private var byNumber: [UInt32: WatchEntry] = [:]
  private var current: [String: WatchEntry] = [:]
  private var named: [String: PathIndex] = [:]
  private var removedCount = 0

  /// Every watch, removed ones too.
  var all: some Collection<WatchEntry> { byNumber.values }

  subscript(number: UInt32) -> WatchEntry? { byNumber[number] }

  /// The watch that has the id now.
  subscript(id: String) -> WatchEntry? { current[id] }

  /// Takes in a `watch` record. `oldest` is the oldest record kept.
  mutating func note(
    _ record: JournalRecord, in batch: ChangeBatch, sequence: UInt64, oldest: UInt64
  ) {
    let entry = byNumber[record.watch] ?? insert(record, in: batch, sequence: sequence)
    if record.state == .removed, !entry.isRemoved {
      removedCount += 1
      if current[entry.id] === entry { current[entry.id] = nil }
    }
    entry.state = record.state
    entry.stateSequence = sequence
    if removedCount > FanoutLimits.removedWatchesRemembered { forgetOldestRemoved(before: oldest) }
  }

  private mutating func insert(
    _ record: JournalRecord, in batch: ChangeBatch, sequence: UInt64
  ) -> WatchEntry {
    let id = String(decoding: batch.path(of: record), as: UTF8.self)
    let entry = WatchEntry(
      number: record.watch, id: id, state: record.state, sequence: sequence)
    if record.state == .removed { removedCount += 1 } else { current[id] = entry }
    entry.named = named[id]
    byNumber[record.watch] = entry
    return entry
  }

  private mutating func forgetOldestRemoved(before oldest: UInt64) {
    let candidates = byNumber.values.filter { $0.isRemoved && $0.lastSequence < oldest }
    guard let first = candidates.min(by: { $0.lastSequence < $1.lastSequence }) else { return }
    byNumber[first.number] = nil
    removedCount -= 1
  }

  /// The index of the groups that name `id`; made when there is none.
  mutating func index(naming id: String) -> PathIndex {
    if let index = named[id] { return index }
    let index = PathIndex()
    named[id] = index
    for entry in byNumber.values where entry.id == id { entry.named = index }
    return index
  }

  /// Drops the index of `id` when no group is left in it.
  mutating func dropIndexIfEmpty(naming id: String) {
    guard named[id]?.isEmpty == true else { return }
    named[id] = nil
    for entry in byNumber.values where entry.id == id { entry.named = nil }
  }

  /// The watches of `selection`, in order of id.
  func covered(by selection: Selection) -> [WatchEntry] {
    let entries =
      selection.watches.isEmpty
      ? Array(current.values) : selection.watches.compactMap { current[$0] }
    return entries.sorted { $0.id < $1.id }
  }
}
