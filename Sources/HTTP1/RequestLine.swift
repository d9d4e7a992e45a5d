internal import Bytes
internal import HTTPSemantics
internal import HTTPTypes

/// A request line taken apart (RFC 9112 §3): one space, one space, no leniency.
struct RequestLine {
  typealias Refusal = HTTP1RequestParser.Refusal

  var method: HTTPRequest.Method
  /// Origin form, or "*".
  var path: String
  /// Of an absolute target.
  var authority: String?
  var minorVersion: Int

  /// The longest method of the IANA registry has 17 characters.
  private static let methodLimit = 32

  /// Reads a line without its CRLF.
  init(_ line: UnsafeRawBufferPointer) throws(Refusal) {
    guard let methodEnd = line.firstOffset(of: ASCII.space) else {
      throw .malformed("the request line has no space")
    }
    let method = line.part(0..<methodEnd)
    guard !method.isEmpty, ASCIISet.token.firstStranger(in: method) == nil else {
      throw .malformed("the method is not a token")
    }
    guard method.count <= Self.methodLimit else { throw Refusal(501, "no method is that long") }
    guard let targetEnd = line.firstOffset(of: ASCII.space, from: methodEnd + 1) else {
      throw .malformed("the request line has no HTTP version")
    }
    minorVersion = try Self.minorVersion(line.part(targetEnd + 1..<line.count))

    let target = line.part(methodEnd + 1..<targetEnd)
    if let offset = RequestTarget.characters.firstStranger(in: target) {
      throw .malformed("byte \(methodEnd + 1 + offset) of the request line must be percent-encoded")
    }
    self.method = HTTPRequest.Method(String(decoding: method, as: UTF8.self))!
    guard method.equals("CONNECT") == false else { throw Self.connectRefusal(target) }
    (path, authority) = try Self.target(target, isOptions: method.equals("OPTIONS"))
  }

  /// `HTTP/1.` and a digit; RFC 9112 §2.3.
  private static func minorVersion(_ version: UnsafeRawBufferPointer) throws(Refusal) -> Int {
    guard version.count == 8, version.part(0..<5).equals("HTTP/"), ASCII.isDigit(version[5]),
      version[6] == UInt8(ascii: "."), ASCII.isDigit(version[7])
    else { throw .malformed("the HTTP version is malformed") }
    guard version[5] == UInt8(ascii: "1") else {
      throw Refusal(505, "only HTTP/1.1 and HTTP/1.0 are spoken on this connection")
    }
    return version[7] == UInt8(ascii: "0") ? 0 : 1
  }

  /// The four forms of RFC 9112 §3.2. An absolute target's authority stands in for Host, which is
  /// then ignored even where it differs, as §3.2.2 demands of an origin server.
  private static func target(
    _ target: UnsafeRawBufferPointer, isOptions: Bool
  ) throws(Refusal) -> (path: String, authority: String?) {
    guard let first = target.first else { throw .malformed("the request target is empty") }
    if first == UInt8(ascii: "/") { return (String(decoding: target, as: UTF8.self), nil) }
    if target.equals("*") {
      guard isOptions else { throw .malformed("only OPTIONS has the target *") }
      return ("*", nil)
    }
    guard let colon = target.firstOffset(of: UInt8(ascii: ":")),
      colon + 3 <= target.count, target.part(colon..<colon + 3).equals("://"),
      ASCII.isLetter(first)
    else { throw .malformed("the request target is neither a path nor a URL") }
    guard target.part(0..<colon).equalsIgnoringCase("http") else {
      throw Refusal(421, "only http URLs are served on this connection")  // RFC 9110 §7.4
    }
    let rest = target.part(colon + 3..<target.count)
    let authorityEnd =
      rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.count
    let authority = rest.part(0..<authorityEnd)
    guard Authority(authority) != nil else {
      throw .malformed("the host of the request target is malformed")  // RFC 9110 §4.2.1, §4.2.4
    }
    let path = String(decoding: rest.part(authorityEnd..<rest.count), as: UTF8.self)
    let origin =
      path.isEmpty
      ? (isOptions ? "*" : "/") : path.utf8.first == UInt8(ascii: "/") ? path : "/" + path
    return (origin, String(decoding: authority, as: UTF8.self))
  }

  /// No proxy lives here: a sound CONNECT is not implemented, another one malformed (RFC 9110
  /// §9.3.6).
  private static func connectRefusal(_ target: UnsafeRawBufferPointer) -> Refusal {
    guard let authority = Authority(target), let port = authority.port, port > 0 else {
      return .malformed("the target of CONNECT is not a host and a port")
    }
    return Refusal(501, "CONNECT is not implemented: this is no proxy")
  }
}
