import HTTP1
import HTTP2
import HTTPTypes
import WebSocket

/// HTTP/1.1, which goes on in HTTP/2 or as a WebSocket for a client that asks (`Upgrade`).
final class HTTP1Echo: EchoProtocol {
  private var parser: HTTP1RequestParser
  private var head: HTTP1RequestParser.RequestHead?
  private var content: [UInt8] = []

  init() {
    var limits = HTTP1RequestParser.Limits()
    limits.body = EchoEndpoint.contentLimit
    parser = HTTP1RequestParser(limits: limits)
  }

  func receive(
    _ bytes: UnsafeRawBufferPointer, now: Int64, into output: inout [UInt8]
  ) -> EchoStep {
    parser.receive(bytes)
    while true {
      switch parser.next() {
      case .needMore: return .goOn
      case .head(let head):
        self.head = head
        content = []
        if head.expectsContinue { output += HTTP1ResponseEncoder.continue }
      case .body(let piece): content += piece
      case .end:
        guard let head else { return .close }
        self.head = nil
        if let step = answer(head, into: &output) { return step }
      case .refused(let refusal):
        appendAnswer(
          .init(code: refusal.status), Array(refusal.detail.utf8), keepAlive: false,
          minorVersion: 1,
          isHead: false, to: &output)
        return .close
      }
    }
  }

  /// What comes after the answer; nil for the next request.
  private func answer(
    _ head: HTTP1RequestParser.RequestHead, into output: inout [UInt8]
  ) -> EchoStep? {
    if let step = switchToHTTP2(head, into: &output) { return step }
    switch EchoEndpoint(head.request) {
    case .webSocket: return upgrade(head, into: &output)
    case .content: appendAnswer(.ok, content, to: head, &output)
    case .nothing: appendAnswer(.notFound, [], to: head, &output)
    }
    return head.keepAlive ? nil : .close
  }

  private func switchToHTTP2(
    _ head: HTTP1RequestParser.RequestHead, into output: inout [UInt8]
  ) -> EchoStep? {
    guard !head.upgrades.contains("websocket"),
      let settings = UpgradeSettings(head.request, upgrades: head.upgrades)
    else { return nil }
    HTTP1ResponseEncoder.appendHead(
      .switchingProtocols, fields: [.upgrade: "h2c"], framing: .none, persistence: .upgrade,
      to: &output)
    let next = HTTP2Echo()
    guard next.upgrade(settings, head.request, content: content, into: &output) else {
      return .close
    }
    return .become(next, unread: parser.takeUnparsed())
  }

  private func upgrade(
    _ head: HTTP1RequestParser.RequestHead, into output: inout [UInt8]
  ) -> EchoStep? {
    do throws(WebSocketHandshake.Refusal) {
      let offer = try WebSocketHandshake.offer(in: head.request)
      HTTP1ResponseEncoder.appendHead(
        .switchingProtocols,
        fields: WebSocketHandshake.fields(accepting: offer, subprotocol: nil), framing: .none,
        persistence: .upgrade, to: &output)
      return .become(WebSocketEcho(offer.compression), unread: parser.takeUnparsed())
    } catch {
      appendAnswer(
        .init(code: error.status), fields: error.fields, Array(error.detail.utf8), keepAlive: false,
        minorVersion: 1, isHead: false, to: &output)
      return .close
    }
  }

  private func appendAnswer(
    _ status: HTTPResponse.Status, _ body: [UInt8], to head: HTTP1RequestParser.RequestHead,
    _ output: inout [UInt8]
  ) {
    appendAnswer(
      status, body, keepAlive: head.keepAlive, minorVersion: head.minorVersion,
      isHead: head.request.method == .head, to: &output)
  }

  private func appendAnswer(
    _ status: HTTPResponse.Status, fields: HTTPFields = [:], _ body: [UInt8], keepAlive: Bool,
    minorVersion: Int, isHead: Bool, to output: inout [UInt8]
  ) {
    HTTP1ResponseEncoder.appendHead(
      status, fields: fields, framing: .length(body.count),
      persistence: keepAlive ? .keepAlive(peerMinorVersion: minorVersion) : .close, to: &output)
    if !isHead { output += body }
  }
}
