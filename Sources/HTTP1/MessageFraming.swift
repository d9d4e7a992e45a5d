internal import Bytes
internal import HTTPSemantics
internal import HTTPTypes

/// What the fields say of the message itself: its host, where it ends, what follows it. Everything
/// two readers could understand differently is refused.
struct MessageFraming {
  typealias Refusal = HTTP1RequestParser.Refusal

  let line: RequestLine
  /// Values of Host, which is not among the fields: HTTPTypes knows it as the authority.
  let hosts: [String]
  let fields: HTTPFields
  let bodyLimit: Int

  func head() throws(Refusal) -> HTTP1RequestParser.RequestHead {
    let host = try host()
    let bodyLength = try bodyLength()
    let connection = HTTPList.words(fields[values: .connection])
    let expectsContinue = try expectsContinue() && bodyLength != .none
    let offersUpgrade = line.minorVersion == 1 && connection.contains("upgrade")
    return HTTP1RequestParser.RequestHead(
      request: HTTPRequest(
        method: line.method, scheme: "http", authority: line.authority ?? host, path: line.path,
        headerFields: fields),
      minorVersion: line.minorVersion,
      keepAlive: keepsAlive(connection),
      expectsContinue: expectsContinue,
      bodyLength: bodyLength,
      upgrades: offersUpgrade ? HTTPList.words(fields[values: .upgrade]) : [])
  }

  /// Exactly one Host in HTTP/1.1, at most one in HTTP/1.0, valid in both (RFC 9112 §3.2), and not
  /// empty, since every http URL has a host (RFC 9110 §4.2.1).
  private func host() throws(Refusal) -> String? {
    guard hosts.count <= 1 else { throw .malformed("Host: given more than once") }
    guard let host = hosts.first else {
      guard line.minorVersion == 0 else { throw .malformed("Host: missing") }
      return nil
    }
    guard Authority(host) != nil else { throw .malformed("Host: not a host and a port") }
    return host
  }

  private func bodyLength() throws(Refusal) -> HTTP1RequestParser.BodyLength {
    let lengths = fields[values: .contentLength]
    let codings = fields[values: .transferEncoding]
    guard codings.isEmpty else {
      // RFC 9112 §6.1 allows to refuse both together and codings in HTTP/1.0; so do we.
      guard lengths.isEmpty else {
        throw .malformed("Content-Length: given together with Transfer-Encoding")
      }
      guard line.minorVersion == 1 else {
        throw .malformed("Transfer-Encoding: unknown to HTTP/1.0")
      }
      guard codings.count == 1 else {
        throw .malformed("Transfer-Encoding: given more than once")
      }
      try checkCoding(codings[0])
      return .chunked
    }
    guard let text = lengths.first else { return .none }
    // RFC 9112 §6.3 lets a recipient join equal lengths; a peer that sends two is broken anyway.
    guard lengths.count == 1 else { throw .malformed("Content-Length: given more than once") }
    guard !text.isEmpty, text.utf8.allSatisfy(ASCII.isDigit) else {
      throw .malformed("Content-Length: not a number")
    }
    guard let length = DecimalNumber.parse(text), length <= bodyLimit else {
      throw Refusal(413, "Content-Length: more than the \(bodyLimit) bytes accepted")
    }
    return length == 0 ? .none : .known(length)
  }

  /// Exactly `chunked`. Other codings before it are valid and not implemented (501); a list that
  /// does not end in it leaves the length open (400, RFC 9112 §6.3).
  private func checkCoding(_ coding: String) throws(Refusal) {
    guard !ASCII.equalsIgnoringCase(coding, "chunked") else { return }
    let words = HTTPList.words([coding])
    guard words.last == "chunked", words.dropLast().allSatisfy({ $0 != "chunked" }),
      words.allSatisfy({ $0.utf8.allSatisfy(ASCIISet.token.contains) })
    else { throw .malformed("Transfer-Encoding: only chunked is understood") }
    throw Refusal(501, "Transfer-Encoding: only chunked is implemented")
  }

  private func expectsContinue() throws(Refusal) -> Bool {
    let expectations = fields[values: .expect]
    guard !expectations.isEmpty else { return false }
    guard line.minorVersion == 1 else { return false }  // RFC 9110 §10.1.1: ignored in HTTP/1.0
    guard expectations.allSatisfy({ ASCII.equalsIgnoringCase($0, "100-continue") }) else {
      throw Refusal(417, "Expect: only 100-continue is understood")
    }
    return true
  }

  /// RFC 9112 §9.3.
  private func keepsAlive(_ connection: [String]) -> Bool {
    if connection.contains("close") { return false }
    return line.minorVersion == 1 || connection.contains("keep-alive")
  }
}
