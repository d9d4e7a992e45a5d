internal import Bytes

/// The body of a close frame: nothing, or a code and a reason in UTF-8 (RFC 6455 §5.5.1).
enum ClosePayload {
  static func event(
    _ payload: [UInt8]
  ) throws(WebSocketParser.Violation) -> WebSocketParser.Event {
    guard !payload.isEmpty else { return .close(code: nil, reason: []) }
    guard payload.count >= 2 else {
      throw WebSocketParser.Violation(reason: "a close frame holds half a code")
    }
    let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
    guard WebSocketCloseCode.mayBeSent(code) else {
      throw WebSocketParser.Violation(reason: "\(code) may not be sent in a close frame")  // §7.4
    }
    var validator = UTF8Validator()
    let isValid = payload.withUnsafeBytes { validator.accept($0.part(2..<$0.count)) }
    guard isValid, validator.isComplete else { throw WebSocketParser.Violation.invalidText }
    return .close(code: code, reason: Array(payload[2...]))
  }
}
