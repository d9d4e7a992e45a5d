internal import EventLoop
internal import Fanout
internal import FileEvents
internal import FileWatching
internal import HTTPSemantics
internal import HTTPTypes
internal import Logging
internal import Syscalls
internal import SystemPackage

typealias ConnectionID = Loop.Token
typealias WorkerMailbox = Mailbox<WorkerMessage>

/// What other threads ask of a worker.
enum WorkerMessage: Sendable {
  case batch(ChangeBatch)
  /// Anything else: an answer that came late, a page of a listing, a question from another loop.
  case work(@Sendable (Worker) -> Void)
}

/// One loop and everything it serves: its connections, its view of the journal, its router. Confined
/// to the thread that made it.
final class Worker {
  let loop: Loop
  let index: Int
  let shared: Shared
  /// The configuration's, at hand: asked for several times a request.
  let limits: Limits
  let hub: Hub
  let router: Router
  let mailbox: WorkerMailbox
  /// What a turn's `fill` writes into, one connection after the other.
  private var scratch: [UInt8] = []
  /// What a read fills; its content is valid during one `receive`.
  let readBuffer: UnsafeMutableRawBufferPointer
  private(set) var connections: [ConnectionID: Connection] = [:]
  /// Who follows something: event streams, polls that wait, WebSockets.
  private(set) var streams: [ConnectionID: any Channel] = [:]
  /// What those among them share who are sent the same, compressed.
  let compression: CompressionGroups
  private(set) var requests: UInt64 = 0
  var traffic = Traffic()
  var disconnects = Disconnects()

  private var listeners: [Listener] = []
  private let order = TurnOrder<Connection>()
  /// When the turn began whose writes are made, in monotonic nanoseconds.
  private(set) var writingSince: Int64 = 0
  /// When the oldest change in what is being sent was read from the kernel; 0: there is none.
  private var lagSince: Int64 = 0
  /// Sends made since the clock was last read, all with that oldest change.
  private var unobserved = (sends: 0, since: Int64(0))
  /// Connections that may ask for nothing but the server's health.
  private var refused = 0
  /// Given up to take one connection more where there is no descriptor left.
  private var reserve: WakeUp?
  private var lacksDescriptors = false
  private var peers: PeerWatch!
  private var drain: Drain?
  private var everyAnswerCache = (second: -1, fields: PreparedFields([:]))
  /// Subscriptions that wait for a page of a listing.
  private var fetching: [Int: Subscription] = [:]
  private var nextFetch = 0
  private var gathers = Gathers()
  private var waitingRoom: PageWaitingRoom!
  private var messages: MailboxSource?
  private var stopping = false

  /// Errors of epoll_create1(2) and epoll_ctl(2).
  init(index: Int, shared: Shared) throws(Errno) {
    self.index = index
    self.shared = shared
    limits = shared.configuration.limits
    loop = try Loop()
    compression = CompressionGroups(limit: shared.configuration.limits.compressionGroups)
    mailbox = shared.mailboxes[index]
    hub = Hub(
      epoch: shared.watcher.epoch, published: { [watcher = shared.watcher] in watcher.head })
    router = try Router(shared: shared)
    readBuffer = .allocate(byteCount: limits.readBytes, alignment: 16)
    router.worker = self
    waitingRoom = PageWaitingRoom(self)
    peers = PeerWatch(self)
    reserve = try WakeUp()
    messages = try MailboxSource(self)
    for listening in shared.listening { listeners.append(try Listener(listening, worker: self)) }
  }

  deinit { readBuffer.deallocate() }

  /// Serves until the server has stopped, then cuts off whoever is left.
  func run() {
    loop.run { flush() }
    for connection in connections.values { connection.close(.shutdown) }
  }

  // MARK: Connections

  /// Takes a connection, or refuses it: to be told so it must be let in.
  func accept(_ socket: consuming Socket, from peer: SocketAddress) {
    traffic.accepted += 1
    if lacksDescriptors {
      lacksDescriptors = false
      shared.log.notice("loop \(index): there are file descriptors again")
    }
    switch shared.census.enter(peer) {
    case .welcome:
      guard !begin(socket, peer, nil) else { return }
      leave(peer)
    case .tooMany(let isNew):
      if isNew { shared.log.warning("all \(shared.census.limit) connections are in use") }
      refuse(socket, peer, .tooMany(limit: shared.census.limit))
    case .tooManyFromAddress(let isNew):
      let limit = shared.census.addressLimit
      if isNew { shared.log.warning("\(peer.text): \(limit) connections come from there already") }
      refuse(socket, peer, .tooManyFromAddress(limit: limit))
    }
  }

