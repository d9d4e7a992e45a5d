/// Bytes received but not yet understood, oldest first. A value, owned by one parser. Its limit is
/// its owner's: what a parser does not consume stays.
///
/// Each byte is copied in once, no more are moved than were consumed, whatever the sizes of the
/// pieces, and none is searched twice for the end of a line: the cost is linear when bytes drip in
/// one at a time too.
package struct ByteQueue: Sendable {
  /// Storage kept by an empty queue: a short request or frame without a new allocation, and
  /// nothing worth counting for ten thousand idle clients.
  private static let idleCapacity = 512

  @usableFromInline var storage: [UInt8] = []
  @usableFromInline var start = 0
  /// Bytes from `start` known to hold no LF.
  private var searched = 0

  package init() {}

  package var count: Int { storage.count - start }
  package var isEmpty: Bool { storage.count == start }

  /// Byte `offset` places after the oldest; traps outside `0..<count`.
  package subscript(offset: Int) -> UInt8 { storage[start + offset] }

  package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    if start > storage.count / 2 {
      storage.removeFirst(start)
      start = 0
    }
    storage.append(contentsOf: bytes)
  }

  /// Length of the oldest line with its LF, or nil when no LF has come yet.
  package mutating func lineLength() -> Int? {
    let from = start + searched
    guard let lineFeed = storage.withUnsafeBytes({ $0.firstOffset(of: ASCII.lineFeed, from: from) })
    else {
      searched = count
      return nil
    }
    searched = lineFeed - start
    return lineFeed + 1 - start
  }

  /// Runs `body` on the oldest `length` bytes, which stay. The pointer is valid only inside.
  @inlinable
  package func withOldest<Result, Failure: Error>(
    _ length: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try storage.withUnsafeBufferPointer { (all) throws(Failure) in
      try body(UnsafeRawBufferPointer(all).part(start..<start + length))
    }
  }

  /// Forgets the oldest `length` bytes.
  package mutating func consume(_ length: Int) {
    precondition(length <= count, "more consumed than received")
    start += length
    searched = 0
    guard start == storage.count else { return }
    start = 0
    if storage.capacity > Self.idleCapacity {
      storage = []
    } else {
      storage.removeAll(keepingCapacity: true)
    }
  }

  /// The oldest `length` bytes, removed.
  package mutating func take(_ length: Int) -> [UInt8] {
    let taken = Array(storage[start..<start + length])
    consume(length)
    return taken
  }
}
