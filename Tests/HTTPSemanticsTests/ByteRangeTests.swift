import HTTPSemantics
import Testing

struct ByteRangeTests {
  @Test(
    "one range is a part, none, or past the end",
    arguments: [
      ("bytes=0-0", .part(0..<1)), ("bytes=0-499", .part(0..<500)),
      ("bytes=500-999", .part(500..<1000)),
      ("bytes=999-", .part(999..<1000)), ("bytes=0-", .part(0..<1000)),
      ("bytes=-1", .part(999..<1000)),
      ("bytes=-5000", .part(0..<1000)), ("bytes=5-5000", .part(5..<1000)),
      ("Bytes= 1-2 ", .part(1..<3)),
      ("bytes=0-99999999999999999999", .part(0..<1000)),
      ("bytes=1000-", .unsatisfiable), ("bytes=1000-1001", .unsatisfiable),
      ("bytes=-0", .unsatisfiable),
      ("bytes=99999999999999999999-", .unsatisfiable),
      ("bytes=0-1,5-6", .whole), ("bytes=", .whole), ("bytes=-", .whole), ("bytes=5-1", .whole),
      ("bytes=a-b", .whole), ("bytes=1", .whole), ("bytes=1-2-3", .whole), ("bytes=+1-2", .whole),
      ("lines=0-1", .whole), ("bytes 0-1", .whole), ("", .whole),
    ] as [(String, ByteRange)])
  func range(_ value: String, outcome: ByteRange) {
    #expect(ByteRange([value], length: 1000) == outcome)
  }

  @Test("no field and two fields are no range; of nothing there is no part")
  func edges() {
    #expect(ByteRange([], length: 10) == .whole)
    #expect(ByteRange(["bytes=0-1", "bytes=0-1"], length: 10) == .whole)
    #expect(ByteRange(["bytes=0-"], length: 0) == .unsatisfiable)
    #expect(ByteRange(["bytes=-1"], length: 0) == .unsatisfiable)
  }

  @Test("Content-Range tells the part and the whole")
  func contentRange() {
    #expect(ByteRange.contentRange(0..<500, of: 1234) == "bytes 0-499/1234")
    #expect(ByteRange.contentRange(nil, of: 1234) == "bytes */1234")
  }
}
