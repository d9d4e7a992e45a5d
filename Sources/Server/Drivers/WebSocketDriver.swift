internal import Compression
internal import EventFormats
internal import EventLoop
internal import Fanout
internal import FileEvents
internal import HTTPTypes
internal import Syscalls
internal import WebSocket

/// Speaks the `tidings.v1` operations over a WebSocket (RFC 6455): many subscriptions, each named by
/// its `ref`. Confined to its loop.
final class WebSocketDriver: ChannelDriver, SubscriptionOwner {
  private let channel: any Channel
  private let worker: Worker
  private let access: Access
  private var parser: WebSocketParser
  private var open: [Followed] = []
  /// The only one there is, where nothing counts what it says: it is asked every time, and itself knows
  /// whether it is ready.
  private var sole: Subscription?
  /// Whose turn it is first when what they have to say is more than one portion.
  private var first = 0
  private var closeSent = false
  /// How what it sends may be compressed, and how its subscriptions share that.
  private let compressor: WebSocketCompressor?
  /// Operations may be left unread until the client has taken the answers to others.
  private var holdsBack = false

  private struct Followed {
    let subscription: Subscription
    /// Whether it has something to say.
    var isReady = false
    /// Nil: the client does not count what it takes.
    var credit: WebSocketCredit?
  }

  /// Answers that may wait unsent before the next operation is looked at.
  private static let unsentLimit = 64 * 1024
  private static let creditRange = 1...1_000_000_000
  /// Ours: wire contract, section 4.
  private static let slow: UInt16 = 4008

  init(channel: any Channel, upgrade: WebSocketUpgrade) {
    self.channel = channel
    let worker = channel.worker
    self.worker = worker
    access = upgrade.access
    parser = WebSocketParser(role: .server, compression: upgrade.compression)
    compressor = upgrade.compression.map { WebSocketCompressor($0, worker.compression) }
  }

  func start() {
    worker.streamOpened(channel)
    armPing()
  }

  var subscriptions: [(ref: String?, subscription: Subscription)] {
    open.map { ($0.subscription.framing.ref, $0.subscription) }
      .sorted { ($0.ref ?? "") < ($1.ref ?? "") }
  }

  // MARK: ConnectionDriver

  func receive(_ bytes: UnsafeRawBufferPointer) {
    guard !closeSent else { return }
    parser.receive(bytes)
    takeMessages()
  }

  /// Answers what has come, as long as the client takes the answers; the rest waits in its kernel.
  private func takeMessages() {
    defer {
      holdsBack = channel.waitingBytes >= Self.unsentLimit
      if !closeSent { channel.setReading(!holdsBack) }
    }
    while !closeSent, channel.waitingBytes < Self.unsentLimit {
      switch parser.next() {
      case .needMore: return
      case .text(let message): perform(message)
      case .binary:
        close(WebSocketCloseCode.unsupportedData, "operations are text", .malformed)
      case .ping(let payload): channel.append { WebSocketFrame.append(.pong, payload, to: &$0) }
      case .pong: break
      case .close(let code, _): close(code, "", .peer)
      case .violation(let code, let reason): close(code, reason, .malformed)
      }
    }
  }

  func peerEnded() { channel.close(.peer) }

  func fill(_ bytes: inout [UInt8], limit: Int) -> Bool {
    guard !closeSent else { return false }
    let begin = first
    for place in open.indices {
      let index = (begin + place) % open.count
      guard open[index].isReady || sole != nil else { continue }
      guard bytes.count < limit else {
        first = index
        return true
      }
      open[index].isReady = false
      switch pull(open[index], into: &bytes, limit: limit - bytes.count) {
      case .caughtUp, .waiting: break
      case .more: open[index].isReady = true
      case .close:
        closeSent = true
        WebSocketFrame.appendClose(code: Self.slow, reason: "slow", to: &bytes)
        channel.end(.overflow)
        return false
      }
    }
    return open.contains { $0.isReady }
  }

  func shareBroadcast() -> Broadcast? {
    guard !closeSent, let broadcast = sole?.takeBroadcast() else { return nil }
    if let time = broadcast.firstTime { worker.noteLag(since: time) }
    return broadcast
  }

  private func pull(_ followed: Followed, into bytes: inout [UInt8], limit: Int) -> Pull {
    let subscription = followed.subscription
    let (start, since) = (bytes.count, subscription.unseenSince)
    compressor?.begin(at: start)
    let pulled =
      followed.credit?.pull(subscription, into: &bytes, limit: limit)
      ?? subscription.pull(into: &bytes, limit: limit)
    compressor?.compressOwn(&bytes)
    if let since, bytes.count > start { worker.noteLag(since: since) }
    return pulled
  }

  func outputDrained() { if holdsBack { takeMessages() } }

  func deadlinePassed() {
    compressor?.releaseIdle(now: worker.loop.now)
    // A client that has not taken what was sent could not answer a ping either.
    if channel.waitingBytes == 0 {
      channel.append { bytes in
        for followed in open where followed.credit?.holdsNothing != false {
          _ = followed.subscription.bookmarkIfDue(now: Clock.realtime(), into: &bytes)
        }
        WebSocketFrame.append(.ping, [], to: &bytes)
      }
    }
    armPing()
  }

  func serverStops(reconnectAfterMilliseconds: Int) {
    sayBye("shutdown", reconnectAfterMilliseconds)
    close(WebSocketCloseCode.goingAway, "shutdown", .shutdown)
  }

