internal import EventLoop
internal import HTTP2
internal import HTTPTypes
internal import Syscalls

/// One exchange on a stream of HTTP/2: the request while it comes, then the answer as the stream's
/// window lets it go. Confined to its loop. A stream that is not read holds one frame's worth and what
/// was appended; what its driver has to say beyond that stays in the journal.
final class HTTP2Stream: Channel, LoopSource {
  let number: Int32
  var driver: (any ChannelDriver)?
  var transport = Transport.http
  let openedAt: Int64
  private(set) var sentBytes: UInt64 = 0

  private let owner: HTTP2Driver
  private let request: HTTPRequest
  private var token: Loop.Token?
  private var phase = Phase.receiving
  private var body: [UInt8] = []
  private var waiting = WaitingContent()
  private var isDirty = false
  private var isReading = true
  /// The client has said all on this stream: it is over as soon as we have.
  private var hasAll = false
  /// Content taken while no more was wanted: its window opens when there is.
  private var unconsumed = 0
  /// What had been sent when somebody last looked, and when that was.
  private var sentAtLook: UInt64 = 0
  private var lookedAt: Int64 = 0
  /// How long a client may go on sending after the answer before the stream is cut off: for the close
  /// frame of a WebSocket, and content that was not wanted.
  private var lingerSeconds: Int64 = 2

  private enum Phase {
    case receiving
    /// The request has been passed on; nothing has been answered.
    case awaiting
    /// The head has been given to the session; content follows.
    case answering
    /// All content has been given to us.
    case complete
    /// The session has all of it; the client may still have something to say.
    case said
    case released
  }

  init(_ number: Int32, _ request: HTTPRequest, of owner: HTTP2Driver) {
    self.number = number
    self.request = request
    self.owner = owner
    openedAt = owner.connection.worker.loop.now
    token = worker.loop.addTimer(self)
  }

  // MARK: The request

  func begin(hasContent: Bool) {
    // Of a CONNECT the stream itself is what was asked for (RFC 8441 §4).
    guard hasContent, request.method != .connect else {
      hasAll = !hasContent
      answer()
      if !hasContent, request.method == .connect { peerEnded() }
      return
    }
    setDeadline(worker.loop.now + limits.bodySeconds * second)
    if request.headerFields[.expect]?.lowercased() == "100-continue" {
      owner.session.sayContinue(number)
      owner.connection.markDirty()
    }
  }

  /// The request came whole, by another way.
  func takeWhole(_ body: [UInt8]) {
    self.body = body
    answer()
  }

  func refuse(_ refusal: HTTP2Refusal) {
    send(Problem(.init(code: refusal.status), "malformed-request", refusal.detail).response)
  }

  func receive(_ content: [UInt8]) {
    if let driver, isOpen {
      content.withUnsafeBytes { driver.receive($0) }
      if isReading { consume(content.count) } else { unconsumed += content.count }
      return
    }
    guard phase == .receiving else { return }
    let limit = HTTP2Limits.standard.content
    guard body.count + content.count <= limit else {
      dropBody()
      return send(
        Problem(.contentTooLarge, "malformed-request", "the content has more than \(limit) bytes")
          .response)
    }
    body += content
    consume(content.count)
    if !owner.holds(content.count) { reset(.enhanceYourCalm) }
  }

  /// The client has said all on this stream.
  func peerEnded() {
    hasAll = true
    if phase == .receiving {
      answer()
    } else if isOpen {
      driver?.peerEnded()
    }
  }

