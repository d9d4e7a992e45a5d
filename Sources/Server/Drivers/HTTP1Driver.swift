internal import Bytes
internal import EventFormats
internal import EventLoop
internal import HTTP1
internal import HTTP2
internal import HTTPTypes

/// Speaks HTTP/1.1 (RFC 9112) on a connection: one request at a time, pipelined ones in order, until
/// a request asks for a stream or a WebSocket and another driver takes over. Confined to its loop.
final class HTTP1Driver: ConnectionDriver {
  private let connection: Connection
  private var parser = HTTP1RequestParser()
  private var phase = Phase.reading
  private var head: HTTP1RequestParser.RequestHead?
  private var body: [UInt8] = []
  /// Numbers the requests, so that a late answer finds its own.
  private var serial: UInt32 = 0
  /// As the parser said when it had no more to say.
  private var isMidRequest = false
  private var peerHasEnded = false
  /// Requests may be left unread: in the parser, or in the peer's kernel.
  private var holdsBack = false
  private var stops = false
  /// What the socket had taken when the deadline was last set.
  private var sentAtDeadline: UInt64 = 0

  private enum Phase {
    /// Between requests or inside one.
    case reading
    /// The request has been passed on; the answer comes through a ticket.
    case awaiting
    /// No more requests are read: the connection closes when all is sent.
    case ending
  }

  /// Answers in a row that may wait unsent before the next request is looked at.
  private static let unsentLimit = 64 * 1024

  init(connection: Connection) { self.connection = connection }

  /// Waits for the first request.
  func start() { armDeadline() }

  func receive(_ bytes: UnsafeRawBufferPointer) {
    guard phase != .ending else { return }
    let wasBetweenRequests = !isMidRequest && head == nil
    parser.receive(bytes)
    advance()
    if wasBetweenRequests, isMidRequest, head == nil, phase == .reading { armDeadline() }
    adjustReading()
  }

  func peerEnded() {
    peerHasEnded = true
    if phase == .reading { advance() }
  }

  func fill(_ bytes: inout [UInt8], limit: Int) -> Bool { false }

  func outputDrained() {
    guard phase == .reading else { return }
    if head == nil, !isMidRequest { armDeadline() }
    guard holdsBack || peerHasEnded else { return }
    advance()
    adjustReading()
  }

  func deadlinePassed() {
    if connection.waitingBytes > 0 {
      // A long download is no idle connection, as long as it gets on.
      if connection.sentBytes == sentAtDeadline {
        connection.close(.timeout)
      } else {
        armDeadline()
      }
    } else if parser.isMidRequest || head != nil {
      refuse(
        Problem(.requestTimeout, "request-timeout", "the request did not arrive in time"), .timeout)
    } else {
      connection.close(.timeout)
    }
  }

  func serverStops(reconnectAfterMilliseconds: Int) {
    stops = true
    if phase == .reading, !parser.isMidRequest, head == nil { end(.shutdown) }
  }

  func connectionClosed() { phase = .ending }

  /// The answer to request `serial`, given later. An answer nobody waits for any more is dropped.
  func deliver(_ response: Response, serial: UInt32) {
    guard phase == .awaiting, serial == self.serial, let head else { return }
    phase = .reading
    send(response, to: head)
    advance()
    adjustReading()
  }

  /// While an answer is on its way or not taken, what the peer sends waits in its own kernel.
  private func adjustReading() {
    guard phase != .ending, !peerHasEnded else { return }
    holdsBack = phase == .awaiting || !takesAnswers
    connection.setReading(!holdsBack)
  }

  /// Nothing can be put behind a file that is being sent.
  private var takesAnswers: Bool {
    !connection.isSendingFile && connection.waitingBytes < Self.unsentLimit
  }

  // MARK: Requests