  func removedByOperator() {
    sayBye("removed", nil)
    close(WebSocketCloseCode.policy, "removed", .removed)
  }

  func connectionClosed() {
    for followed in open { end(followed.subscription) }
    open = []
    noteSole()
    worker.streamClosed(channel)
  }

  // MARK: SubscriptionOwner

  func subscriptionIsReady(_ subscription: Subscription) {
    if sole !== subscription {
      let index = open.firstIndex { $0.subscription === subscription }
      guard let index else { return }
      open[index].isReady = true
    }
    channel.markDirty()
  }

  func subscription(_ subscription: Subscription, needs page: ListingRequest) {
    worker.fetch(page, for: subscription)
  }

  func append(_ broadcast: Broadcast, of subscription: Subscription, to output: inout [UInt8]) {
    compressor?.append(broadcast, of: subscription, now: worker.loop.now, to: &output)
  }

  // MARK: Operations

  private func perform(_ message: [UInt8]) {
    var ref: String?
    do throws(Problem) {
      let value = try JSONValue.parse(message, as: "message")
      var members = try MemberReader(value, as: "message")
      ref = try members.string("ref")
      let operation = try members.string("op") ?? ""
      switch operation {
      case "subscribe":
        try subscribe(ref, &members)
        say("ok", ref)
      case "unsubscribe":
        try members.finish()
        try unsubscribe(ref)
        say("ok", ref)
      case "credit":
        let events = try members.integer("n", Self.creditRange)
        try members.finish()
        try grant(events, ref)
        say("ok", ref)
      case "ping":
        try members.finish()
        say("pong", ref)
      default:
        throw .malformed("op", "must be subscribe, unsubscribe, credit or ping")
      }
    } catch {
      say("error", ref, error)
    }
  }

  private func subscribe(_ ref: String?, _ members: inout MemberReader) throws(Problem) {
    guard let ref, (1...64).contains(ref.utf8.count) else {
      throw .malformed("ref", "a subscription needs a name of 1 to 64 bytes")
    }
    guard index(of: ref) == nil else {
      throw Problem(.conflict, "ref-in-use", "\(ref) is subscribed already", field: "ref")
    }
    let limit = worker.limits.subscriptionsPerConnection
    guard open.count < limit else {
      throw Problem(
        .tooManyRequests, "too-many-subscriptions", "\(limit) subscriptions are open here already")
    }
    let asked = try SubscriptionFields(members: &members)
    try members.finish()
    let subscription = worker.hub.subscribe(
      try asked.request(worker.shared), framing: .webSocket(ref: ref), owner: self,
      now: Clock.realtime())
    open.append(Followed(subscription: subscription))
    noteSole()
    if let compressor {
      compressor.add(subscription)
      subscription.letOwnerWriteBroadcasts()
    }
    subscriptionIsReady(subscription)
  }

  private func unsubscribe(_ ref: String?) throws(Problem) {
    end(open.remove(at: try index(named: ref)).subscription)
    noteSole()
  }

  private func end(_ subscription: Subscription) {
    compressor?.remove(subscription)
    worker.hub.unsubscribe(subscription)
  }

  /// From the first time on the subscription gets no more than what was granted.
  private func grant(_ events: Int?, _ ref: String?) throws(Problem) {
    let index = try index(named: ref)
    guard let events else { throw .malformed("n", "how many events more, from 1") }
    let credit = open[index].credit ?? WebSocketCredit()
    open[index].credit = credit
    noteSole()
    credit.grant(events)
    subscriptionIsReady(open[index].subscription)
  }

  /// `open` has changed. Who was alone may have become ready meanwhile.
  private func noteSole() {
    if sole != nil, !open.isEmpty { open[0].isReady = true }
    sole = open.count == 1 && open[0].credit == nil ? open[0].subscription : nil
  }

  private func index(named ref: String?) throws(Problem) -> Int {
    guard let ref, let index = index(of: ref) else {
      throw Problem(.notFound, "no-such-subscription", "nothing is subscribed as \(ref ?? "null")")
    }
    return index
  }

  private func index(of ref: String) -> Int? {
    open.firstIndex { $0.subscription.framing.ref == ref }
  }

  private func say(_ operation: String, _ ref: String?, _ problem: Problem? = nil) {
    var json = JSONText()
    json.object {
      $0.field("op", operation)
      if let ref { $0.field("ref", ref) }
      if let problem { problem.describe(into: &$0) }
    }
    channel.append { WebSocketFrame.append(.text, json.bytes, to: &$0) }
  }

  private func sayBye(_ reason: String, _ reconnectAfterMilliseconds: Int?) {
    guard !closeSent else { return }
    channel.append { bytes in
      for followed in open {
        followed.credit?.releaseAll(into: &bytes)
        followed.subscription.appendBye(
          reason: reason, reconnectAfterMilliseconds: reconnectAfterMilliseconds, into: &bytes)
      }
    }
  }

  private func close(_ code: UInt16?, _ reason: String, _ cause: CloseCause) {
    guard !closeSent else { return }
    closeSent = true
    channel.append { WebSocketFrame.appendClose(code: code, reason: reason, to: &$0) }
    channel.end(cause)
  }

  private func armPing() {
    channel.setDeadline(worker.loop.now + worker.limits.pingSeconds * second)
  }
}

/// What the answer to an upgrade says, and what the client may do.
struct WebSocketUpgrade {
  var fields: HTTPFields
  var access: Access
  var compression: MessageCompression?
}
