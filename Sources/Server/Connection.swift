internal import Bytes
internal import EventLoop
internal import Logging
internal import Syscalls
internal import SystemPackage

/// What speaks on a connection, or on a channel of one: takes bytes, gives bytes, keeps time. Confined
/// to its loop. All calls come from there; a driver acts on it through `Connection` or `Channel` alone.
protocol ConnectionDriver: AnyObject {
  /// Bytes came. They are valid during the call only.
  func receive(_ bytes: UnsafeRawBufferPointer)

  /// The peer will send no more.
  func peerEnded()

  /// Appends what is to be sent, about `limit` bytes at most; called once a turn while the socket
  /// takes bytes. Says whether there is more to say at once.
  func fill(_ bytes: inout [UInt8], limit: Int) -> Bool

  /// All there is to say this turn, where others are sent the same bytes: it counts as given. Asked
  /// before `fill`, where nothing waits. Nil: `fill`.
  func share() -> [UInt8]?

  /// Everything that waited has been taken by the socket.
  func outputDrained()

  /// The deadline set by `Connection.setDeadline` has passed.
  func deadlinePassed()

  /// The server is stopping: say goodbye and end once it has been sent.
  func serverStops(reconnectAfterMilliseconds: Int)

  /// The connection is gone: let go of everything that others hold for it.
  func connectionClosed()
}

extension ConnectionDriver {
  func share() -> [UInt8]? { nil }
}

/// One client's socket: reads for its driver, writes what the driver gives, once a turn. Confined to
/// its loop. Costs the process nothing but this object while the client is silent and has been told
/// everything.
final class Connection: LoopSource, TurnMember {
  // What each write looks at stands together: with thousands of clients it comes from far away.
  /// Held, as a driver holds its connection: both let go when the connection closes.
  let worker: Worker
  private(set) var driver: (any ConnectionDriver)?
  /// Nil: the socket has taken everything.
  private var output: OutputBuffer?
  /// Behind this one in the turn's order.
  var nextInTurn: Connection?
  private let socket: Socket
  var transport = Transport.http
  private var state = State.open
  private var isDirty = false
  /// The socket took less than it was given and has not asked for more.
  private var isBlocked = false
  /// Its driver had more to say than one portion: others come first.
  private var isBehind = false
  /// Something was sent of which it is not known whether it has arrived.
  private var isUnsettled = false
  /// Whether `interest` has it.
  private var awaitsWritable = false
  /// Bytes taken by the socket so far.
  private(set) var sentBytes: UInt64 = 0

  private(set) var token: Loop.Token?
  private var interest = Readiness.incoming
  private var cause = CloseCause.finished
  /// What the socket had taken when the deadline was last set while closing.
  private var sentAtDeadline: UInt64 = 0
  private var patience = PeerPatience()
  let peer: SocketAddress
  /// Monotonic nanoseconds.
  let openedAt: Int64
  /// Why it may ask for nothing but the server's health; nil for whoever is welcome.
  let refusal: Refusal?

  private enum State {
    case open
    /// Closes once everything has been sent.
    case closing
    /// Everything is sent and our half is closed; what the peer still sends is thrown away, so that
    /// its kernel does not destroy our answer with a reset.
    case lingering
    case closed
  }

  init(socket: consuming Socket, peer: SocketAddress, refusal: Refusal?, worker: Worker) {
    self.socket = socket
    self.peer = peer
    self.refusal = refusal
    self.worker = worker
    openedAt = worker.loop.now
  }

  /// Registers with the loop. Errors of epoll_ctl(2).
  func start(_ driver: any ConnectionDriver) throws(Errno) {
    token = try worker.loop.add(self, descriptor: socket.descriptor, interest: interest)
    self.driver = driver
  }

  /// Another protocol takes over; `unread` is what came behind the request that asked for it.
  func handOver(to next: any ConnectionDriver, unread: [UInt8]) {
    driver?.connectionClosed()
    driver = next
    setDeadline(nil)
    if !unread.isEmpty { unread.withUnsafeBytes { next.receive($0) } }
    markDirty()
  }

  var isOpen: Bool { state == .open }

  /// Whether what was appended ends in a file: until it has been sent, nothing can follow.
  var isSendingFile: Bool { output?.endsInFile ?? false }