  private func answer() {
    phase = .awaiting
    setDeadline(nil)
    let api = APIRequest(request, body: body, peer: peer, isHTTP2: true)
    dropBody()
    if let refusal = owner.connection.refusal, Endpoint(api.path) != .health {
      return send(refusal.problem.response)
    }
    let ticket = ReplyTicket(worker, token: id, serial: 0)
    switch worker.router.answer(api, ticket: ticket) {
    case .response(let response): send(response)
    case .later: break
    case .events(var stream):
      stream.fields.admitOrigin(of: request, worker.shared.access)
      guard request.method != .head else { return sendHead(stream.fields) }
      begin(stream)
    case .poll(var poll):
      poll.fields.admitOrigin(of: request, worker.shared.access)
      guard request.method != .head else { return sendHead(poll.fields) }
      begin(poll)
    case .webSocket(var upgrade):
      upgrade.fields.admitOrigin(of: request, worker.shared.access)
      begin(upgrade, status: .ok)
    }
  }

  private func dropBody() {
    _ = owner.holds(-body.count)
    body = []
  }

  private func consume(_ count: Int) {
    owner.session.consume(number, count)
    owner.connection.markDirty()
  }

  // MARK: The answer

  /// The answer that was given later.
  func deliver(_ response: Response) { if phase == .awaiting { send(response) } }

  private func send(_ response: Response) {
    let response = response.fitted(to: request, worker.shared.access)
    let status = response.status
    let length = status.code == 204 || status.code == 304 ? nil : response.body.count
    let fields = response.prepared?.block ?? FieldBlock(response.fields)
    guard let length, length > 0, request.method != .head else {
      return submit(status, fields, length: length, hasContent: false)
    }
    waiting.give(response.body)
    submit(status, fields, length: length, hasContent: true)
    phase = .complete
  }

  private func sendHead(_ fields: HTTPFields) {
    submit(.ok, FieldBlock(fields), hasContent: false)
  }

  private func submit(
    _ status: HTTPResponse.Status, _ fields: FieldBlock, length: Int? = nil, hasContent: Bool
  ) {
    owner.session.respond(
      number, status.code, fields, common: worker.everyAnswer.block, length: length,
      hasContent: hasContent)
    owner.connection.markDirty()
    phase = hasContent ? .answering : .said
    if hasContent { look() } else { linger() }
  }

  /// Appends at most `limit` bytes of what there is to say. Called by the session.
  func content(into bytes: inout [UInt8], limit: Int) -> HTTP2Session.Content {
    let start = bytes.count
    var hasMore = false
    if !waiting.isEmpty {
      do { try waiting.take(into: &bytes, limit: limit) } catch { return .failed }
      if waiting.isEmpty, driver != nil { owner.isDrained(self) }
    } else if phase == .answering, let driver {
      hasMore = driver.fill(&bytes, limit: limit)
      waiting.keepExcess(of: &bytes, from: start + limit)
    }
    let count = bytes.count - start
    sentBytes += UInt64(count)
    if phase == .complete, waiting.isEmpty {
      phase = .said
      if !hasAll { linger() }
      return .last
    }
    // It looked at many changes and found none of its own: there may be more.
    if count == 0, hasMore { markDirty() }
    return .part
  }

  /// Before the session makes frames: wakes the stream, or lets a driver that has not answered yet see
  /// whether it can.
  func prepare() {
    isDirty = false
    switch phase {
    case .answering, .complete: owner.session.resume(number)
    case .awaiting:
      guard let driver else { return }
      var bytes: [UInt8] = []
      let hasMore = driver.fill(&bytes, limit: 16 * 1024)
      waiting.give(.bytes(bytes))
      if hasMore, phase == .awaiting { markDirty() }
    case .receiving, .said, .released: break
    }
  }

  func outputDrained() { if isOpen { driver?.outputDrained() } }

  /// The stream is gone: by the client's will, unless all had been said.
  func closed() {
    if isOpen, driver != nil { worker.disconnects.count(transport, .peer) }
    release()
  }

  /// Lets go of everything, once.
  func release() {
    guard phase != .released else { return }
    phase = .released
    dropBody()
    driver?.connectionClosed()
    driver = nil
    if let token { worker.loop.remove(token) }
    waiting = WaitingContent()
    owner.isReleased(number)
  }

