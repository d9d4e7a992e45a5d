import HTTP1
import HTTPTypes
import Testing

struct HTTP1RequestParserTests {
  static let cases = requestLineCases + fieldCases + framingCases + chunkedCases

  @Test("raw bytes are understood, or refused, exactly so", arguments: cases)
  func outcome(of request: RequestCase) {
    #expect(transcript(request.raw) == request.expected)
  }

  @Test("bytes that come one at a time say the same", arguments: cases)
  func drip(_ request: RequestCase) {
    #expect(transcript(request.raw, cuts: Array(1..<request.raw.count)) == request.expected)
  }

  @Test("bytes cut in two anywhere say the same", arguments: cases)
  func cutInTwo(_ request: RequestCase) {
    for cut in 1..<request.raw.count {
      #expect(transcript(request.raw, cuts: [cut]) == request.expected, "cut at \(cut)")
    }
  }

  @Test("no two cases have one name")
  func names() {
    #expect(Set(Self.cases.map(\.name)).count == Self.cases.count)
    #expect(Self.cases.count >= 100)
  }

  @Test("fields keep their order, their duplicates and their bytes; Host becomes the authority")
  func fields() throws {
    let raw: [UInt8] =
      Array("GET / HTTP/1.1\r\nB: 1\r\nHost: h\r\na: \t2 3 \r\nb: ".utf8) + [0xE9]
      + Array("\r\n\r\n".utf8)
    var parser = HTTP1RequestParser()
    raw.withUnsafeBytes { parser.receive($0) }
    guard case .head(let head) = parser.next() else {
      Issue.record("no head")
      return
    }
    let fields = head.request.headerFields
    #expect(fields.map(\.name.rawName) == ["B", "a", "b"])
    #expect(fields[1].value == "2 3")
    #expect(fields[2].withUnsafeBytesOfValue { Array($0) } == [0xE9])
    #expect(head.request.authority == "h")
    #expect(head.request.scheme == "http")
  }

  @Test("what follows an upgrade is handed over and not parsed")
  func upgrade() {
    let head = "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    var parser = HTTP1RequestParser()
    Array((head + "\u{1}raw").utf8).withUnsafeBytes { parser.receive($0) }
    guard case .head = parser.next(), case .end = parser.next() else {
      Issue.record("the request did not end")
      return
    }
    #expect(parser.takeUnparsed() == Array("\u{1}raw".utf8))
    #expect(parser.takeUnparsed() == [])
    #expect(!parser.isMidRequest)
  }

  @Test(
    "a connection is idle between requests only",
    arguments: [
      ("", false, false), ("G", true, true), ("GET / HTTP/1.1\r\nHost: h\r\n", true, true),
      ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nx", true, false),
      ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", false, false),
      ("GET / HTTP/1.1\r\nHost: h\r\n\r\n\r\n", false, false),
      ("GET / HTTP/1.1\r\nHost: h\r\n\r\nG", true, true), ("\u{1}", false, false),
    ])
  func progress(_ raw: String, isMidRequest: Bool, isMidHead: Bool) {
    var parser = HTTP1RequestParser()
    Array(raw.utf8).withUnsafeBytes { parser.receive($0) }
    while true {
      switch parser.next() {
      case .needMore, .refused:
        #expect(parser.isMidRequest == isMidRequest)
        #expect(parser.isMidHead == isMidHead)
        return
      case .head, .body, .end: continue
      }
    }
  }
}