  /// There is no descriptor left: gives up the one kept for this, so that one connection more can be
  /// taken, heard and answered. Whether there was one.
  func giveUpReserve() -> Bool {
    if !lacksDescriptors {
      lacksDescriptors = true
      shared.log.warning(
        "loop \(index): no file descriptor is left for a connection; type: ulimit -n 65536")
    }
    guard reserve != nil else { return false }
    reserve = nil
    return true
  }

  /// Takes the connection for which `giveUpReserve` made room.
  func acceptInReserve(_ socket: consuming Socket, from peer: SocketAddress) {
    traffic.accepted += 1
    refuse(socket, peer, .noDescriptors)
  }

  /// Without a descriptor kept back, the next time there is none nobody is told.
  func restoreReserve() {
    if reserve == nil, refused == 0 { reserve = try? WakeUp() }
  }

  /// Only so many at a time: whoever comes then finds the connection closed.
  private func refuse(_ socket: consuming Socket, _ peer: SocketAddress, _ refusal: Refusal) {
    guard refused < limits.refusedAtOnce else {
      disconnects.count(.http, .limit)
      return
    }
    if begin(socket, peer, refusal) { refused += 1 }
  }

  private func begin(
    _ socket: consuming Socket, _ peer: SocketAddress, _ refusal: Refusal?
  ) -> Bool {
    if peer.port != nil { try? socket.sendAtOnce() }
    let connection = Connection(socket: socket, peer: peer, refusal: refusal, worker: self)
    let driver = OpeningDriver(connection: connection)
    do { try connection.start(driver) } catch {
      shared.log.warning("epoll_ctl: \(error)")
      return false
    }
    connections[connection.token!] = connection
    driver.start()
    return true
  }

  /// Empty, with room for a portion. Taken, not lent: nobody else has it then, so that writing into it
  /// asks nothing of the exclusivity checks. `giveBack(scratch:)` it.
  func takeScratch() -> [UInt8] {
    var taken = exchange(&scratch, with: [])
    taken.removeAll(keepingCapacity: true)
    return taken
  }

  func giveBack(scratch taken: consuming [UInt8]) { scratch = taken }

  func isDirty(_ connection: Connection, isBehind: Bool) {
    order.add(connection, isBehind: isBehind)
  }

  func isClosed(_ connection: Connection) {
    if let token = connection.token { connections[token] = nil }
    if connection.refusal == nil { leave(connection.peer) } else { refused -= 1 }
    if stopping, connections.isEmpty { loop.stop() }
  }

  private func leave(_ peer: SocketAddress) {
    guard shared.census.leave(peer) else { return }
    shared.log.notice("there is room for connections again")
  }

  // MARK: What is measured and looked after

  /// A change that was read from the kernel at `time` (nanoseconds since 1970) is about to be sent.
  func noteLag(since time: Int64) { lagSince = lagSince == 0 ? time : min(lagSince, time) }

  /// It has been. The clock is read for some sends together, which are far less apart than what is
  /// told of their lag.
  func observeLag() {
    guard lagSince != 0 else { return }
    if unobserved.since != lagSince || unobserved.sends == Self.sendsPerLook { settleLag() }
    unobserved = (unobserved.sends + 1, lagSince)
    lagSince = 0
  }

  private static let sendsPerLook = 16

  private func settleLag() {
    guard unobserved.sends > 0 else { return }
    let lag = Clock.realtime() - unobserved.since
    traffic.lag.observe(nanoseconds: lag, times: unobserved.sends)
    unobserved.sends = 0
  }

  /// Something has been sent to a stream: whether it arrives is looked at later.
  func looksAtPeersSoon() { peers.begin() }

  func streamOpened(_ channel: any Channel) { streams[channel.id] = channel }

  func streamClosed(_ channel: any Channel) { streams[channel.id] = nil }

  func requestArrived() { requests += 1 }

  func deliver(_ response: Response, to id: ConnectionID, serial: UInt32) {
    switch loop.source(id) {
    case let connection as Connection:
      (connection.driver as? HTTP1Driver)?.deliver(response, serial: serial)
    case let stream as HTTP2Stream: stream.deliver(response)
    default: break
    }
  }

  /// What every answer carries: `Date` for now (RFC 9110 §6.6.1), and that no type is guessed and no
  /// other site embeds it. Made once a second.
  var everyAnswer: PreparedFields {
    let seconds = Int(Clock.realtime() / second)
    if everyAnswerCache.second != seconds {
      everyAnswerCache = (
        seconds,
        PreparedFields([
          .date: HTTPDate(secondsSince1970: seconds).text, .xContentTypeOptions: "nosniff",
          .crossOriginResourcePolicy: "same-origin",
        ])
      )
    }
    return everyAnswerCache.fields
  }

  /// Asks the tree thread for a page of a listing.
  func fetch(_ request: ListingRequest, for subscription: Subscription) {
    nextFetch += 1
    fetching[nextFetch] = subscription
    shared.watcher.list(request) { [mailbox, id = nextFetch] page in
      mailbox.post(.work { $0.fetching.removeValue(forKey: id)?.receive(page) })
    }
  }

