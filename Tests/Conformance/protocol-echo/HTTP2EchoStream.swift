import HTTP2
import HTTPTypes
import WebSocket

/// One exchange on a stream of HTTP/2. A body is 16 MiB at most. The client of a WebSocket is let send
/// no more while a mebibyte waits for it to be read again: one message more is the most that is held.
final class HTTP2EchoStream {
  private let number: Int32
  private let request: HTTPRequest
  private let session: HTTP2Session
  private var phase = Phase.receiving
  /// Content of the request, then of the answer.
  private var bytes: [UInt8] = []
  private var sent = 0
  /// Content taken whose window has not been opened again.
  private var unconsumed = 0
  private static let waitingLimit = 1 << 20

  private enum Phase {
    case receiving
    case webSocket(WebSocketEcho)
    /// All there is to say has been given to us, or the answer is complete.
    case complete
  }

  init(_ number: Int32, _ request: HTTPRequest, _ session: HTTP2Session) {
    self.number = number
    self.request = request
    self.session = session
  }

  static func refuse(_ number: Int32, _ status: Int, _ session: HTTP2Session) {
    session.respond(number, status, [.contentLength: "0"], hasContent: false)
  }

  func begin(hasContent: Bool) {
    // Of a CONNECT the stream itself is what was asked for (RFC 8441 §4).
    if request.method == .connect { return open() }
    if !hasContent { return answer() }
    if request.headerFields[.expect]?.lowercased() == "100-continue" { session.sayContinue(number) }
  }

  /// The content came by another way, whole.
  func takeWhole(_ content: [UInt8]) { bytes = content }

  func receive(_ content: UnsafeRawBufferPointer, now: Int64) {
    unconsumed += content.count
    take(content, now: now)
    openWindow()
  }

  /// Lets the client send as much again as was taken, unless it has still to read what was said.
  func openWindow() {
    if case .webSocket = phase, bytes.count - sent > Self.waitingLimit { return }
    guard unconsumed > 0 else { return }
    session.consume(number, unconsumed)
    unconsumed = 0
  }

  private func take(_ content: UnsafeRawBufferPointer, now: Int64) {
    switch phase {
    case .receiving:
      bytes += content
      guard bytes.count > EchoEndpoint.contentLimit else { return }
      bytes = []
      phase = .complete
      Self.refuse(number, 413, session)
    case .webSocket(let echo):
      if case .close = echo.receive(content, now: now, into: &bytes) { phase = .complete }
      session.resume(number)
    case .complete: break
    }
  }

  /// The client has said all on this stream.
  func peerEnded() {
    switch phase {
    case .receiving: answer()
    case .webSocket:
      phase = .complete
      session.resume(number)
    case .complete: break
    }
  }

  /// Appends at most `limit` bytes of what there is to say.
  func content(into output: inout [UInt8], limit: Int) -> HTTP2Session.Content {
    let end = min(bytes.count, sent + limit)
    output += bytes[sent..<end]
    sent = end
    guard end == bytes.count else {
      if sent >= Self.waitingLimit {
        bytes.removeFirst(sent)
        sent = 0
      }
      return .part
    }
    bytes = []
    sent = 0
    return if case .complete = phase { .last } else { .part }
  }

  private func answer() {
    phase = .complete
    let status: Int
    switch EchoEndpoint(request) {
    case .content: status = 200
    case .webSocket: return open()
    case .nothing:
      status = 404
      bytes = []
    }
    let fields: HTTPFields = [.contentLength: String(bytes.count)]
    session.respond(
      number, status, fields, hasContent: !bytes.isEmpty && request.method != .head)
  }

  private func open() {
    do throws(WebSocketHandshake.Refusal) {
      guard case .webSocket = EchoEndpoint(request) else { return answer() }
      let offer = try WebSocketHandshake.extendedOffer(in: request)
      phase = .webSocket(WebSocketEcho(offer.compression))
      let fields = WebSocketHandshake.fields(accepting: offer, subprotocol: nil)
      session.respond(number, 200, fields, hasContent: true)
    } catch {
      phase = .complete
      bytes = []
      session.respond(number, error.status, error.fields, hasContent: false)
    }
  }
}
