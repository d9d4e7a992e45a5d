import Compression
import EventFormats
import Testing

@testable import Server

@Suite("Who shares a compressor")
struct CompressionGroupsTests {
  private final class Filter {}

  private func key(
    _ filter: Filter, _ framing: StreamFraming = .sse, _ format: CompressionFormat = .gzip,
    batch: Int64 = 0
  ) -> CompressionGroups.Key {
    CompressionGroups.Key(
      filter: ObjectIdentifier(filter), framing: framing, form: .body(format), batch: batch)
  }

  @Test("whoever is sent the same in the same form shares one, until the last has gone")
  func sharing() throws {
    let groups = CompressionGroups(limit: 10)
    let (one, two) = (Filter(), Filter())
    let first = try #require(groups.join(key(one)))
    #expect(groups.join(key(one)) === first)
    #expect(first.readers == 2)
    for other in [
      key(two), key(one, .ndjson), key(one, .sse, .zlib), key(one, .sse, .gzip, batch: 1),
    ] {
      #expect(groups.join(other) !== first)
      groups.leave(other)
    }
    #expect(groups.count == 1)
    groups.leave(key(one))
    #expect(groups.join(key(one)) === first)
    groups.leave(key(one))
    groups.leave(key(one))
    #expect(groups.count == 0)
    #expect(groups.join(key(one)) !== first)
  }

  @Test("there are so many at most; who comes to one there is may come all the same")
  func limit() throws {
    let groups = CompressionGroups(limit: 2)
    let filters = [Filter(), Filter(), Filter()]
    #expect(groups.join(key(filters[0])) != nil)
    #expect(groups.join(key(filters[1])) != nil)
    #expect(groups.join(key(filters[2])) == nil)
    #expect(groups.join(key(filters[0]))?.readers == 2)
    groups.leave(key(filters[2]))
    groups.leave(key(filters[1]))
    #expect(groups.join(key(filters[2])) != nil)
  }

  @Test("what a text has and what becomes of it is counted once, however many are sent it")
  func counting() throws {
    let groups = CompressionGroups(limit: 2)
    let filter = Filter()
    let group = try #require(groups.join(key(filter)))
    _ = groups.join(key(filter))
    #expect(groups.members == 2)
    let text = SharedText(range: 0..<1, bytes: [UInt8](repeating: 0x20, count: 1_000))
    var sent: [UInt8] = []
    for _ in 0..<2 {
      var place = DecoderPlace(.gzip)
      #expect(group.follow(text, &place, now: 1, into: &sent))
    }
    #expect(groups.textBytes == 1_000)
    #expect(groups.compressedBytes > 0)
    #expect(groups.compressedBytes * 2 == sent.count)
    groups.leave(key(filter))
    groups.leave(key(filter))
    #expect(groups.members == 0)
    #expect(groups.textBytes == 1_000)
  }

  @Test("what is sent to one alone is compressed in a window that its decoder has")
  func loose() {
    let groups = CompressionGroups(limit: 1)
    #expect(groups.deflater() === groups.deflater(windowBits: 15))
    #expect(groups.deflater(windowBits: 9) !== groups.deflater())
    #expect(groups.deflater(windowBits: 9) === groups.deflater(windowBits: 9))
  }
}
