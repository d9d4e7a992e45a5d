import Compression
import Testing

struct CompressionTests {
  static let formats: [CompressionFormat] = [
    .raw(windowBits: 9), .raw(windowBits: 15), .zlib, .gzip,
  ]
  static let texts: [[UInt8]] = [
    [], [0x61], Array("event: change\n".utf8), [UInt8](repeating: 0, count: 100_000),
    (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) },
  ]

  private static func inflated(
    _ bytes: [UInt8], _ format: CompressionFormat, piece: Int = .max, limit: Int = 1 << 20
  ) throws(Inflater.Failure) -> (text: [UInt8], last: Inflater.Progress) {
    let inflater = Inflater(format)
    var text: [UInt8] = []
    var last = Inflater.Progress.needsMore
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = Array(rest.prefix(piece))
      rest = rest.dropFirst(part.count)
      last = try inflater.decompress(part.span.bytes, into: &text, limit: limit)
    }
    return (text, last)
  }

  @Test("what goes in comes out, whole or byte by byte", arguments: formats, texts)
  func roundTrip(_ format: CompressionFormat, _ text: [UInt8]) throws {
    let compressed = Deflater.compressed(text, format)
    for piece in [Int.max, 1, 7] {
      let outcome = try Self.inflated(compressed, format, piece: piece)
      #expect(outcome.text == text)
      #expect(outcome.last == .ended(unused: 0))
    }
  }

  @Test("after a sync flush everything given so far can be read")
  func syncFlush() throws {
    let deflater = Deflater(.gzip)
    let inflater = Inflater(.gzip)
    var read: [UInt8] = []
    var said: [UInt8] = []
    for number in 0..<100 {
      let event = Array("data: {\"path\":\"css/\(number).css\"}\n\n".utf8)
      said += event
      var sent: [UInt8] = []
      deflater.compress(event.span.bytes, .sync, into: &sent)
      #expect(sent.suffix(4) == [0, 0, 0xFF, 0xFF])
      _ = try inflater.decompress(sent.span.bytes, into: &read, limit: 1 << 20)
      #expect(read == said)
    }
  }

  @Test("behind a full flush a decoder may start")
  func fullFlush() throws {
    let deflater = Deflater(.raw(windowBits: 15))
    var first: [UInt8] = []
    var second: [UInt8] = []
    let text = Array("the same words twice".utf8)
    deflater.compress(text.span.bytes, .full, into: &first)
    deflater.compress(text.span.bytes, .sync, into: &second)
    #expect(try Self.inflated(second, .raw(windowBits: 15)).text == text)
  }

  @Test("a bomb stops at the limit", arguments: [0, 1, 1_000, 65_535, 65_536])
  func bomb(_ limit: Int) throws {
    let bomb = Deflater.compressed([UInt8](repeating: 0, count: 10 << 20), .gzip)
    let inflater = Inflater(.gzip)
    var text: [UInt8] = []
    #expect(throws: Inflater.Failure.tooBig) {
      try inflater.decompress(bomb.span.bytes, into: &text, limit: limit)
    }
    #expect(text.count == limit)
    let exact = Deflater.compressed([UInt8](repeating: 0, count: limit), .gzip)
    #expect(try Self.inflated(exact, .gzip, limit: limit).text.count == limit)
  }

  @Test(
    "what is no such stream is refused",
    arguments: [
      ([0x1F, 0x8B, 9, 0], .gzip), ([0x06], .raw(windowBits: 15)), ([0x00, 0x00], .zlib),
    ] as [([UInt8], CompressionFormat)])
  func corrupt(_ bytes: [UInt8], _ format: CompressionFormat) {
    #expect(throws: Inflater.Failure.corrupt) { try Self.inflated(bytes, format) }
  }

  @Test("a stream behind another is told, and continued with its window")
  func behindTheEnd() throws {
    let inflater = Inflater(.raw(windowBits: 15))
    let word = Array("Hello".utf8)
    let bytes = Deflater.compressed(word, .raw(windowBits: 15)) + [1, 2]
    var text: [UInt8] = []
    let progress = try inflater.decompress(bytes.span.bytes, into: &text, limit: 100)
    #expect(progress == .ended(unused: 2))
    inflater.continueAfterEnd()
    let again = Deflater.compressed(word, .raw(windowBits: 15))
    _ = try inflater.decompress(again.span.bytes, into: &text, limit: 100)
    #expect(text == word + word)
  }
}
