import EventFormats
import Testing

/// A stream and, line by line, what must come of it: `type|data`, with `|id` after an event whose
/// block names one, `retry N`; at the end `last ID` unless it is empty.
struct EventStreamCase: Sendable, CustomTestStringConvertible {
  let name: String
  let raw: [UInt8]
  let expected: [String]

  init(_ name: String, _ text: String, _ expected: String...) {
    self.init(name, Array(text.utf8), expected)
  }

  init(_ name: String, _ raw: [UInt8], _ expected: [String]) {
    self.name = name
    self.raw = raw
    self.expected = expected
  }

  var testDescription: String { name }

  func transcript(cuts: [Int] = []) throws -> [String] {
    var decoder = EventStreamDecoder()
    var lines: [String] = []
    for (start, end) in zip([0] + cuts, cuts + [raw.count]) {
      for output in try raw[start..<end].withUnsafeBytes({ try decoder.decode($0) }) {
        switch output {
        case .retry(let milliseconds): lines.append("retry \(milliseconds)")
        case .event(let event):
          let text = String(decoding: event.data, as: UTF8.self)
          lines.append("\(event.type)|\(text)" + (event.setsID ? "|id" : ""))
        }
      }
    }
    if !decoder.lastEventID.isEmpty { lines.append("last \(decoder.lastEventID)") }
    return lines
  }
}

struct EventStreamDecoderTests {
  /// WHATWG HTML §9.2.6 and its examples, and the ground that the Web Platform Tests cover.
  static let cases: [EventStreamCase] = [
    // Line ends
    EventStreamCase("LF", "data: a\n\ndata: b\n\n", "message|a", "message|b"),
    EventStreamCase("CR", "data: a\r\rdata: b\r\r", "message|a", "message|b"),
    EventStreamCase("CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", "message|a", "message|b"),
    EventStreamCase("all three at once", "data: a\rdata: b\r\ndata: c\n\r\n", "message|a\nb\nc"),
    EventStreamCase("LF after CR LF ends an empty line", "data: a\r\n\n", "message|a"),
    EventStreamCase("CR CR LF is two lines", "data: a\r\r\ndata: b\n\n", "message|a", "message|b"),
    EventStreamCase("LF CR is two lines", "data: a\n\rdata: b\n\n", "message|a", "message|b"),
    EventStreamCase(
      "U+2028, U+0085 and FF end no line", "data: a\u{2028}\u{85}\u{C}b\n\n",
      "message|a\u{2028}\u{85}\u{C}b"),
    EventStreamCase("empty lines say nothing", "\n\n\r\r\n\r\n\ndata: a\n\n", "message|a"),
    // The end of the stream
    EventStreamCase(
      "an event without its empty line is dropped", "data: a\n\ndata: b\n", "message|a"),
    EventStreamCase("a line without its end is dropped", "data: a\n\ndata: b", "message|a"),
    EventStreamCase("nothing", ""),
    // Byte order mark
    EventStreamCase("a byte order mark first is passed over", "\u{FEFF}data: a\n\n", "message|a"),
    EventStreamCase(
      "a byte order mark later makes another name",
      "\u{FEFF}data: a\n\n\u{FEFF}data: b\n\ndata: c\n\n", "message|a", "message|c"),
    EventStreamCase(
      "a second byte order mark makes another name",
      "\u{FEFF}\u{FEFF}data: a\n\ndata: b\n\n", "message|b"),
    EventStreamCase("half a byte order mark", [0xEF, 0xBB] + Array("data: a\n\n".utf8), []),
    // data
    EventStreamCase("data in lines", "data: YHOO\ndata: +2\ndata: 10\n\n", "message|YHOO\n+2\n10"),
    EventStreamCase(
      "empty data is an event", "data\n\ndata\ndata\n\ndata:", "message|", "message|\n"),
    EventStreamCase("data with a colon only", "data:\n\n", "message|"),
    EventStreamCase(
      "one space after the colon is taken off", "data:a\n\ndata: a\n\ndata:  a\n\n",
      "message|a", "message|a", "message| a"),
    EventStreamCase("a tab after the colon stays", "data:\ta\n\n", "message|\ta"),
    EventStreamCase("a space at the end stays", "data: a \n\n", "message|a "),
    EventStreamCase("colons in the value stay", "data: a:b: c\n\n", "message|a:b: c"),
    EventStreamCase("a NUL in the data stays", "data: a\u{0}b\n\n", "message|a\u{0}b"),
    EventStreamCase(
      "a field name is exact",
      "data:\u{0}\ndata:  2\rData:1\ndata\u{0}:2\ndata:1\r\n\u{0}data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n",
      "message|\u{0}\n 2\n1\n3\n\n4"),
    EventStreamCase("beyond ASCII", "data: ok…🎉\n\n", "message|ok…🎉"),
    EventStreamCase(
      "malformed UTF-8 is replaced", Array("data: a".utf8) + [0xE2, 0x82] + Array("\n\n".utf8),
      ["message|a\u{FFFD}"]),
    // Comments and unknown fields
    EventStreamCase("a comment", ": hello\ndata: a\n:\n: b\n\n", "message|a"),
    EventStreamCase("a heartbeat is no event", ":\n\n:\n\n"),
    EventStreamCase("an unknown field", "test: x\ndata: a\ncolor\n\n", "message|a"),
    EventStreamCase("a name with a space before it", " data: a\n\n"),
    // event
    EventStreamCase("a type", "event: test\ndata: a\n\ndata: b\n\n", "test|a", "message|b"),
    EventStreamCase("the last type counts", "event: a\nevent: b\ndata: x\n\n", "b|x"),
    EventStreamCase("an empty type is the default", "event: a\nevent:\ndata: x\n\n", "message|x"),
    EventStreamCase("a type without data is forgotten", "event: a\n\ndata: x\n\n", "message|x"),
    // id
    EventStreamCase("an id", "id: 1\ndata: a\n\n", "message|a|id", "last 1"),
    EventStreamCase(
      "an id stays for the events after it", "id: 1\ndata: a\n\ndata: b\n\n", "message|a|id",
      "message|b", "last 1"),
    EventStreamCase(
      "an empty id takes it back", "id: 1\ndata: a\n\nid\ndata: b\n\n", "message|a|id",
      "message|b|id"),
    EventStreamCase(
      "an id with a NUL is ignored", "id: 1\nid: a\u{0}b\ndata: x\n\n", "message|x|id",
      "last 1"),
    EventStreamCase("an id without data counts", "data: a\n\nid: 7\n\n", "message|a", "last 7"),
    EventStreamCase(
      "an id counts only when its event has ended", "id: 1\ndata: a\n\nid: 2\ndata: b\n",
      "message|a|id", "last 1"),
    EventStreamCase("an id is text", "id: …\ndata: a\n\n", "message|a|id", "last …"),
    // retry
    EventStreamCase("retry", "retry: 3000\ndata: a\n\n", "retry 3000", "message|a"),
    EventStreamCase("retry counts at once", "retry: 10\n", "retry 10"),
    EventStreamCase(
      "a retry that is no number", "retry: 3000x\nretry: 1.5\nretry: -1\nretry:\nretry: 1 \n\n"),
    EventStreamCase("a retry with zeros before it", "retry: 03000\n", "retry 3000"),
    EventStreamCase("a retry beyond all numbers", "retry: 99999999999999999999\n"),
    // The contract's own
    EventStreamCase(
      "a hello of this server",
      "retry: 2380\nevent: hello\nid: k3v9q-7\ndata: {\"event\":\"hello\"}\n\n:\n\n",
      "retry 2380", "hello|{\"event\":\"hello\"}|id", "last k3v9q-7"),
  ]

