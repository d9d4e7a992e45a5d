import HTTP1
import Testing

struct HTTP1LimitsTests {
  private static func small() -> HTTP1RequestParser.Limits {
    var limits = HTTP1RequestParser.Limits()
    limits.requestLine = 40
    limits.headerBlock = 60
    limits.fields = 3
    limits.body = 10
    limits.chunkExtensions = 8
    return limits
  }

  /// Each pair: the longest that passes, and one more.
  static let cases: [RequestCase] = [
    RequestCase(
      "a request line of 40",
      "GET /\(String(repeating: "a", count: 24)) HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /\(String(repeating: "a", count: 24)) @h", "end"),
    RequestCase(
      "a request line of 41",
      "GET /\(String(repeating: "a", count: 25)) HTTP/1.1\r\nHost: h\r\n\r\n",
      "414 the request line is longer than 40 bytes"),
    RequestCase(
      "a request line without end", String(repeating: "a", count: 100),
      "414 the request line is longer than 40 bytes"),
    RequestCase(
      "fields of 60",
      "GET / HTTP/1.1\r\nHost: h\r\nA: \(String(repeating: "a", count: 44))\r\n\r\n",
      "GET / @h", "end"),
    RequestCase(
      "fields of 61",
      "GET / HTTP/1.1\r\nHost: h\r\nA: \(String(repeating: "a", count: 45))\r\n\r\n",
      "431 the header fields are longer than 60 bytes"),
    RequestCase(
      "a field without end", "GET / HTTP/1.1\r\nHost: \(String(repeating: "a", count: 100))",
      "431 the header fields are longer than 60 bytes"),
    RequestCase(
      "three fields", "GET / HTTP/1.1\r\nHost: h\r\na:\r\nb:\r\n\r\n", "GET / @h", "end"),
    RequestCase(
      "four fields", "GET / HTTP/1.1\r\nHost: h\r\na:\r\nb:\r\nc:\r\n\r\n",
      "431 there are more than 3 header fields"),
    .post(
      "content of 10", "Content-Length: 10\r\n", "0123456789",
      "POST / @h length=10", "body:0123456789", "end"),
    .post(
      "content of 11", "Content-Length: 11\r\n", "0123456789a",
      "413 Content-Length: more than the 10 bytes accepted"),
    .chunks("chunks of 10", "6\r\n012345\r\n4\r\n6789\r\n0\r\n\r\n", "body:0123456789", "end"),
    .chunks(
      "chunks of 11", "6\r\n012345\r\n5\r\n6789a\r\n0\r\n\r\n",
      "body:012345", "413 the content is longer than 10 bytes"),
    .chunks("extensions of 8", "1;abc\r\nx\r\n0;abc\r\n\r\n", "body:x", "end"),
    .chunks(
      "extensions of 9", "1;abc\r\nx\r\n0;abcd\r\n\r\n",
      "body:x", "400 the chunk extensions are longer than 8 bytes"),
    .chunks(
      "an extension without end", "1;\(String(repeating: "a", count: 100))",
      "400 the chunk extensions are longer than 8 bytes"),
    .chunks(
      "trailers count as fields", "0\r\na:\r\nb:\r\n\r\n",
      "431 there are more than 3 header fields"),
    RequestCase(
      "limits are each request's own",
      String(
        repeating: "GET / HTTP/1.1\r\nHost: h\r\na: 0123456789\r\nb: 0123456789\r\n\r\n", count: 2),
      "GET / @h", "end", "GET / @h", "end"),
  ]

  @Test("a limit is kept to the byte, however the bytes are cut", arguments: cases)
  func limit(_ request: RequestCase) {
    #expect(transcript(request.raw, limits: Self.small()) == request.expected)
    for cut in 1..<request.raw.count {
      #expect(
        transcript(request.raw, cuts: [cut], limits: Self.small()) == request.expected,
        "cut at \(cut)")
    }
    let drip = Array(1..<request.raw.count)
    #expect(transcript(request.raw, cuts: drip, limits: Self.small()) == request.expected)
  }

  @Test("the standard limits are the documented ones")
  func standard() {
    let limits = HTTP1RequestParser.Limits.standard
    #expect(limits.requestLine == 8192)
    #expect(limits.headerBlock == 16384)
    #expect(limits.fields == 100)
    #expect(limits.body == 1_048_576)
    #expect(limits.chunkExtensions == 4096)
  }

  @Test("content of the full size passes in pieces of any size", arguments: [1000, 4096, 65536])
  func fullBody(piece: Int) {
    let content = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
    var parser = HTTP1RequestParser()
    let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(content.count)\r\n\r\n"
    let raw = Array(head.utf8) + content
    var received = 0
    var ended = false
    for start in stride(from: 0, to: raw.count, by: piece) {
      raw[start..<min(start + piece, raw.count)].withUnsafeBytes { parser.receive($0) }
      events: while true {
        switch parser.next() {
        case .needMore: break events
        case .head: continue
        case .body(let bytes): received += bytes.count
        case .end: ended = true
        case .refused(let refusal):
          Issue.record("\(refusal)")
          return
        }
      }
    }
    #expect(received == content.count)
    #expect(ended)
  }
}
