internal import DequeModule
internal import Syscalls

/// What a kernel's queue has told and nobody has applied yet. Confined to its tree thread.
///
/// A kernel's queue holds 16,384 records, which one fast writer fills in 20 to 35 ms. So it is emptied
/// into here whenever the thread comes by, however much it has still to apply.
final class RecordBacklog {
  /// Whole records, read at one time.
  struct Chunk {
    let bytes: UnsafeRawBufferPointer
    /// Nanoseconds since 1970 (UTC): when they were read.
    let time: Int64
    /// Monotonic nanoseconds: all of them were made after this.
    let since: Int64
    fileprivate let buffer: UnsafeMutableRawBufferPointer
  }

  /// 64 KiB: some 2,000 records, which are applied in a few milliseconds.
  private static let bufferSize = 64 << 10
  /// 64 MiB of buffers at most: beyond them the kernel's queue overflows, which is noticed and mended.
  private static let bufferLimit = 1_024

  private let queue: RecordQueue
  private var chunks: Deque<Chunk> = []
  /// One buffer, to be filled next.
  private var spare: UnsafeMutableRawBufferPointer?
  /// Every record that is still to be read was made after this, on the monotonic clock.
  private(set) var since: Int64
  /// Whether the last look at the queue saw its end.
  private(set) var hasSeenEnd = false
  /// False when the queue is broken, which cannot be mended.
  private(set) var isReadable = true

  /// Nothing has been read of `queue`, which was made just now.
  init(_ queue: RecordQueue) {
    self.queue = queue
    since = Clock.monotonic()
  }

  deinit {
    spare?.deallocate()
    for chunk in chunks { chunk.buffer.deallocate() }
  }

  var isEmpty: Bool { chunks.isEmpty }

  /// What to wait at.
  var descriptor: Int32 { queue.descriptor }

  /// Empties the kernel's queue, as far as there is room. Returns whether anything was in it.
  @discardableResult func read() -> Bool {
    hasSeenEnd = false
    var hasRead = false
    while isReadable, chunks.count < Self.bufferLimit {
      let start = Clock.monotonic()
      let buffer =
        spare ?? UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferSize, alignment: 16)
      spare = nil
      guard let count = try? queue.read(buffer) else {
        spare = buffer
        isReadable = false
        break
      }
      if count > 0 {
        hasRead = true
        chunks.append(
          Chunk(
            bytes: UnsafeRawBufferPointer(rebasing: buffer[..<count]), time: Clock.realtime(),
            since: since, buffer: buffer))
      } else {
        spare = buffer
      }
      // A read that leaves room for the longest record has emptied the queue.
      if count <= buffer.count - queue.longestRecord {
        since = start
        hasSeenEnd = true
        break
      }
    }
    return hasRead
  }

  /// Notes that the queue holds records, which are left there.
  func leaveUnread() { hasSeenEnd = false }

  /// Notes that the queue was empty at `time`, which was seen without reading.
  func seenEmpty(at time: Int64) {
    since = time
    hasSeenEnd = true
  }

  /// What was read first; nil when all has been applied. Valid until it is dropped.
  var first: Chunk? { chunks.first }

  /// Lets go of the first, which has been applied.
  func dropFirst() {
    let buffer = chunks.removeFirst().buffer
    if spare == nil { spare = buffer } else { buffer.deallocate() }
  }
}
