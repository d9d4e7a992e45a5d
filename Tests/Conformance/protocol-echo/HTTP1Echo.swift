import HTTP1
import HTTPTypes
import WebSocket

/// HTTP/1.1: any method on `/` is answered 200 with the content it came with, `/echo` opens a
/// WebSocket, anything else is 404.
final class HTTP1Echo: EchoProtocol {
  private var parser: HTTP1RequestParser
  private var head: HTTP1RequestParser.RequestHead?
  private var content: [UInt8] = []

  init() {
    var limits = HTTP1RequestParser.Limits()
    limits.body = 16 << 20
    parser = HTTP1RequestParser(limits: limits)
  }

  func receive(_ bytes: UnsafeRawBufferPointer, into output: inout [UInt8]) -> EchoStep {
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
    let path = (head.request.path ?? "").prefix { $0 != "?" }
    if path == "/echo" { return upgrade(head, into: &output) }
    appendAnswer(
      path == "/" ? .ok : .notFound, path == "/" ? content : [], keepAlive: head.keepAlive,
      minorVersion: head.minorVersion, isHead: head.request.method == .head, to: &output)
    return head.keepAlive ? nil : .close
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
    _ status: HTTPResponse.Status, fields: HTTPFields = [:], _ body: [UInt8], keepAlive: Bool,
    minorVersion: Int, isHead: Bool, to output: inout [UInt8]
  ) {
    HTTP1ResponseEncoder.appendHead(
      status, fields: fields, framing: .length(body.count),
      persistence: keepAlive ? .keepAlive(peerMinorVersion: minorVersion) : .close, to: &output)
    if !isHead { output += body }
  }
}