  @Test("a stream says exactly so", arguments: cases)
  func outcome(of stream: EventStreamCase) throws {
    #expect(try stream.transcript() == stream.expected)
  }

  @Test("bytes that come one at a time, or cut in two anywhere, say the same", arguments: cases)
  func cuts(_ stream: EventStreamCase) throws {
    let places = Array(stride(from: 1, to: stream.raw.count, by: 1))
    #expect(try stream.transcript(cuts: places) == stream.expected)
    for cut in places {
      #expect(try stream.transcript(cuts: [cut]) == stream.expected, "cut at \(cut)")
    }
  }

  @Test("the id of the connection before stays until another comes")
  func resumed() throws {
    var decoder = EventStreamDecoder(lastEventID: "a-1")
    _ = try Array("data: x\n\n".utf8).withUnsafeBytes { try decoder.decode($0) }
    #expect(decoder.lastEventID == "a-1")
    _ = try Array("id: a-2\n\n".utf8).withUnsafeBytes { try decoder.decode($0) }
    #expect(decoder.lastEventID == "a-2")
  }

  @Test(
    "an event longer than the limit ends the stream, in one line or in many",
    arguments: [
      ("data: 0123456789\n\n", true), ("data: 0123456789a\n\n", false),
      ("data: 0123\ndata: 0\n\n", true), ("data: 0123456\ndata: 012\n\n", false),
      (": 01234567890123456789", false), ("data: 0\n\ndata: 0\n\ndata: 0\n\n", true),
    ])
  func limit(_ text: String, passes: Bool) {
    var decoder = EventStreamDecoder(limit: 16)
    do {
      _ = try Array(text.utf8).withUnsafeBytes { try decoder.decode($0) }
      #expect(passes)
    } catch {
      #expect(!passes)
      #expect((error as? EventStreamDecoder.TooLong)?.limit == 16)
    }
  }
}
