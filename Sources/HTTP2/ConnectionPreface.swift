/// What a client of HTTP/2 says first (RFC 9113 §3.4). No request of HTTP/1.1 begins like it.
package enum ConnectionPreface {
  package enum Match: Sendable, Equatable {
    case yes
    case no
    /// So far it is; more bytes decide.
    case soFar
  }

  private static let text = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  /// Whether a connection that began with `bytes` speaks HTTP/2. The first byte that differs decides.
  package static func match(_ bytes: some Collection<UInt8>) -> Match {
    guard zip(bytes, text).allSatisfy({ $0 == $1 }) else { return .no }
    return bytes.count < text.count ? .soFar : .yes
  }
}
