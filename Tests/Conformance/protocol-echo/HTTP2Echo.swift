import HTTP2
import HTTPTypes

/// HTTP/2: what HTTP1Echo answers, on every stream at its own pace. The WebSocket comes by extended
/// CONNECT (RFC 8441).
final class HTTP2Echo: EchoProtocol, HTTP2ContentSource {
  private let session = HTTP2Session()
  private var streams: [Int32: HTTP2EchoStream] = [:]
  /// Streams whose last frame has just been made.
  private var said: [Int32] = []
  /// The request of HTTP/1.1, until the client has said something in HTTP/2: curl has little room for
  /// what comes right behind a 101.
  private var upgraded: (request: HTTPRequest, content: [UInt8])?

  init() { session.source = self }

  /// Goes on with the request of HTTP/1.1 that asked for it, as stream 1, and appends our settings.
  /// False: settings of the client's that are no good have ended the connection.
  func upgrade(
    _ settings: UpgradeSettings, _ request: HTTPRequest, content: [UInt8],
    into output: inout [UInt8]
  ) -> Bool {
    if session.upgrade(settings, isHead: request.method == .head) {
      upgraded = (request, content)
    } else {
      session.fail(.protocolError, "HTTP2-Settings: not settings")
    }
    send(into: &output)
    return session.failure == nil
  }

  func receive(
    _ bytes: UnsafeRawBufferPointer, now: Int64, into output: inout [UInt8]
  ) -> EchoStep {
    session.receive(bytes, now: now)
    if session.isHeard, let (request, content) = upgraded {
      upgraded = nil
      let stream = HTTP2EchoStream(1, request, session)
      streams[1] = stream
      stream.takeWhole(content)
      stream.peerEnded()
    }
    takeEvents(now)
    send(into: &output)
    takeEvents(now)
    return session.isOver ? .close : .goOn
  }

  func content(of stream: Int32, into bytes: inout [UInt8], limit: Int) -> HTTP2Session.Content {
    guard let content = streams[stream]?.content(into: &bytes, limit: limit) else { return .failed }
    if case .last = content { said.append(stream) }
    return content
  }

  /// All that the windows let go. A stream on which we have said all is not kept open for what the
  /// client might add (RFC 9113 §8.1): nghttpx never ends its half of a WebSocket's.
  private func send(into output: inout [UInt8]) {
    while session.send(into: &output, limit: 1 << 20) {}
    for stream in said where !session.hasEnded(stream) { session.reset(stream, .noError) }
    said = []
    for stream in streams.values { stream.openWindow() }
    while session.send(into: &output, limit: 1 << 20) {}
  }

  private func takeEvents(_ now: Int64) {
    for event in session.takeEvents() {
      switch event {
      case .request(let number, let request, let hasContent):
        let stream = HTTP2EchoStream(number, request, session)
        streams[number] = stream
        stream.begin(hasContent: hasContent)
      case .refused(let number, let refusal):
        HTTP2EchoStream.refuse(number, refusal.status, session)
      case .content(let number, let bytes):
        guard let stream = streams[number] else {
          session.consume(number, bytes.count)
          break
        }
        bytes.withUnsafeBytes { stream.receive($0, now: now) }
      case .ended(let number): streams[number]?.peerEnded()
      case .closed(let number, _): streams[number] = nil
      }
    }
  }
}