  private func advance() {
    while phase == .reading, connection.isOpen, takesAnswers {
      switch parser.next() {
      case .needMore:
        isMidRequest = parser.isMidRequest
        if peerHasEnded { end() }
        return
      case .head(let head):
        self.head = head
        body = []
        if head.expectsContinue {
          connection.append { $0 += HTTP1ResponseEncoder.continue }
        }
        if head.bodyLength != .none { armDeadline() }
      case .body(let bytes): body += bytes
      case .end:
        isMidRequest = false
        handle()
      case .refused(let refusal):
        refuse(
          Problem(.init(code: refusal.status), "malformed-request", refusal.detail), .malformed)
      }
    }
  }

  private func handle() {
    guard let head else { return }
    serial &+= 1
    if switchToHTTP2(head) { return }
    let request = APIRequest(head.request, body: body, peer: connection.peer, isHTTP2: false)
    body = []
    if let refusal = connection.refusal, Endpoint(request.path) != .health {
      send(refusal.problem.response, to: head)
      return
    }
    let ticket = ReplyTicket(connection.worker, token: connection.token!, serial: serial)
    switch connection.worker.router.answer(request, ticket: ticket) {
    case .response(let response): send(response, to: head)
    case .later:
      phase = .awaiting
      connection.setDeadline(nil)
    case .events(let stream): startEvents(stream, head)
    case .poll(let poll): startPoll(poll, head)
    case .webSocket(let upgrade): startWebSocket(upgrade, head)
    }
  }

  private func send(_ response: Response, to head: HTTP1RequestParser.RequestHead) {
    self.head = nil
    let keepAlive = head.keepAlive && !stops && connection.refusal == nil
    let response = response.fitted(to: head.request, connection.worker.shared.access)
    let isHead = head.request.method == .head
    connection.append { bytes in
      append(
        response, to: &bytes, isHead: isHead,
        persistence: keepAlive ? .keepAlive(peerMinorVersion: head.minorVersion) : .close)
    }
    if !isHead, case .file(let file, let offset, let length) = response.body {
      connection.append(file: file, offset: offset, length: length)
    }
    if keepAlive { armDeadline() } else { end(connection.refusal == nil ? .finished : .limit) }
  }

  private func refuse(_ problem: Problem, _ cause: CloseCause) {
    connection.append { bytes in
      append(problem.response, to: &bytes, isHead: false, persistence: .close)
    }
    end(cause)
  }

  private func end(_ cause: CloseCause = .finished) {
    phase = .ending
    connection.closeWhenSent(cause)
  }

  private func append(
    _ response: Response, to bytes: inout [UInt8], isHead: Bool,
    persistence: HTTP1ResponseEncoder.Persistence
  ) {
    let noBody = response.status.code == 204 || response.status.code == 304
    if bytes.isEmpty { bytes.reserveCapacity(Self.roomForAnswer) }
    let framing = noBody ? HTTP1ResponseEncoder.Framing.none : .length(response.body.count)
    let common = connection.worker.everyAnswer.lines
    if let prepared = response.prepared {
      HTTP1ResponseEncoder.appendHead(
        response.status, lines: prepared.lines, common: common, framing: framing,
        persistence: persistence, to: &bytes)
    } else {
      HTTP1ResponseEncoder.appendHead(
        response.status, fields: response.fields, common: common, framing: framing,
        persistence: persistence, to: &bytes)
    }
    if !isHead, !noBody, case .bytes(let body) = response.body { bytes += body }
  }

  /// Most answers fit in and are put together without being moved.
  private static let roomForAnswer = 2048

  // MARK: Other protocols

