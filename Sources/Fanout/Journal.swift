internal import DequeModule
internal import FileEvents

/// The bounded, ordered record of all changes: immutable batches, newest last. History, replay,
/// backlog and overflow detection at once. How much is kept is said by the batches (`oldest`), so
/// that every loop holds the same. Finding a place costs the logarithm of the number of batches.
/// Confined to its loop.
final class Journal {
  private struct Entry {
    let batch: ChangeBatch
    /// The latest time of any record up to the end of this batch.
    let newestTime: Int64
  }

  private var entries: Deque<Entry> = []
  /// Number of the last record; 0 before the first.
  private(set) var head: UInt64 = 0
  /// Number of the oldest record still kept; `head + 1` when none is.
  private(set) var oldest: UInt64 = 1
  /// Latest time of any record evicted; nil when none was.
  private(set) var newestEvictedTime: Int64?
  private(set) var bytes = 0
  private(set) var recordsEvicted: UInt64 = 0

  func batch(at index: Int) -> ChangeBatch { entries[index].batch }

  /// Appends `batch` and evicts what is older than its `oldest`. Batches must follow each other; the
  /// first may start anywhere.
  func append(_ batch: ChangeBatch) {
    let isFirst = head == 0 && entries.isEmpty
    precondition(isFirst || batch.first == head + 1, "a batch is missing")
    var newest = entries.last?.newestTime ?? .min
    for index in batch.records.indices { newest = max(newest, batch.records[index].time) }
    if !batch.records.isEmpty {
      entries.append(Entry(batch: batch, newestTime: newest))
      bytes += Self.cost(of: batch)
    }
    head = batch.end - 1
    if isFirst { oldest = batch.first }
    evict(before: max(oldest, min(batch.oldest, batch.end)))
  }

  private func evict(before kept: UInt64) {
    recordsEvicted += kept - oldest
    // Of a batch kept in part the evicted records' times are not looked up: the batch's newest is
    // an upper bound.
    if kept > oldest, !entries.isEmpty {
      var index = 0
      while index + 1 < entries.count, entries[index + 1].batch.first < kept { index += 1 }
      newestEvictedTime = entries[index].newestTime
    }
    oldest = kept
    while let first = entries.first, first.batch.end <= kept {
      bytes -= Self.cost(of: first.batch)
      entries.removeFirst()
    }
  }

  /// Index of the batch that holds record `sequence`, which must be kept.
  func batchIndex(of sequence: UInt64) -> Int {
    precondition(sequence >= oldest && sequence <= head)
    return firstIndex { $0.batch.end > sequence }
  }

  /// When record `sequence` was read from the kernel; nil when it is not kept.
  func time(of sequence: UInt64) -> Int64? {
    guard sequence >= oldest, sequence <= head, let last = entries.last?.batch else { return nil }
    // Nearly everybody asks for what has just come.
    let batch = sequence >= last.first ? last : entries[batchIndex(of: sequence)].batch
    return batch.records[Int(sequence - batch.first)].time
  }

  /// Bytes of the records kept after `sequence`, with their names.
  func bytes(after sequence: UInt64) -> Int {
    guard sequence < head else { return 0 }
    let first = max(sequence + 1, oldest)
    guard first <= head else { return 0 }
    let index = batchIndex(of: first)
    var total = 0
    for entry in entries[(index + 1)...] { total += Self.cost(of: entry.batch) }
    let batch = entries[index].batch
    for record in batch.records[Int(first - batch.first)...] {
      total += MemoryLayout<JournalRecord>.stride + record.pathRange.count + record.fromRange.count
    }
    return total
  }

  /// Number of the first record kept that is not older than `time`; `head + 1` when all are.
  func firstSequence(since time: Int64) -> UInt64 {
    let index = firstIndex { $0.newestTime >= time }
    guard index < entries.count else { return head + 1 }
    let batch = entries[index].batch
    for (offset, record) in batch.records.enumerated() where record.time >= time {
      return max(oldest, batch.first + UInt64(offset))
    }
    return max(oldest, batch.first)
  }

  /// Index of the first batch kept for which `isAtOrAfter` holds; once true it must stay true.
  private func firstIndex(where isAtOrAfter: (Entry) -> Bool) -> Int {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if isAtOrAfter(entries[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  private static func cost(of batch: ChangeBatch) -> Int {
    batch.records.count * MemoryLayout<JournalRecord>.stride + batch.bytes.count
  }
}
