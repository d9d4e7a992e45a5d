import HTTP1
import HTTPTypes
import Testing

struct HTTP1ResponseEncoderTests {
  private typealias Encoder = HTTP1ResponseEncoder

  private static func head(
    _ status: HTTPResponse.Status, _ framing: HTTP1ResponseEncoder.Framing,
    _ persistence: HTTP1ResponseEncoder.Persistence, fields: HTTPFields = [:]
  ) -> String {
    var bytes: [UInt8] = []
    Encoder.appendHead(
      status, fields: fields, framing: framing, persistence: persistence, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test("a head says its length and nothing of a connection that stays")
  func length() {
    #expect(
      Self.head(
        .ok, .length(5), .keepAlive(peerMinorVersion: 1),
        fields: [.contentType: "text/plain", .eTag: "\"a\""])
        == "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: \"a\"\r\nContent-Length: 5\r\n\r\n"
    )
  }

  @Test("each framing and each end of a connection has its lines")
  func lines() {
    #expect(
      Self.head(.noContent, .none, .close)
        == "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    #expect(
      Self.head(.ok, .chunked, .keepAlive(peerMinorVersion: 1))
        == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    #expect(
      Self.head(.ok, .untilClose, .close) == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    #expect(
      Self.head(.ok, .length(0), .keepAlive(peerMinorVersion: 0))
        == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n")
    #expect(
      Self.head(.switchingProtocols, .none, .upgrade, fields: [.upgrade: "websocket"])
        == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
    #expect(Encoder.continue == Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
  }

  @Test("fields that frame the message come from the framing alone")
  func ownFields() {
    let fields: HTTPFields = [
      .contentLength: "99", .transferEncoding: "gzip", .connection: "close", .server: "s",
    ]
    #expect(
      Self.head(.ok, .length(1), .keepAlive(peerMinorVersion: 1), fields: fields)
        == "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 1\r\n\r\n")
  }

  @Test("lines that were put down before are the lines that would be put down now")
  func preparedLines() {
    let fields: HTTPFields = [.contentLength: "99", .server: "s", .eTag: "\"a\""]
    var fresh: [UInt8] = []
    Encoder.appendHead(
      .ok, fields: fields, common: Encoder.fieldLines([.age: "1"]), framing: .length(1),
      persistence: .close, to: &fresh)
    var prepared: [UInt8] = []
    Encoder.appendHead(
      .ok, lines: Encoder.fieldLines(fields), common: Encoder.fieldLines([.age: "1"]),
      framing: .length(1), persistence: .close, to: &prepared)
    #expect(String(decoding: fresh, as: UTF8.self) == String(decoding: prepared, as: UTF8.self))
    #expect(
      String(decoding: fresh, as: UTF8.self)
        == "HTTP/1.1 200 OK\r\nServer: s\r\nETag: \"a\"\r\nAge: 1\r\nContent-Length: 1\r\n"
        + "Connection: close\r\n\r\n")
  }

  @Test("no value and no reason phrase can begin a line of its own")
  func noInjection() {
    let head = Self.head(
      .init(code: 200, reasonPhrase: "a\r\nX: 1"),
      .none, .keepAlive(peerMinorVersion: 1),
      fields: [.location: "/a\r\nSet-Cookie: b=c\r\n\r\n<html>\0"])
    let lines = head.split(separator: "\r\n", omittingEmptySubsequences: false)
    #expect(lines.count == 4)
    #expect(lines[1].hasPrefix("Location: /a  Set-Cookie"))
    #expect(!head.utf8.contains(0))
  }

  @Test("chunks carry their size in hexadecimal, and an empty one is left out")
  func chunks() {
    var bytes: [UInt8] = []
    let content = [UInt8](repeating: UInt8(ascii: "x"), count: 26)
    content.withUnsafeBytes { Encoder.appendChunk($0, to: &bytes) }
    [UInt8]().withUnsafeBytes { Encoder.appendChunk($0, to: &bytes) }
    Encoder.appendLastChunk(to: &bytes)
    let expected = "1a\r\n" + String(repeating: "x", count: 26) + "\r\n0\r\n\r\n"
    #expect(String(decoding: bytes, as: UTF8.self) == expected)
  }

  @Test("what the encoder writes in chunks the parser reads")
  func roundTrip() {
    var bytes = Array("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    for text in ["a", "bc", String(repeating: "d", count: 300)] {
      Array(text.utf8).withUnsafeBytes { Encoder.appendChunk($0, to: &bytes) }
    }
    Encoder.appendLastChunk(to: &bytes)
    #expect(
      transcript(bytes)
        == ["POST / @h chunked", "body:abc" + String(repeating: "d", count: 300), "end"])
  }
}