  /// Bytes that the socket has not taken yet.
  var waitingBytes: Int { output?.count ?? 0 }

  /// Bytes that the kernel holds and the peer has not acknowledged; 0 where it does not say.
  var unacknowledgedBytes: Int { socket.unsentBytes() ?? 0 }

  // MARK: What drivers ask for

  /// Appends to what goes out at the end of this turn.
  func append(_ body: (inout [UInt8]) -> Void) {
    guard state == .open else { return }
    waiting().withBytes(body)
    markDirty()
  }

  /// A file follows what has been appended.
  func append(file: OpenFile, offset: Int, length: Int) {
    guard state == .open else { return }
    waiting().append(file: file, offset: offset, length: length)
    markDirty()
  }

  private func waiting() -> OutputBuffer {
    if let output { return output }
    let made = OutputBuffer()
    output = made
    return made
  }

  /// Asks for `fill` at the end of this turn.
  func markDirty() {
    guard !isDirty, state != .closed else { return }
    isDirty = true
    worker.isDirty(self, isBehind: isBehind)
  }

  /// Closes as soon as everything appended has been sent.
  func closeWhenSent(_ cause: CloseCause) {
    guard state == .open else { return }
    self.cause = cause
    state = .closing
    awaitProgress()
    markDirty()
  }

  /// Monotonic nanoseconds; nil for none.
  func setDeadline(_ deadline: Int64?) {
    if let token { worker.loop.setTimer(token, at: deadline) }
  }

  /// Whether more is read from the socket: a peer that does not take our answers is not asked for
  /// more questions.
  func setReading(_ reading: Bool) {
    setInterest(reading ? interest.union(.incoming) : interest.subtracting(.incoming))
  }

  /// Keeps the kernel's share of a stream small and finds a peer that is gone (tcp(7)). A
  /// Unix-domain socket has neither option.
  func tuneForStreaming(_ transport: Transport) {
    self.transport = transport
    guard peer.port != nil else { return }
    let limits = worker.limits
    try? socket.limitUnsent(bytes: limits.unsentBytes)
    try? socket.keepAlive(idleSeconds: limits.keepAliveSeconds)
  }

  func serverStops(reconnectAfterMilliseconds: Int) {
    driver?.serverStops(reconnectAfterMilliseconds: reconnectAfterMilliseconds)
  }

  /// Looks whether the peer of a stream takes what it is sent; returns whether to look again.
  func looksAtPeer(now: Int64) -> Bool {
    guard isUnsettled, transport != .http, state == .open else {
      isUnsettled = false
      return false
    }
    let limits = worker.limits
    let verdict = patience.look(
      now: now, sentBytes: sentBytes, isBlocked: isBlocked,
      tcp: peer.port == nil ? nil : socket.peerState(), stall: limits.stall,
      silence: limits.silenceSeconds * second)
    switch verdict {
    case .waiting: return true
    case .settled: isUnsettled = false
    case .stalled:
      let time = DurationText.text(.nanoseconds(limits.stall))
      giveUp(.stalled, "has taken nothing for \(time)")
    case .gone: giveUp(.gone, "has acknowledged nothing for \(limits.silenceSeconds) s")
    }
    return false
  }

  private func giveUp(_ cause: CloseCause, _ what: String) {
    worker.shared.log.notice("\(transport.name) client \(peer.text) \(what): closed")
    close(cause)
  }

  /// Ends the connection now; what was not sent is lost. The first cause that was given counts.
  func close(_ cause: CloseCause) {
    guard state != .closed else { return }
    if state == .open { self.cause = cause }
    worker.disconnects.count(transport, self.cause)
    state = .closed
    driver?.connectionClosed()
    driver = nil
    if let token { worker.loop.remove(token) }
    worker.isClosed(self)
  }

  // MARK: What the loop tells

  func becameReady(_ readiness: Readiness) {
    if readiness.contains(.failed) {
      close(.failed)
      return
    }
    if !readiness.isDisjoint(with: .incoming) || readiness.contains(.hangUp) { read() }
    // Both halves are gone: whatever was still to be read has been, and nobody takes an answer.
    if readiness.contains(.hangUp) { close(.peer) }
    if readiness.contains(.writable) {
      isBlocked = false
      markDirty()
    }
  }