  /// Whether the request asked to go on in HTTP/2, and the connection does.
  private func switchToHTTP2(_ head: HTTP1RequestParser.RequestHead) -> Bool {
    guard !head.upgrades.isEmpty, !head.upgrades.contains("websocket"), connection.refusal == nil,
      let settings = UpgradeSettings(head.request, upgrades: head.upgrades)
    else { return false }
    let driver = HTTP2Driver(connection: connection)
    let unread = parser.takeUnparsed()
    let body = body
    let peerHasEnded = peerHasEnded
    connection.append { bytes in
      HTTP1ResponseEncoder.appendHead(
        .switchingProtocols, fields: [.upgrade: "h2c"], framing: .none, persistence: .upgrade,
        to: &bytes)
    }
    driver.start()
    connection.handOver(to: driver, unread: [])
    driver.upgrade(settings, head.request, body: body)
    if !unread.isEmpty { unread.withUnsafeBytes { driver.receive($0) } }
    if peerHasEnded { driver.peerEnded() }
    return true
  }

  private func startEvents(_ stream: EventStream, _ head: HTTP1RequestParser.RequestHead) {
    var stream = stream
    stream.fields.admitOrigin(of: head.request, connection.worker.shared.access)
    guard head.request.method != .head else {
      let chunked = head.minorVersion > 0
      connection.append { bytes in
        HTTP1ResponseEncoder.appendHead(
          .ok, fields: stream.fields, common: connection.worker.everyAnswer.lines,
          framing: chunked ? .chunked : .untilClose,
          persistence: chunked
            ? .keepAlive(peerMinorVersion: head.minorVersion) : .close, to: &bytes)
      }
      self.head = nil
      if chunked, head.keepAlive { armDeadline() } else { end() }
      return
    }
    let exchange = HTTP1Exchange(connection, head, unread: nil)
    connection.handOver(to: exchange, unread: [])
    exchange.begin(stream)
    if peerHasEnded { exchange.peerEnded() }
  }

  private func startPoll(_ poll: EventPoll, _ head: HTTP1RequestParser.RequestHead) {
    guard head.request.method != .head else {
      send(Response(status: .ok, fields: poll.fields), to: head)
      return
    }
    var poll = poll
    poll.fields.admitOrigin(of: head.request, connection.worker.shared.access)
    let exchange = HTTP1Exchange(connection, head, unread: parser.takeUnparsed())
    connection.handOver(to: exchange, unread: [])
    exchange.begin(poll)
    if peerHasEnded { exchange.peerEnded() }
  }

  private func startWebSocket(_ upgrade: WebSocketUpgrade, _ head: HTTP1RequestParser.RequestHead) {
    var upgrade = upgrade
    upgrade.fields.admitOrigin(of: head.request, connection.worker.shared.access)
    let unread = parser.takeUnparsed()
    let exchange = HTTP1Exchange(switching: connection)
    connection.handOver(to: exchange, unread: [])
    exchange.begin(upgrade, status: .switchingProtocols)
    if !unread.isEmpty { unread.withUnsafeBytes { exchange.receive($0) } }
    if peerHasEnded { exchange.peerEnded() }
  }

  /// Head, body, or silence between requests: each has its time.
  private func armDeadline() {
    let worker = connection.worker
    let limits = worker.limits
    let seconds =
      if connection.refusal != nil {
        limits.refusedSeconds
      } else if connection.waitingBytes > 0 {
        limits.stalledAnswerSeconds
      } else if head != nil {
        limits.bodySeconds
      } else if isMidRequest {
        limits.headSeconds
      } else {
        limits.idleSeconds
      }
    sentAtDeadline = connection.sentBytes
    connection.setDeadline(worker.loop.now + seconds * second)
  }
}

/// Where an answer goes that is not ready yet. Any thread; an answer to whoever has gone is
/// dropped.
struct ReplyTicket: Sendable {
  private let mailbox: WorkerMailbox
  private let token: ConnectionID
  private let serial: UInt32

  /// `token` is the connection's, or that of a stream of HTTP/2.
  init(_ worker: Worker, token: ConnectionID, serial: UInt32) {
    mailbox = worker.mailbox
    self.token = token
    self.serial = serial
  }

  func deliver(_ response: Response) {
    mailbox.post(
      .work { [token, serial] worker in worker.deliver(response, to: token, serial: serial) })
  }
}