  private func reset(_ code: HTTP2ErrorCode) {
    owner.session.reset(number, code)
    owner.connection.markDirty()
    release()
  }

  // MARK: Channel

  var worker: Worker { owner.connection.worker }
  var peer: SocketAddress { owner.connection.peer }
  var id: ConnectionID { token! }
  var isOpen: Bool { phase == .awaiting || phase == .answering }
  /// Whether the client has been told everything, or will be without our doing.
  var isSaid: Bool { phase == .said || phase == .released }
  var waitingBytes: Int { waiting.count }
  var unacknowledgedBytes: Int { owner.connection.unacknowledgedBytes }

  func respond(_ status: HTTPResponse.Status, _ fields: HTTPFields) {
    submit(status, FieldBlock(fields), hasContent: status != .noContent)
  }

  func append(_ content: (inout [UInt8]) -> Void) {
    guard isOpen else { return }
    waiting.append(content)
    markDirty()
  }

  func markDirty() {
    guard !isDirty, phase != .released else { return }
    isDirty = true
    owner.isDirty(self)
  }

  func setDeadline(_ deadline: Int64?) {
    guard let token, phase != .complete, phase != .said else { return }
    worker.loop.setTimer(token, at: deadline)
  }

  func setReading(_ reading: Bool) {
    isReading = reading
    guard reading, unconsumed > 0 else { return }
    let count = unconsumed
    unconsumed = 0
    consume(count)
  }

  func end(_ cause: CloseCause) {
    guard isOpen || phase == .said else { return }
    if transport != .http { worker.disconnects.count(transport, cause) }
    guard phase == .answering else { return }
    // Who said goodbye has no more to say; nghttpx keeps its half open even so, and has 100 streams.
    if cause == .peer { lingerSeconds = 0 }
    phase = .complete
    look()
    markDirty()
  }

  func close(_ cause: CloseCause) {
    guard phase != .released else { return }
    if transport != .http { worker.disconnects.count(transport, cause) }
    reset(cause == .peer ? .noError : .cancel)
  }

  func serverStops(reconnectAfterMilliseconds: Int) {
    driver?.serverStops(reconnectAfterMilliseconds: reconnectAfterMilliseconds)
  }

  func removedByOperator() { driver?.removedByOperator() }

  // MARK: Time

  func becameReady(_ readiness: Readiness) {}

  func timerFired() {
    switch phase {
    case .receiving:
      send(
        Problem(.requestTimeout, "request-timeout", "the request did not arrive in time").response)
    case .awaiting: driver?.deadlinePassed()
    case .answering where transport != .poll:
      if isStalled(for: limits.stall) { close(.stalled) } else { driver?.deadlinePassed() }
    case .answering, .complete:
      // An answer whose window stays closed is not kept for ever (CVE-2019-9517).
      if isStalled(for: limits.stalledAnswerSeconds * second) { close(.timeout) } else { look() }
    case .said: reset(.noError)
    case .released: break
    }
  }

  private var limits: Limits { worker.limits }

  /// Whether something has waited for the client to take it all that time.
  private func isStalled(for patience: Int64) -> Bool {
    let now = worker.loop.now
    if waitingBytes == 0 || sentBytes != sentAtLook || lookedAt == 0 {
      (sentAtLook, lookedAt) = (sentBytes, now)
    }
    return now - lookedAt >= patience
  }

  /// Looks again later whether the answer gets on; a driver that says what it has as it comes keeps
  /// time itself.
  private func look() {
    guard phase == .complete || transport == .poll || driver == nil, let token else { return }
    let interval = limits.stalledAnswerSeconds * second / 3
    worker.loop.setTimer(token, at: worker.loop.now + interval)
  }

  private func linger() {
    guard let token else { return }
    worker.loop.setTimer(token, at: worker.loop.now + lingerSeconds * second)
  }
}