  func timerFired() {
    switch state {
    case .open: driver?.deadlinePassed()
    case .closing where sentBytes != sentAtDeadline: awaitProgress()
    case .closing, .lingering: close(.timeout)
    case .closed: break
    }
  }

  /// The end of the turn: one write. What the socket did not take last time goes out before anything
  /// new is asked for, so that the process never holds more than one write's worth.
  func flush() {
    isDirty = false
    guard !isBlocked, state == .open || state == .closing else { return }
    do {
      if try sendShared() { return }
      if awaitsWritable, try !send([]) { return }
      guard try pull() else { return }
    } catch {
      close(.failed)
      return
    }
    if awaitsWritable { setInterest(interest.subtracting(.writable)) }
    if state == .closing {
      endWriting()
    } else if state == .open {
      driver?.outputDrained()
    }
  }

  // MARK: Inside

  private func read() {
    let buffer = worker.readBuffer
    do {
      switch try socket.read(into: buffer) {
      case .wouldBlock: return
      case .bytes(let count):
        if state == .open {
          driver?.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
      case .end:
        setReading(false)
        if state == .open { driver?.peerEnded() } else if state == .lingering { close(.peer) }
      }
    } catch { close(.failed) }
  }

  /// Sends what others are sent as well, where that is all: neither made nor copied for this client.
  /// Whether it was. Nobody waits to hear that it has been taken: nothing waited before.
  private func sendShared() throws(Errno) -> Bool {
    guard state == .open, !awaitsWritable, output == nil, let shared = driver?.share() else {
      return false
    }
    isBehind = false
    _ = try send(shared)
    worker.observeLag()
    return true
  }

  /// Lets the driver fill the turn's buffer and sends it behind what was appended; false when the
  /// connection must wait for its socket.
  private func pull() throws(Errno) -> Bool {
    var hasMore = false
    var bytes = worker.takeScratch()
    defer { worker.giveBack(scratch: bytes) }
    if state == .open, let driver, !isSendingFile {
      hasMore = driver.fill(&bytes, limit: worker.limits.bytesPerTurn)
    }
    guard state != .closed else { return false }
    isBehind = hasMore && state == .open
    let isTaken = try send(bytes)
    worker.observeLag()
    guard isTaken, isBehind else { return isTaken }
    // One portion a turn: the rest waits until everybody else has had theirs.
    setInterest(interest.union(.writable))
    isBlocked = true
    return false
  }

  /// Whether the socket took everything; asks for writability where it did not.
  private func send(_ fresh: [UInt8]) throws(Errno) -> Bool {
    let before = waitingBytes + fresh.count
    if before == 0 { return true }
    let flushed = try give(fresh)
    let taken = before - waitingBytes
    sentBytes += UInt64(taken)
    worker.traffic.sent(taken, by: transport)
    if transport != .http, !isUnsettled {
      isUnsettled = true
      worker.looksAtPeersSoon()
    }
    switch flushed {
    case .all: return true
    case .blocked:
      isBlocked = true
      setInterest(interest.union(.writable))
    case .fileEnded: close(.failed)
    }
    return false
  }

  /// Gives the socket what waits and `fresh` behind it, in one write when nothing waits; what it does
  /// not take waits.
  private func give(_ fresh: [UInt8]) throws(Errno) -> OutputBuffer.Flushed {
    guard let output else {
      let taken = try socket.take(fresh, from: 0)
      if taken == fresh.count { return .all }
      waiting().withBytes { $0 += fresh[taken...] }
      return .blocked
    }
    if !fresh.isEmpty { output.withBytes { $0 += fresh } }
    let flushed = try output.flush(to: socket)
    if case .all = flushed { self.output = nil }
    return flushed
  }

  /// A peer that takes nothing for so long has gone away.
  private func awaitProgress() {
    sentAtDeadline = sentBytes
    setDeadline(worker.loop.now + worker.limits.stalledAnswerSeconds * second)
  }

  private func endWriting() {
    state = .lingering
    socket.endWriting()
    setReading(true)
    setDeadline(worker.loop.now + 2 * second)
  }

  private func setInterest(_ wanted: Readiness) {
    guard wanted != interest, let token else { return }
    interest = wanted
    awaitsWritable = wanted.contains(.writable)
    do { try worker.loop.setInterest(token, wanted) } catch { close(.failed) }
  }
}

/// Nanoseconds.
let second: Int64 = 1_000_000_000
