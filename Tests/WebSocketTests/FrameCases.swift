private let badText = "! 1007 a text is not valid UTF-8"
private let star = String(repeating: "*", count: 125)

/// Lengths, pings and pongs, reserved bits, opcodes, fragments (RFC 6455 §5).
let frameCases: [FrameCase] = [
  FrameCase("an empty text", [text("")], "text "),
  FrameCase("a text", [text("Hello")], "text Hello"),
  FrameCase("an empty message of bytes", [binary([])], "binary "),
  FrameCase("a text of 125", [text(star)], "text \(star)"),
  FrameCase("a text of 126", [text(star + "*")], "text \(star)*"),
  FrameCase("bytes of 65535", [binary(.init(repeating: 0xFE, count: 65535))], "binary (65535)"),
  FrameCase("bytes of 65536", [binary(.init(repeating: 0xFE, count: 65536))], "binary (65536)"),
  FrameCase(
    "bytes of 65537", [binary(.init(repeating: 0xFE, count: 65537))],
    "! 1009 a message has more than 65536 bytes"),
  FrameCase(
    "5 in two bytes", [frame(first: 0x81, Array("Hello".utf8), lengthBytes: 2)],
    "! 1002 a length is not in its shortest form"),
  FrameCase(
    "125 in two bytes", [frame(first: 0x82, .init(repeating: 0, count: 125), lengthBytes: 2)],
    "! 1002 a length is not in its shortest form"),
  FrameCase(
    "65535 in eight bytes", [frame(first: 0x82, .init(repeating: 0, count: 65535), lengthBytes: 8)],
    "! 1002 a length is not in its shortest form"),
  FrameCase(
    "a length of 64 bits", [[0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]],
    "! 1002 a length has its highest bit set"),
  FrameCase(
    "a frame without a mask", [frame(first: 0x81, Array("Hello".utf8), masked: false)],
    "! 1002 a frame is not masked"),
  // Pings and pongs
  FrameCase("an empty ping", [ping("")], "ping "),
  FrameCase("a ping of 125", [ping(star)], "ping \(star)"),
  FrameCase("a ping of 126", [ping(star + "*")], "! 1002 a control frame is longer than 125 bytes"),
  FrameCase(
    "pongs nobody asked for", [pong(""), pong("a"), text("b")], "pong ", "pong a", "text b"),
  FrameCase("pings in a row", (0..<3).map { ping("\($0)") }, "ping 0", "ping 1", "ping 2"),
  FrameCase("a fragmented ping", [frame(first: 0x09, [])], "! 1002 a control frame is fragmented"),
  // Reserved bits
  FrameCase("RSV1", [frame(first: 0xC1, [])], "! 1002 a reserved bit is set"),
  FrameCase(
    "RSV2 after a sound text", [text("a"), frame(first: 0xA1, [])],
    "text a", "! 1002 a reserved bit is set"),
  FrameCase("RSV3 in a ping", [frame(first: 0x99, [])], "! 1002 a reserved bit is set"),
  FrameCase("all three in a close", [frame(first: 0xF8, [])], "! 1002 a reserved bit is set"),
  // Opcodes
  FrameCase("opcode 3", [frame(first: 0x83, [])], "! 1002 opcode 3 is reserved"),
  FrameCase(
    "opcode 7 with a payload", [text("a"), frame(first: 0x87, [1])],
    "text a", "! 1002 opcode 7 is reserved"),
  FrameCase("opcode 11", [frame(first: 0x8B, [])], "! 1002 opcode 11 is reserved"),
  FrameCase(
    "opcode 15", [text("a"), frame(first: 0x8F, [])],
    "text a", "! 1002 opcode 15 is reserved"),
  // Fragments
  FrameCase("a text in two", [text("frag", fin: false), more("ment", fin: true)], "text fragment"),
  FrameCase(
    "bytes in three", [binary([65], fin: false), more("b"), more("c", fin: true)], "binary Abc"),
  FrameCase("empty fragments", [text("", fin: false), more(""), more("", fin: true)], "text "),
  FrameCase(
    "a ping between fragments", [text("a", fin: false), ping("p"), more("b", fin: true)],
    "ping p", "text ab"),
  FrameCase(
    "a pong and two pings between fragments",
    [text("a", fin: false), ping("1"), more("b"), pong("2"), ping("3"), more("c", fin: true)],
    "ping 1", "pong 2", "ping 3", "text abc"),
  FrameCase(
    "a close between fragments", [text("a", fin: false), close(1000), more("b", fin: true)],
    "close 1000 "),
  FrameCase(
    "nothing to continue, at its end", [more("a", fin: true)], "! 1002 there is nothing to continue"
  ),
  FrameCase("nothing to continue, to go on", [more("a")], "! 1002 there is nothing to continue"),
  FrameCase(
    "nothing to continue after a message", [text("a"), more("b", fin: true)],
    "text a", "! 1002 there is nothing to continue"),
  FrameCase(
    "a text inside a text", [text("a", fin: false), text("b")],
    "! 1002 a message begins inside another"),
  FrameCase(
    "bytes inside a text", [text("a", fin: false), binary([1], fin: false)],
    "! 1002 a message begins inside another"),
  FrameCase(
    "a second message after fragments",
    [text("a", fin: false), more("b", fin: true), binary([99])], "text ab", "binary c"),
]

