import WebSocket

/// Sends every message back as it came, compressed where that was agreed on: up to 16 MiB in up to
/// 65,537 frames, the most that conformance suites send.
final class WebSocketEcho: EchoProtocol {
  private var parser: WebSocketParser
  private let deflater: MessageDeflater?

  init(_ compression: MessageCompression?) {
    var limits = WebSocketParser.Limits()
    limits.message = 16 << 20
    limits.framesPerMessage = 65_537
    parser = WebSocketParser(role: .server, limits: limits, compression: compression)
    deflater = compression.map(MessageDeflater.init)
  }

  func receive(
    _ bytes: UnsafeRawBufferPointer, now: Int64, into output: inout [UInt8]
  ) -> EchoStep {
    parser.receive(bytes)
    while true {
      switch parser.next() {
      case .needMore: return .goOn
      case .text(let message): append(.text, message, to: &output)
      case .binary(let message): append(.binary, message, to: &output)
      case .ping(let payload): WebSocketFrame.append(.pong, payload, to: &output)
      case .pong: break
      case .close(let code, _):
        WebSocketFrame.appendClose(code: code, to: &output)
        return .close
      case .violation(let code, let reason):
        WebSocketFrame.appendClose(code: code, reason: reason, to: &output)
        return .close
      }
    }
  }

  private func append(
    _ opcode: WebSocketFrame.Opcode, _ message: [UInt8], to output: inout [UInt8]
  ) {
    let payload = deflater?.payload(of: message)
    WebSocketFrame.append(
      opcode, isCompressed: payload != nil, payload ?? message, to: &output)
  }
}
