import Bytes
import Testing

struct ByteQueueTests {
  private static func append(_ text: String, to queue: inout ByteQueue) {
    Array(text.utf8).withUnsafeBytes { queue.append($0) }
  }

  @Test("lines are found however they come, and what is consumed is gone")
  func lines() {
    var queue = ByteQueue()
    #expect(queue.lineLength() == nil)
    Self.append("ab", to: &queue)
    #expect(queue.lineLength() == nil)
    Self.append("\nc", to: &queue)
    #expect(queue.lineLength() == 3)
    #expect(queue.lineLength() == 3)
    queue.consume(3)
    #expect(queue.lineLength() == nil)
    #expect(queue.count == 1)
    #expect(queue[0] == UInt8(ascii: "c"))
    Self.append("\n\n", to: &queue)
    #expect(queue.lineLength() == 2)
    #expect(queue.take(2) == Array("c\n".utf8))
    #expect(queue.lineLength() == 1)
    queue.consume(1)
    #expect(queue.isEmpty)
  }

  @Test("bytes stay in order through any pattern of pieces", arguments: 1...7)
  func order(seed: Int) {
    var queue = ByteQueue()
    var sent = 0
    var taken = 0
    for round in 0..<2000 {
      let piece = (0..<(round * seed % 97)).map { UInt8((sent + $0) & 0xFF) }
      piece.withUnsafeBytes { queue.append($0) }
      sent += piece.count
      let wanted = min(queue.count, round * (seed + 3) % 89)
      let bytes = queue.take(wanted)
      #expect(bytes == (0..<wanted).map { UInt8((taken + $0) & 0xFF) })
      taken += wanted
    }
    #expect(queue.count == sent - taken)
  }
}
