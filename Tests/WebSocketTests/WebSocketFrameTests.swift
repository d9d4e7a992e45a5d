import Testing
import WebSocket

struct WebSocketFrameTests {
  @Test("the examples of RFC 6455 §5.7")
  func rfcExamples() {
    var hello: [UInt8] = []
    WebSocketFrame.append(.text, Array("Hello".utf8), to: &hello)
    #expect(hello == [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])

    var masked: [UInt8] = []
    WebSocketFrame.append(.text, Array("Hello".utf8), mask: testMask, to: &masked)
    #expect(masked == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
    #expect(transcript(masked) == ["text Hello"])

    var fragments: [UInt8] = []
    WebSocketFrame.append(.text, isFinal: false, Array("Hel".utf8), to: &fragments)
    WebSocketFrame.append(.continuation, Array("lo".utf8), to: &fragments)
    #expect(fragments == [0x01, 0x03, 0x48, 0x65, 0x6C, 0x80, 0x02, 0x6C, 0x6F])

    var ping: [UInt8] = []
    WebSocketFrame.append(.ping, Array("Hello".utf8), to: &ping)
    #expect(ping == [0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
  }

  @Test(
    "a length takes the shortest form that fits",
    arguments: [
      (0, [0x82, 0x00]), (125, [0x82, 0x7D]), (126, [0x82, 0x7E, 0x00, 0x7E]),
      (256, [0x82, 0x7E, 0x01, 0x00]), (65535, [0x82, 0x7E, 0xFF, 0xFF]),
      (65536, [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] as [(Int, [UInt8])])
  func length(_ length: Int, header: [UInt8]) {
    var bytes: [UInt8] = []
    WebSocketFrame.appendHeader(.binary, length: length, to: &bytes)
    #expect(bytes == header)
  }

  @Test("a reason is cut between characters when it is too long for a close frame")
  func longReason() {
    var bytes: [UInt8] = []
    WebSocketFrame.appendClose(
      code: 1008, reason: String(repeating: "a", count: 122) + "κ", to: &bytes)
    #expect(bytes.count == 2 + 2 + 122)
    #expect(
      transcript(bytes, role: .client) == ["close 1008 " + String(repeating: "a", count: 122)])
    var empty: [UInt8] = []
    WebSocketFrame.appendClose(code: nil, to: &empty)
    #expect(empty == [0x88, 0x00])
  }

  @Test("masking is the same byte by byte and eight at a time, from any phase")
  func masking() {
    let payload = (0..<61).map { UInt8($0 * 7 & 0xFF) }
    let slow = payload.indices.map { payload[$0] ^ testMask.key[$0 & 3] }
    for cut in 0...payload.count {
      var fast: [UInt8] = [1, 2, 3]
      payload[..<cut].withUnsafeBytes { testMask.append($0, phase: 0, to: &fast) }
      payload[cut...].withUnsafeBytes { testMask.append($0, phase: cut, to: &fast) }
      #expect(Array(fast[3...]) == slow, "cut at \(cut)")
    }
  }
}