/// Text is UTF-8, judged as it comes (RFC 6455 §8.1).
let textCases: [FrameCase] = [
  FrameCase("characters of 1 to 4 bytes", [text("aκ㐀𐍈")], "text aκ㐀𐍈"),
  FrameCase(
    "a character in two fragments",
    [text([0xCE], fin: false), more([0xBA], fin: true)], "text κ"),
  FrameCase(
    "a character in four fragments",
    [text([0xF0], fin: false), more([0x90]), more([0x8D]), more([0x88], fin: true)], "text 𐍈"),
  FrameCase(
    "a character and a ping inside it",
    [text([0xCE], fin: false), ping("p"), more([0xBA], fin: true)], "ping p", "text κ"),
  FrameCase(
    "the first and the last of each length",
    [text("\u{0}\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}")],
    "text \u{0}\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}"),
  FrameCase("beside the surrogates", [text("\u{D7FF}\u{E000}")], "text \u{D7FF}\u{E000}"),
  FrameCase("an end inside a character", [text([0x61, 0xCE])], badText),
  FrameCase("a continuation alone", [text([0x80])], badText),
  FrameCase("a begin after a begin", [text([0xCE, 0xCE, 0xBA])], badText),
  FrameCase("an overlong slash", [text([0xC0, 0xAF])], badText),
  FrameCase("an overlong form of three", [text([0xE0, 0x9F, 0xBF])], badText),
  FrameCase("an overlong form of four", [text([0xF0, 0x8F, 0xBF, 0xBF])], badText),
  FrameCase("a surrogate", [text([0xED, 0xA0, 0x80])], badText),
  FrameCase("beyond Unicode", [text([0xF4, 0x90, 0x80, 0x80])], badText),
  FrameCase("a form of five", [text([0xF8, 0x88, 0x80, 0x80, 0x80])], badText),
  FrameCase("FE and FF", [text([0xFE, 0xFF])], badText),
  FrameCase("after a long run of ASCII", [text(Array(star.utf8) + [0xFF])], badText),
  FrameCase("in the second fragment", [text("a", fin: false), more([0xFF], fin: true)], badText),
  FrameCase("bytes need be no text", [binary([0xFF])], "binary \u{FFFD}"),
]

/// Close frames (RFC 6455 §5.5.1, §7.4).
let closeCases: [FrameCase] = [
  FrameCase("without a code", [frame(first: 0x88, [])], "close - "),
  FrameCase("with a code", [close(1000)], "close 1000 "),
  FrameCase("with a reason", [close(1001, Array("κ".utf8))], "close 1001 κ"),
  FrameCase(
    "with the longest reason", [close(1000, .init(repeating: 0x61, count: 123))],
    "close 1000 \(String(repeating: "a", count: 123))"),
  FrameCase(
    "with a reason too long", [close(1000, .init(repeating: 0x61, count: 124))],
    "! 1002 a control frame is longer than 125 bytes"),
  FrameCase(
    "with half a code", [frame(first: 0x88, [3])], "! 1002 a close frame holds half a code"),
  FrameCase("with a reason that is no text", [close(1000, [0xCE])], badText),
  FrameCase("what follows is ignored", [close(1000), ping("x"), text([0xFF])], "close 1000 "),
  FrameCase("a second close is ignored", [close(1000), close(1001)], "close 1000 "),
  FrameCase("fragmented", [frame(first: 0x08, [3, 0xE8])], "! 1002 a control frame is fragmented"),
]
