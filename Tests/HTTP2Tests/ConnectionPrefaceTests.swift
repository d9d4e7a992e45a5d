import HTTP2
import Testing

struct ConnectionPrefaceTests {
  @Test(
    "the first byte that differs says it is HTTP/1.1",
    arguments: [
      ("", ConnectionPreface.Match.soFar), ("P", .soFar), ("G", .no), ("PO", .no), ("PRI ", .soFar),
      ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r", .soFar), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .yes),
      ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u{0}", .yes), ("PRI * HTTP/2.0\r\n\r\nSm", .no),
      ("PRI * HTTP/1.1\r\n", .no),
    ])
  func match(text: String, expected: ConnectionPreface.Match) {
    #expect(ConnectionPreface.match(text.utf8) == expected)
  }
}
