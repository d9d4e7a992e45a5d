import HTTP1
import HTTPTypes
import WebSocket

/// What a parser says must not depend on how its bytes were cut; the first byte says where to cut.
func fuzzHTTP1(_ bytes: UnsafeRawBufferPointer) {
  guard let first = bytes.first else { return }
  let request = UnsafeRawBufferPointer(rebasing: bytes[1...])
  let whole = requestTranscript([request])
  let cut = request.isEmpty ? 0 : Int(first) % request.count
  let parts = [
    UnsafeRawBufferPointer(rebasing: request[..<cut]),
    UnsafeRawBufferPointer(rebasing: request[cut...]),
  ]
  precondition(requestTranscript(parts) == whole, "cut at \(cut) it says something else")
}

private func requestTranscript(_ parts: [UnsafeRawBufferPointer]) -> [String] {
  var limits = HTTP1RequestParser.Limits()
  limits.body = 4096
  limits.fields = 20
  var parser = HTTP1RequestParser(limits: limits)
  var lines: [String] = []
  var content: [UInt8] = []
  for part in parts {
    parser.receive(part)
    reading: while true {
      switch parser.next() {
      case .needMore: break reading
      case .head(let head):
        lines.append("\(head)")
        content = []
        for field in head.request.headerFields {
          precondition(!field.value.utf8.contains { $0 == 10 || $0 == 13 || $0 == 0 })
        }
      case .body(let piece):
        content += piece
        precondition(content.count <= limits.body)
      case .end: lines.append("\(content)")
      case .refused(let refusal):
        precondition((400...505).contains(refusal.status))
        lines.append("\(refusal.status) \(refusal.detail)")
        return lines
      }
    }
  }
  return lines
}

/// The same of a WebSocket, whose first byte also says the role and whether messages may be
/// compressed. Texts are UTF-8, and nothing grows beyond its limit.
func fuzzWebSocket(_ bytes: UnsafeRawBufferPointer) {
  guard bytes.count >= 2 else { return }
  let role: WebSocketParser.Role = bytes[0] & 1 == 0 ? .server : .client
  let compression = bytes[0] & 2 == 0 ? nil : MessageCompression()
  let frames = UnsafeRawBufferPointer(rebasing: bytes[2...])
  let cut = frames.isEmpty ? 0 : Int(bytes[1]) % frames.count
  let whole = socketTranscript([frames], role, compression)
  let parts = [
    UnsafeRawBufferPointer(rebasing: frames[..<cut]),
    UnsafeRawBufferPointer(rebasing: frames[cut...]),
  ]
  precondition(
    socketTranscript(parts, role, compression) == whole, "cut at \(cut) it says something else")
}

private func socketTranscript(
  _ parts: [UnsafeRawBufferPointer], _ role: WebSocketParser.Role,
  _ compression: MessageCompression?
) -> [WebSocketParser.Event] {
  var limits = WebSocketParser.Limits()
  limits.message = 4096
  limits.framesPerMessage = 8
  var parser = WebSocketParser(role: role, limits: limits, compression: compression)
  var events: [WebSocketParser.Event] = []
  for part in parts {
    parser.receive(part)
    reading: while true {
      let event = parser.next()
      switch event {
      case .needMore: break reading
      case .text(let message):
        precondition(message.count <= limits.message)
        precondition(String(validating: message, as: UTF8.self) != nil)
      case .binary(let message): precondition(message.count <= limits.message)
      case .ping(let payload), .pong(let payload): precondition(payload.count <= 125)
      case .close(_, let reason):
        precondition(String(validating: reason, as: UTF8.self) != nil)
      case .violation:
        events.append(event)
        return events
      }
      events.append(event)
    }
  }
  return events
}
