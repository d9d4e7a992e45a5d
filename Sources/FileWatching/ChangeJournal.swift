internal import DequeModule
internal import FileEvents
internal import Synchronization

/// Numbers the records and hands them out as immutable batches, of one thread at a time and in the
/// order of the numbers. Keeps account of how much history the journals may hold, and writes it into
/// each batch. A door: any of the watcher's threads, none of which looks at a disk in here.
final class ChangeJournal: Sendable {
  private struct State {
    var next: UInt64 = 1
    var history: Deque<(first: UInt64, count: Int, bytes: Int, time: Int64)> = []
    var historyEvents = 0
    var historyBytes = 0
  }

  private let options: WatchServiceOptions
  private let handOut: @Sendable (ChangeBatch) -> Void
  private let state = Mutex(State())
  private let published = Atomic<UInt64>(0)

  init(options: WatchServiceOptions, publish: @escaping @Sendable (ChangeBatch) -> Void) {
    self.options = options
    handOut = publish
  }

  /// The number of the last record stamped; stored before its batch is handed out. 0 before the first.
  var head: UInt64 { published.load(ordering: .acquiring) }

  /// Publishes `records`, whose names are in `bytes`, as one batch, if `isDue` says so once nobody else
  /// publishes. `now` is the wall clock.
  func publish(
    _ records: [JournalRecord], _ bytes: [UInt8], now: Int64, if isDue: () -> Bool
  ) {
    state.withLock { state in
      guard isDue() else { return }
      let size = bytes.count + records.count * MemoryLayout<JournalRecord>.stride
      state.history.append((first: state.next, count: records.count, bytes: size, time: now))
      state.historyEvents += records.count
      state.historyBytes += size
      while state.history.count > 1, let oldest = state.history.first,
        state.historyEvents > options.historyEvents || state.historyBytes > options.historyBytes
          || now - oldest.time > options.historyAge.inNanoseconds
      {
        state.history.removeFirst()
        state.historyEvents -= oldest.count
        state.historyBytes -= oldest.bytes
      }
      let batch = ChangeBatch(
        first: state.next, oldest: state.history.first?.first ?? state.next, records: records,
        bytes: bytes)
      state.next += UInt64(records.count)
      published.store(state.next - 1, ordering: .releasing)
      handOut(batch)
    }
  }

  /// Runs `body` while nobody publishes.
  func alone(_ body: () -> Void) { state.withLock { _ in body() } }
}

extension Duration {
  var inNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}
