import HTTP2

/// Listens to the first bytes of a connection, which say whether it speaks HTTP/2 with prior knowledge
/// (RFC 9113 §3.3) or HTTP/1.1.
final class OpeningEcho: EchoProtocol {
  private var opening: [UInt8] = []

  func receive(
    _ bytes: UnsafeRawBufferPointer, now: Int64, into output: inout [UInt8]
  ) -> EchoStep {
    opening += bytes
    return switch ConnectionPreface.match(opening) {
    case .soFar: .goOn
    case .no: .become(HTTP1Echo(), unread: opening)
    case .yes: .become(HTTP2Echo(), unread: opening)
    }
  }
}
