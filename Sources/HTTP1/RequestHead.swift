package import HTTPTypes

extension HTTP1RequestParser {
  /// How the content of a request is delimited (RFC 9112 §6.3).
  package enum BodyLength: Sendable, Equatable {
    case none
    /// Content-Length, 1 to the limit.
    case known(Int)
    case chunked
  }

  /// All of a request but its content, checked.
  package struct RequestHead: Sendable {
    /// `scheme` is "http". `authority` is that of an absolute target, else of Host (absent only in
    /// HTTP/1.0), as received; Host is not among the fields. `path` is the origin form of the
    /// target with its query, or "*". All of it visible ASCII.
    package var request: HTTPRequest
    /// 0 or 1; anything later of HTTP/1 counts as 1 (RFC 9110 §2.5).
    package var minorVersion: Int
    /// Whether the peer expects the connection to stay open after the answer (RFC 9112 §9.3).
    package var keepAlive: Bool
    /// Whether the peer waits for 100 before it sends content (RFC 9110 §10.1.1). Never without
    /// content, never in HTTP/1.0.
    package var expectsContinue: Bool
    package var bodyLength: BodyLength
    /// Protocols offered by Upgrade, lower case, in the peer's order; empty unless Connection says
    /// `upgrade` too, and in HTTP/1.0 (RFC 9110 §7.8).
    package var upgrades: [String]
  }
}
