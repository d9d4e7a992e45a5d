import Testing
import WebSocket

struct WebSocketParserTests {
  static let cases = frameCases + textCases + closeCases

  @Test("frames are understood, or refused, exactly so", arguments: cases)
  func outcome(of example: FrameCase) {
    #expect(transcript(example.bytes) == example.expected)
  }

  @Test("bytes that come one at a time say the same", arguments: cases)
  func drip(_ example: FrameCase) {
    let bytes = example.bytes
    #expect(transcript(bytes, cuts: Array(1..<bytes.count)) == example.expected)
  }

  @Test(
    "bytes cut in two anywhere say the same", arguments: cases.filter { $0.bytes.count < 1000 })
  func cutInTwo(_ example: FrameCase) {
    let bytes = example.bytes
    for cut in 1..<bytes.count {
      #expect(transcript(bytes, cuts: [cut]) == example.expected, "cut at \(cut)")
    }
  }

  @Test("text is refused at the byte that spoils it, before the frame is whole")
  func failFast() {
    // RFC 6455 §8.1; the payload is announced as 200 bytes, and its third is wrong.
    var parser = WebSocketParser(role: .server)
    let whole = text([0x61, 0xCE, 0xFF] + [UInt8](repeating: 0x61, count: 197))
    let header = 2 + 2 + 4
    whole[..<(header + 2)].withUnsafeBytes { parser.receive($0) }
    #expect(parser.next() == .needMore)
    whole[(header + 2)...(header + 2)].withUnsafeBytes { parser.receive($0) }
    guard case .violation(code: 1007, _) = parser.next() else {
      Issue.record("the wrong byte was not noticed")
      return
    }
  }

  @Test(
    "what half a header shows is judged at once",
    arguments: [
      ([0xC1], 1002), ([0x83], 1002), ([0x09], 1002), ([0x80], 1002), ([0x81, 0x05], 1002),
      ([0x89, 0xFE], 1002), ([0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], 1002),
    ] as [([UInt8], UInt16)])
  func halfHeader(_ bytes: [UInt8], code: UInt16) {
    let lines = transcript(bytes)
    #expect(lines.count == 1)
    #expect(lines.first?.hasPrefix("! \(code) ") == true)
  }

  @Test(
    "codes that may stand in a close frame",
    arguments: [
      1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000,
      4008, 4999,
    ] as [UInt16])
  func validCode(_ code: UInt16) {
    #expect(transcript(close(code)) == ["close \(code) "])
  }

  @Test(
    "codes that may not",
    arguments: [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] as [UInt16])
  func invalidCode(_ code: UInt16) {
    #expect(transcript(close(code)) == ["! 1002 \(code) may not be sent in a close frame"])
  }

  @Test("a message's fragments count together, in bytes and in frames")
  func limits() {
    var limits = WebSocketParser.Limits()
    limits.message = 4
    limits.framesPerMessage = 3
    let three = text("ab", fin: false) + more("c") + more("d", fin: true)
    #expect(transcript(three + three, limits: limits) == ["text abcd", "text abcd"])
    #expect(
      transcript(text("ab", fin: false) + more("cde"), limits: limits)
        == ["! 1009 a message has more than 4 bytes"])
    #expect(
      transcript(text("", fin: false) + more("") + more("") + more(""), limits: limits)
        == ["! 1008 a message has more than 3 frames"])
    #expect(
      transcript(text("", fin: false) + more("") + ping("") + more("", fin: true), limits: limits)
        == ["ping ", "text "])
  }

  @Test("a message too big is refused by its header, before its bytes come")
  func bigHeader() {
    let header: [UInt8] = [0x82, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4]
    #expect(transcript(header) == ["! 1009 a message has more than 65536 bytes"])
  }

  @Test("a client takes a server's frames, which bear no mask")
  func clientRole() {
    var bytes: [UInt8] = []
    WebSocketFrame.append(.text, Array("Hello".utf8), to: &bytes)
    WebSocketFrame.appendClose(code: 1001, reason: "bye", to: &bytes)
    #expect(transcript(bytes, role: .client) == ["text Hello", "close 1001 bye"])
    #expect(transcript(text("a"), role: .client) == ["! 1002 a frame is masked"])
  }

  @Test("a message of 16 MiB in 64 KiB fragments arrives whole")
  func large() {
    var limits = WebSocketParser.Limits()
    limits.message = 16 << 20
    limits.framesPerMessage = 256
    let piece = [UInt8](repeating: 0x61, count: 64 << 10)
    var parser = WebSocketParser(role: .server, limits: limits)
    for index in 0..<256 {
      let opcode: UInt8 = (index == 0 ? 0x01 : 0x00) | (index == 255 ? 0x80 : 0)
      frame(first: opcode, piece).withUnsafeBytes { parser.receive($0) }
      guard index == 255 else {
        #expect(parser.next() == .needMore)
        continue
      }
      guard case .text(let message) = parser.next() else {
        Issue.record("no message")
        return
      }
      #expect(message.count == 16 << 20)
    }
  }
}
