internal import DequeModule
internal import FileEvents
internal import Synchronization

/// Numbers the records and hands them out as immutable batches. Confined to the tree thread. Keeps
/// account of how much history the journals may hold, and writes it into each batch.
final class JournalWriter {
  /// Records in one batch at most, so that history is dropped in small pieces.
  private static let batchLimit = 4_096

  private let options: WatchServiceOptions
  private let counters: WatchCounters
  private let publish: (ChangeBatch) -> Void
  private var next: UInt64 = 1
  private var records: [JournalRecord] = []
  /// Names of the records being gathered; the next record's are appended before `add`.
  var bytes: [UInt8] = []
  private var history: Deque<(first: UInt64, count: Int, bytes: Int, time: Int64)> = []
  private var historyEvents = 0
  private var historyBytes = 0

  init(
    options: WatchServiceOptions, counters: WatchCounters,
    publish: @escaping (ChangeBatch) -> Void
  ) {
    self.options = options
    self.counters = counters
    self.publish = publish
  }

  /// The number of the last record gathered so far, published or not; 0 before the first.
  var sequence: UInt64 { next + UInt64(records.count) - 1 }

  /// Adds a record whose names are already at the end of `bytes`.
  func add(_ record: JournalRecord) {
    records.append(record)
    if records.count >= Self.batchLimit { flush(now: record.time) }
  }

  /// Publishes what has been gathered; nothing when there is nothing. `now` is the wall clock.
  func flush(now: Int64) {
    guard !records.isEmpty else { return }
    let size = bytes.count + records.count * MemoryLayout<JournalRecord>.stride
    history.append((first: next, count: records.count, bytes: size, time: now))
    historyEvents += records.count
    historyBytes += size
    while history.count > 1, let oldest = history.first,
      historyEvents > options.historyEvents || historyBytes > options.historyBytes
        || now - oldest.time > options.historyAge.inNanoseconds
    {
      history.removeFirst()
      historyEvents -= oldest.count
      historyBytes -= oldest.bytes
    }
    let batch = ChangeBatch(
      first: next, oldest: history.first?.first ?? next, records: records, bytes: bytes)
    next += UInt64(records.count)
    // New storage, not the old emptied: a small batch must not hold the room of a large one.
    records = []
    bytes = []
    counters.head.store(next - 1, ordering: .releasing)
    publish(batch)
  }
}

/// What other threads may read at any time.
final class WatchCounters: Sendable {
  /// The number of the last record published.
  let head = Atomic<UInt64>(0)
}

extension Duration {
  var inNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}
