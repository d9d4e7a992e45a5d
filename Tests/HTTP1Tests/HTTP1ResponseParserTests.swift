import HTTP1
import HTTPTypes
import Testing

private let cut = "refused: the connection ended in the middle of the response"
private let malformed = "refused: the status line is malformed"
private let threeDigits = "refused: the status is not a number of three digits"

/// RFC 9112 §4.
private let statusLineCases: [ResponseCase] = [
  ResponseCase("the plain one", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 OK", "end"),
  ResponseCase("HTTP/1.0", "HTTP/1.0 204 None\r\n\r\n", "204 None 1.0", "end"),
  ResponseCase("a later minor version", "HTTP/1.7 204 None\r\n\r\n", "204 None", "end"),
  ResponseCase("an empty reason", "HTTP/1.1 204 \r\n\r\n", "204", "end"),
  ResponseCase("no reason and no space", "HTTP/1.1 204\r\n\r\n", "204", "end"),
  ResponseCase("a reason of words", "HTTP/1.1 204 a b\tc\r\n\r\n", "204 a b\tc", "end"),
  ResponseCase(
    "a status nobody knows", "HTTP/1.1 799 x\r\nContent-Length: 0\r\n\r\n", "799 x", "end"),
  ResponseCase("a status below 100", "HTTP/1.1 099 x\r\n", threeDigits),
  ResponseCase("a status of two digits", "HTTP/1.1 20 OK\r\n", threeDigits),
  ResponseCase("a status of four digits", "HTTP/1.1 2000 OK\r\n", threeDigits),
  ResponseCase("a status in words", "HTTP/1.1 two OK\r\n", threeDigits),
  ResponseCase("a signed status", "HTTP/1.1 +20 OK\r\n", threeDigits),
  ResponseCase("two spaces", "HTTP/1.1  200 OK\r\n", threeDigits),
  ResponseCase("a tab for the space", "HTTP/1.1\t200 OK\r\n", malformed),
  ResponseCase("no status", "HTTP/1.1\r\n", malformed),
  ResponseCase("a lower-case name", "Http/1.1 200 OK\r\n", malformed),
  ResponseCase("a version without minor", "HTTP/1 200 OK\r\n", malformed),
  ResponseCase(
    "HTTP/2", "HTTP/2.0 200 OK\r\n",
    "refused: only HTTP/1.1 and HTTP/1.0 are spoken on this connection"),
  ResponseCase(
    "a control character in the reason", "HTTP/1.1 200 O\u{7}K\r\n",
    "refused: control character at byte 1 of the reason phrase"),
  ResponseCase("a bare LF", "HTTP/1.1 200 OK\n", "refused: a line ends in LF without CR"),
  ResponseCase("an empty line first", "\r\nHTTP/1.1 200 OK\r\n", "refused: this is not HTTP"),
  ResponseCase("another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "refused: this is not HTTP"),
  ResponseCase(
    "a TLS alert", "\u{15}\u{3}\u{1}\u{0}\u{2}", "refused: the server speaks TLS here, not http"),
  .closed("closed at once", "", cut),
  .closed("closed in the status line", "HTTP/1.1 2", cut),
  .closed("closed in the fields", "HTTP/1.1 200 OK\r\nA: b\r\n", cut),
]

/// RFC 9112 §6.3 and RFC 9110 §15.2.
private let responseFramingCases: [ResponseCase] = [
  .fields("a length", "Content-Length: 2\r\n", "hi", "200 OK length=2", "body:hi", "end"),
  .fields(
    "more than the length", "Content-Length: 2\r\n", "hi!", "200 OK length=2", "body:hi", "end"),
  .fields("less than the length", "Content-Length: 3\r\n", "hi", "200 OK length=3", "body:hi"),
  .closed(
    "closed before the length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi",
    "200 OK length=3", "body:hi", cut),
  .closed(
    "until close", "HTTP/1.1 200 OK\r\n\r\nhello", "200 OK until-close", "body:hello", "end"),
  .closed("until close at once", "HTTP/1.1 200 OK\r\n\r\n", "200 OK until-close", "end"),
  .fields("still open", "", "hello", "200 OK until-close", "body:hello"),
  .fields(
    "two lengths", "Content-Length: 2\r\nContent-Length: 2\r\n", "hi",
    "refused: Content-Length: given more than once"),
  .fields(
    "lengths in a list", "Content-Length: 2, 2\r\n", "hi", "refused: Content-Length: not a number"),
  .fields(
    "a signed length", "Content-Length: +2\r\n", "hi", "refused: Content-Length: not a number"),
  .fields("an empty length", "Content-Length:\r\n", "hi", "refused: Content-Length: not a number"),
  .fields(
    "a length of 64 bits", "Content-Length: 18446744073709551615\r\n", "",
    "refused: Content-Length: not a number"),
  .fields(
    "a length and chunks", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "",
    "refused: Content-Length: given together with Transfer-Encoding"),
  .fields(
    "chunked in another case", "Transfer-Encoding: ChunKed\r\n", "0\r\n\r\n", "200 OK chunked",
    "end"),
  .fields(
    "another coding", "Transfer-Encoding: gzip, chunked\r\n", "",
    "refused: Transfer-Encoding: only chunked is understood"),
  .fields(
    "chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "",
    "refused: Transfer-Encoding: only chunked is understood"),
  ResponseCase(
    "chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "refused: Transfer-Encoding: unknown to HTTP/1.0"),
  ResponseCase(
    "204 has no content", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    "204 No Content", "end"),
  ResponseCase(
    "304 has no content", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    "304 Not Modified", "end"),
  .head(
    "an answer to HEAD has no content",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200 OK", "end"),
  ResponseCase(
    "100 is passed over",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\n\r\n", "204 x", "end"),
  ResponseCase(
    "early hints are passed over, fields and all",
    "HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
    "200 OK length=1", "body:x", "end"),
  ResponseCase(
    "101 is final", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\u{1}",
    "101 Switching Protocols", "end"),
  .closed("closed after 100", "HTTP/1.1 100 Continue\r\n\r\n", cut),
  .fields(
    "folded fields", "A: b\r\n c\r\n", "",
    "refused: a field line begins with white space (obs-fold)"),
  .fields(
    "a space before the colon", "A : b\r\n", "",
    "refused: byte 1 of a field name is not allowed there"),
]

/// RFC 9112 §7.1.
private let responseChunkCases: [ResponseCase] = [
  .chunks("two chunks", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "body:hello", "end"),
  .chunks("a padded size", "00000005\r\nhello\r\n", "body:hello"),
  .chunks("extensions", "5;a=\"b\"\r\nhello\r\n0\r\n\r\n", "body:hello", "end"),
  .chunks("trailers", "0\r\nX-Sum: 1\r\n\r\n", "end"),
  .chunks(
    "a trailer that frames", "0\r\nContent-Length: 1\r\n\r\n",
    "refused: Content-Length: not allowed as a trailer field"),
  .chunks("no size", "\r\n", "refused: a chunk has no size"),
  .chunks(
    "a chunk too long", "4\r\nhello\r\n", "body:hell",
    "refused: a chunk does not end where its size says"),
  .chunks(
    "a size of 64 bits", "ffffffffffffffff\r\n", "refused: a chunk size is out of range"),
  .closed(
    "closed between chunks",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
    "200 OK chunked", "body:x", cut),
]

struct HTTP1ResponseParserTests {
  static let cases = statusLineCases + responseFramingCases + responseChunkCases

  @Test("a server's bytes are understood, or refused, exactly so", arguments: cases)
  func outcome(of response: ResponseCase) {
    #expect(response.transcript() == response.expected)
  }

  @Test("bytes that come one at a time say the same", arguments: cases)
  func drip(_ response: ResponseCase) {
    let cuts = Array(stride(from: 1, to: response.raw.count, by: 1))
    #expect(response.transcript(cuts: cuts) == response.expected)
  }

  @Test("bytes cut in two anywhere say the same", arguments: cases)
  func cutInTwo(_ response: ResponseCase) {
    for cut in stride(from: 1, to: response.raw.count, by: 1) {
      #expect(response.transcript(cuts: [cut]) == response.expected, "cut at \(cut)")
    }
  }

  /// Each pair: the most that passes, and one more.
  static let limitCases: [ResponseCase] = [
    ResponseCase(
      "a status line of 20", "HTTP/1.1 204 12345\r\n\r\n", "204 12345", "end"),
    ResponseCase(
      "a status line of 21", "HTTP/1.1 204 123456\r\n\r\n",
      "refused: the status line is longer than 20 bytes"),
    ResponseCase("two fields", "HTTP/1.1 204 x\r\na:\r\nb:\r\n\r\n", "204 x", "end"),
    ResponseCase(
      "three fields", "HTTP/1.1 204 x\r\na:\r\nb:\r\nc:\r\n\r\n",
      "refused: there are more than 2 header fields"),
    ResponseCase(
      "fields of 30", "HTTP/1.1 204 x\r\na: \(String(repeating: "a", count: 23))\r\n\r\n",
      "204 x", "end"),
    ResponseCase(
      "fields of 31", "HTTP/1.1 204 x\r\na: \(String(repeating: "a", count: 24))\r\n\r\n",
      "refused: the header fields are longer than 30 bytes"),
    ResponseCase(
      "one interim response", "HTTP/1.1 100 x\r\na:\r\nb:\r\n\r\nHTTP/1.1 204 x\r\na:\r\n\r\n",
      "204 x", "end"),
    ResponseCase(
      "two interim responses", "HTTP/1.1 100 x\r\n\r\nHTTP/1.1 100 x\r\n\r\n",
      "refused: there are more than 1 interim responses"),
  ]

  @Test("a limit is kept to the byte, however the bytes are cut", arguments: limitCases)
  func limit(_ response: ResponseCase) {
    var limits = HTTP1ResponseParser.Limits()
    limits.statusLine = 20
    limits.headerBlock = 30
    limits.fields = 2
    limits.interims = 1
    #expect(response.transcript(limits: limits) == response.expected)
    let drip = Array(1..<response.raw.count)
    #expect(response.transcript(cuts: drip, limits: limits) == response.expected)
  }

  @Test("fields keep their order, their duplicates and their bytes")
  func fields() {
    let raw =
      Array("HTTP/1.1 204 x\r\nB: 1\r\na: \t2 3 \r\nb: ".utf8) + [0xE9] + Array("\r\n\r\n".utf8)
    var parser = HTTP1ResponseParser()
    raw.withUnsafeBytes { parser.receive($0) }
    guard case .head(let head) = parser.next() else {
      Issue.record("no head")
      return
    }
    let fields = head.response.headerFields
    #expect(fields.map(\.name.rawName) == ["B", "a", "b"])
    #expect(fields[1].value == "2 3")
    #expect(fields[2].withUnsafeBytesOfValue { Array($0) } == [0xE9])
  }

  @Test("no two cases have one name")
  func names() {
    #expect(Set(Self.cases.map(\.name)).count == Self.cases.count)
    #expect(Self.cases.count >= 60)
  }
}
