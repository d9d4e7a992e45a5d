internal import EventFormats
internal import EventLoop
internal import Fanout
internal import FileEvents
internal import HTTPSemantics
internal import HTTPTypes
internal import Syscalls

/// One subscription sent as the body of one answer: Server-Sent Events or NDJSON. Confined to its
/// loop. Holds no events: what the socket does not take stays in the journal.
final class EventStreamDriver: ChannelDriver, SubscriptionOwner {
  private let channel: any Channel
  private let worker: Worker
  private var subscription: Subscription?
  private var isReady = true
  /// While `batch` gathers changes into one send; 0 when it does not.
  private var gatheringUntil: Int64 = 0
  private var heartbeatAt: Int64 = 0
  private let heartbeat: Int64
  private let batch: Int64
  /// Nil: it goes out as it is.
  private let compressor: EventStreamCompressor?
  let framing: StreamFraming

  init(channel: any Channel, stream: EventStream) {
    self.channel = channel
    let worker = channel.worker
    self.worker = worker
    framing = stream.framing
    compressor = stream.coding.map { EventStreamCompressor($0, worker.compression) }
    heartbeat = stream.heartbeat
    batch = stream.batch
  }

  /// Opens the subscription; its `hello` goes out at the end of this turn.
  func start(_ request: SubscriptionRequest) {
    let subscription = worker.hub.subscribe(
      request, framing: framing, owner: self, now: Clock.realtime())
    self.subscription = subscription
    if let compressor {
      compressor.join(subscription, batch: batch)
      subscription.letOwnerWriteBroadcasts()
    }
    worker.streamOpened(channel)
    heartbeatAt = worker.loop.now + heartbeat
    armTimer()
    channel.markDirty()
  }

  var subscriptions: [(ref: String?, subscription: Subscription)] {
    subscription.map { [(nil, $0)] } ?? []
  }

  // MARK: ConnectionDriver

  /// Whatever a client of a stream sends is not for us.
  func receive(_ bytes: UnsafeRawBufferPointer) {}

  func peerEnded() { channel.close(.peer) }

  func fill(_ bytes: inout [UInt8], limit: Int) -> Bool {
    guard isReady, gatheringUntil == 0, let subscription else { return false }
    if let since = subscription.unseenSince { worker.noteLag(since: since) }
    let start = bytes.count
    compressor?.begin(at: start)
    let pulled = subscription.pull(into: &bytes, limit: limit)
    compressor?.compressOwn(&bytes)
    if case .close = pulled { compressor?.appendEnd(to: &bytes) }
    if bytes.count > start { heartbeatAt = worker.loop.now + heartbeat }
    switch pulled {
    case .more: return true
    case .caughtUp, .waiting: isReady = false
    case .close: channel.end(.overflow)
    }
    return false
  }

  func shareBroadcast() -> Broadcast? {
    guard isReady, gatheringUntil == 0, let broadcast = subscription?.takeBroadcast() else {
      return nil
    }
    isReady = false
    if let time = broadcast.firstTime { worker.noteLag(since: time) }
    heartbeatAt = worker.writingSince + heartbeat
    return broadcast
  }

  func outputDrained() {}

  func deadlinePassed() {
    let now = worker.loop.now
    if gatheringUntil != 0, gatheringUntil <= now {
      gatheringUntil = 0
      channel.markDirty()
    }
    if heartbeatAt <= now {
      heartbeatAt = now + heartbeat
      // A client that has not taken what was sent knows that we live.
      if channel.waitingBytes == 0 { sendHeartbeat() }
    }
    armTimer()
  }

  func serverStops(reconnectAfterMilliseconds: Int) {
    sayBye("shutdown", reconnectAfterMilliseconds, .shutdown)
  }

  /// An EventSource comes back nevertheless, and is then answered 204.
  func removedByOperator() {
    if framing != .ndjson, let cursor = subscription?.farewellCursor {
      worker.shared.removals.add(cursor.text, from: channel.peer)
    }
    sayBye("removed", nil, .removed)
  }

  func connectionClosed() {
    guard let subscription else { return }
    self.subscription = nil
    worker.hub.unsubscribe(subscription)
    compressor?.leave()
    worker.streamClosed(channel)
  }

  // MARK: SubscriptionOwner

  func subscriptionIsReady(_ subscription: Subscription) {
    isReady = true
    if batch > 0 {
      guard gatheringUntil == 0 else { return }
      gatheringUntil = worker.loop.now + batch
      armTimer()
    } else {
      channel.markDirty()
    }
  }

  func subscription(_ subscription: Subscription, needs page: ListingRequest) {
    worker.fetch(page, for: subscription)
  }

  func append(_ broadcast: Broadcast, of subscription: Subscription, to output: inout [UInt8]) {
    compressor?.append(broadcast, now: worker.loop.now, to: &output)
  }

  // MARK: Inside

  private func sayBye(_ reason: String, _ reconnectAfterMilliseconds: Int?, _ cause: CloseCause) {
    say { bytes in
      subscription?.appendBye(
        reason: reason, reconnectAfterMilliseconds: reconnectAfterMilliseconds, into: &bytes)
    }
    if let compressor { channel.append { compressor.appendEnd(to: &$0) } }
    channel.end(cause)
  }

  private func sendHeartbeat() {
    var bookmark: [UInt8] = []
    guard subscription?.bookmarkIfDue(now: Clock.realtime(), into: &bookmark) != true else {
      return say { $0 += bookmark }
    }
    var sign: [UInt8] = []
    framing.appendHeartbeat(into: &sign)
    guard let compressor else { return say { $0 += sign } }
    channel.append { compressor.append(sign: sign, now: worker.loop.now, to: &$0) }
  }

  private func say(_ content: (inout [UInt8]) -> Void) {
    channel.append { bytes in
      compressor?.begin(at: bytes.count)
      content(&bytes)
      compressor?.compressOwn(&bytes)
    }
  }

  private func armTimer() {
    let next = gatheringUntil == 0 ? heartbeatAt : min(gatheringUntil, heartbeatAt)
    channel.setDeadline(next)
  }
}

/// A stream as asked for: what the answer says and what follows it.
struct EventStream {
  var fields: HTTPFields
  var request: SubscriptionRequest
  var framing: StreamFraming
  /// What it is compressed by, if at all.
  var coding: ContentCoding?
  /// Nanoseconds of silence before a sign of life.
  var heartbeat: Int64
  /// Nanoseconds to gather changes into one send; 0: none.
  var batch: Int64
}