  /// Asks for a page of `files`; the answer goes through its ticket.
  func page(_ pending: PendingPage) {
    let epoch = shared.watcher.epoch
    shared.watcher.list(pending.listing) { [mailbox] result in
      if let response = pending.response(to: result, epoch: epoch, now: Clock.monotonic()) {
        pending.ticket.deliver(response)
      } else {
        mailbox.post(.work { $0.waitingRoom.enter(pending) })
      }
    }
  }

  // MARK: Turns

  /// Writes: first to those who keep up, then to those behind, for as long as those who keep up may
  /// be kept waiting. Whoever is left comes first among the latter next time.
  private func flush() {
    writingSince = loop.now
    defer { settleLag() }
    flushPrompt()
    guard order.hasLaggards else { return }
    let end = Clock.monotonic() + limits.laggardNanosecondsPerTurn
    while let connection = order.nextLaggard() {
      connection.flush()
      if Clock.monotonic() >= end { break }
    }
    // What a laggard's turn has made of others, such as an answer that is complete now.
    flushPrompt()
    if order.hasLaggards { loop.staysAwake() }
  }

  private func flushPrompt() {
    repeat {
      while let connection = order.nextPrompt() { connection.flush() }
    } while hub.wake(Self.wokenAtOnce)
  }

  /// What is known of that many, some 50 KB, stays in the processor's nearest cache.
  private static let wokenAtOnce = 32

  fileprivate func takeMessages() {
    for message in mailbox.takeAll() {
      switch message {
      case .batch(let batch):
        hub.publish(batch)
        if batch.records.contains(where: { $0.subject == .watch }) { waitingRoom.callAll() }
      case .work(let work): work(self)
      }
    }
  }

  // MARK: All loops

  /// Asks every loop for its part and hands all of them to `finish`, here.
  func gather<Part: Sendable>(
    _ part: @escaping @Sendable (Worker) -> Part, finish: @escaping (Worker, [Part]) -> Void
  ) {
    let id = gathers.begin(expecting: shared.mailboxes.count, finish: finish)
    for other in shared.mailboxes {
      other.post(
        .work { [mailbox] worker in
          let found = part(worker)
          mailbox.post(.work { $0.gathered(found, id) })
        })
    }
  }

  private func gathered<Part: Sendable>(_ part: Part, _ id: Int) {
    gathers.add(part, to: id)?(self)
  }

  // MARK: Stopping

  /// Accepts no more, says goodbye, at once or in equal slices over the drain time, and ends the loop
  /// when every client has taken it or has had time to.
  func stop() {
    guard !stopping else { return }
    stopping = true
    for listener in listeners { listener.stop() }
    for (id, connection) in connections where streams[id] == nil {
      connection.serverStops(reconnectAfterMilliseconds: 0)
    }
    guard !connections.isEmpty else {
      loop.stop()
      return
    }
    drain = Drain(self, streams: Array(streams.keys), over: limits.drain)
    messages?.stopLoop(at: loop.now + limits.drain + limits.goodbyeMilliseconds * (second / 1_000))
  }
}

/// Takes what other threads have posted. Confined to its loop.
private final class MailboxSource: LoopSource {
  private unowned let worker: Worker
  private var token: Loop.Token?

  init(_ worker: Worker) throws(Errno) {
    self.worker = worker
    token = try worker.loop.add(
      self, descriptor: worker.mailbox.descriptor, interest: .readable)
  }

  func stopLoop(at deadline: Int64) { worker.loop.setTimer(token!, at: deadline) }

  func becameReady(_ readiness: Readiness) { worker.takeMessages() }

  func timerFired() { worker.loop.stop() }
}

/// Questions asked of all loops, whose parts are still coming in. Confined to its loop.
private struct Gathers {
  private struct Pending {
    var missing: Int
    var parts: [any Sendable]
    let finish: (Worker, [any Sendable]) -> Void
  }

  private var pending: [Int: Pending] = [:]
  private var next = 0

  mutating func begin<Part: Sendable>(
    expecting count: Int, finish: @escaping (Worker, [Part]) -> Void
  ) -> Int {
    next += 1
    pending[next] = Pending(missing: count, parts: []) { worker, parts in
      finish(worker, parts.compactMap { $0 as? Part })
    }
    return next
  }

  /// With the last part, what is to be done with all of them.
  mutating func add(_ part: any Sendable, to id: Int) -> ((Worker) -> Void)? {
    pending[id]?.parts.append(part)
    pending[id]?.missing -= 1
    guard pending[id]?.missing == 0, let done = pending.removeValue(forKey: id) else { return nil }
    return { done.finish($0, done.parts) }
  }
}
