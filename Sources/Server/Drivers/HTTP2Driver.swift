internal import EventLoop
internal import HTTP2
internal import HTTPTypes
internal import Logging
internal import Syscalls

/// Speaks HTTP/2 (RFC 9113) on a connection: an exchange for each stream, each with its own pace.
/// Confined to its loop. Frames are made as the socket takes them, at most a turn's worth ahead.
final class HTTP2Driver: ConnectionDriver, HTTP2ContentSource {
  let connection: Connection
  let session = HTTP2Session()
  private var streams: [Int32: HTTP2Stream] = [:]
  /// Streams with something to do before the next frames are made, in the order they said so.
  private var dirty: [HTTP2Stream] = []
  /// Streams that have said everything they were given.
  private var drained: [HTTP2Stream] = []
  /// Content of requests that have not ended, in bytes.
  private var contentHeld = 0
  private let startedAt: Int64
  /// Since when there has been no stream.
  private var idleSince: Int64
  /// Since when a head has been on its way; 0: none is.
  private var headSince: Int64 = 0
  private var stops = false
  private var hasLeft = false
  private var holdsBack = false
  private var cause: CloseCause?
  /// The request of HTTP/1.1, until the client has said something in HTTP/2: curl has little room for
  /// what comes right behind a 101.
  private var upgraded: (request: HTTPRequest, body: [UInt8])?

  /// Frames in answer to the peer's that may wait while it takes nothing: then it is not read from.
  private static let queueLimit = 64

  init(connection: Connection) {
    self.connection = connection
    startedAt = connection.worker.loop.now
    idleSince = startedAt
    session.source = self
  }

  /// Says our settings, and expects the peer's.
  func start() {
    connection.tuneForStreaming(.http2)
    connection.markDirty()
  }

  /// Goes on with the request of HTTP/1.1 that asked for it, as stream 1. Settings that are no good
  /// end the connection.
  func upgrade(_ settings: UpgradeSettings, _ request: HTTPRequest, body: [UInt8]) {
    guard session.upgrade(settings, isHead: request.method == .head) else {
      return session.fail(.protocolError, "HTTP2-Settings: not settings")
    }
    var request = request
    for name in [HTTPField.Name.connection, .upgrade, HTTPField.Name("HTTP2-Settings")!] {
      request.headerFields[name] = nil
    }
    upgraded = (request, body)
  }

  // MARK: ConnectionDriver

  func receive(_ bytes: UnsafeRawBufferPointer) {
    let now = connection.worker.loop.now
    session.receive(bytes, now: now)
    if session.isHeard, let (request, body) = upgraded {
      upgraded = nil
      add(HTTP2Stream(1, request, of: self)).takeWhole(body)
    }
    takeEvents()
    headSince = session.isMidHead ? (headSince == 0 ? now : headSince) : 0
    holdBack(connection.waitingBytes > 0 && session.queuedFrames > Self.queueLimit)
    armDeadline()
    connection.markDirty()
  }

  func peerEnded() { connection.close(.peer) }

  func fill(_ bytes: inout [UInt8], limit: Int) -> Bool {
    let turn = dirty
    dirty = []
    for stream in turn { stream.prepare() }
    let hasMore = session.send(into: &bytes, limit: limit)
    takeEvents()
    let quiet = drained
    drained = []
    for stream in quiet { stream.outputDrained() }
    if stops, !hasLeft, streams.values.allSatisfy(\.isSaid) {
      hasLeft = true
      session.leave()
      connection.markDirty()
    }
    if session.isOver { finish() } else { armDeadline() }
    return hasMore || !dirty.isEmpty
  }

  func outputDrained() { holdBack(false) }

  func deadlinePassed() {
    let now = connection.worker.loop.now
    guard let (deadline, code) = deadline() else { return }
    if deadline > now {
      armDeadline()
    } else if session.failure != nil || connection.waitingBytes > 0 {
      connection.close(cause ?? .timeout)
    } else {
      cause = .timeout
      session.fail(code, "too late")
      connection.markDirty()
      armDeadline()
    }
  }

  /// GOAWAY comes when every stream has said its goodbye: some clients (Python's h2) take nothing after
  /// it, not even on streams it spares.
  func serverStops(reconnectAfterMilliseconds: Int) {
    stops = true
    connection.markDirty()
  }

  func connectionClosed() {
    let gone = streams.values
    streams = [:]
    for stream in gone { stream.release() }
  }

  // MARK: HTTP2ContentSource

  func content(of stream: Int32, into bytes: inout [UInt8], limit: Int) -> HTTP2Session.Content {
    streams[stream]?.content(into: &bytes, limit: limit) ?? .failed
  }

  // MARK: What streams tell

  func isDirty(_ stream: HTTP2Stream) {
    dirty.append(stream)
    connection.markDirty()
  }

  func isDrained(_ stream: HTTP2Stream) { drained.append(stream) }

  /// Content of a request has come, or with a negative count has been dealt with. False: too much is
  /// held for this connection.
  func holds(_ count: Int) -> Bool {
    contentHeld += count
    return contentHeld <= HTTP2Limits.standard.contentTogether
  }

  func isReleased(_ number: Int32) {
    guard streams.removeValue(forKey: number) != nil, streams.isEmpty else { return }
    idleSince = connection.worker.loop.now
    armDeadline()
  }

  // MARK: Inside

  private func add(_ stream: HTTP2Stream) -> HTTP2Stream {
    streams[stream.number] = stream
    return stream
  }

  private func takeEvents() {
    for event in session.takeEvents() {
      switch event {
      case .request(let number, let request, let hasContent):
        add(HTTP2Stream(number, request, of: self)).begin(hasContent: hasContent)
      case .refused(let number, let refusal):
        add(
          HTTP2Stream(
            number, HTTPRequest(method: .get, scheme: nil, authority: nil, path: nil), of: self)
        )
        .refuse(refusal)
      case .content(let number, let bytes): streams[number]?.receive(bytes)
      case .ended(let number): streams[number]?.peerEnded()
      case .closed(let number, _): streams[number]?.closed()
      }
    }
  }

  private func finish() {
    let worker = connection.worker
    if let failure = session.failure, failure != .noError {
      let detail = session.failureDetail ?? "a fault in the frames"
      worker.shared.log.debug("\(connection.peer.text): HTTP/2 ended: \(detail)")
      cause = cause ?? (failure == .enhanceYourCalm ? .limit : .malformed)
    }
    connectionClosed()
    connection.closeWhenSent(cause ?? (stops ? .shutdown : .finished))
  }

  private func holdBack(_ holds: Bool) {
    guard holds != holdsBack else { return }
    holdsBack = holds
    connection.setReading(!holds)
  }

  /// What is waited for now, and with what the connection ends when it does not come.
  private func deadline() -> (Int64, HTTP2ErrorCode)? {
    let limits = connection.worker.limits
    if connection.refusal != nil { return (startedAt + limits.refusedSeconds * second, .noError) }
    if !session.isAcknowledged {
      return (startedAt + limits.headSeconds * second, .settingsTimeout)
    }
    if headSince != 0 { return (headSince + limits.headSeconds * second, .enhanceYourCalm) }
    if streams.isEmpty { return (idleSince + limits.idleSeconds * second, .noError) }
    return nil
  }

  private func armDeadline() {
    if session.failure != nil {
      let limits = connection.worker.limits
      let patience = connection.worker.loop.now + limits.stalledAnswerSeconds * second
      connection.setDeadline(patience)
    } else {
      connection.setDeadline(deadline()?.0)
    }
  }
}
