internal import Compression
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
  let framing: StreamFraming
  private unowned let channel: any Channel
  /// What it is compressed by; its state goes with the stream.
  private let deflater: Deflater?
  /// What is compressed has said its last.
  private var hasEnded = false
  private let heartbeat: Int64
  private let batch: Int64
  private var subscription: Subscription?
  private var isReady = true
  /// While `batch` gathers changes into one send; 0 when it does not.
  private var gatheringUntil: Int64 = 0
  private var heartbeatAt: Int64 = 0

  init(channel: any Channel, stream: EventStream) {
    self.channel = channel
    framing = stream.framing
    deflater = stream.coding?.stream()
    heartbeat = stream.heartbeat
    batch = stream.batch
  }

  /// Opens the subscription; its `hello` goes out at the end of this turn.
  func start(_ request: SubscriptionRequest) {
    let worker = channel.worker
    subscription = worker.hub.subscribe(
      request, framing: framing, owner: self, now: Clock.realtime())
    worker.streamOpened(channel)
    if deflater != nil { worker.compressedStreams += 1 }
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
    if let since = subscription.unseenSince { channel.worker.noteLag(since: since) }
    let start = bytes.count
    let pulled = subscription.pull(into: &bytes, limit: limit)
    let isLast = if case .close = pulled { true } else { false }
    compress(&bytes, from: start, isLast: isLast)
    if bytes.count > start { heartbeatAt = channel.worker.loop.now + heartbeat }
    switch pulled {
    case .more: return true
    case .caughtUp, .waiting: isReady = false
    case .close: channel.end(.overflow)
    }
    return false
  }

  func outputDrained() {}

  func deadlinePassed() {
    let now = channel.worker.loop.now
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
      channel.worker.shared.removals.add(cursor.text, from: channel.peer)
    }
    sayBye("removed", nil, .removed)
  }

  func connectionClosed() {
    guard let subscription else { return }
    self.subscription = nil
    channel.worker.hub.unsubscribe(subscription)
    channel.worker.streamClosed(channel)
    if deflater != nil { channel.worker.compressedStreams -= 1 }
  }

  // MARK: SubscriptionOwner

  func subscriptionIsReady(_ subscription: Subscription) {
    isReady = true
    if batch > 0 {
      guard gatheringUntil == 0 else { return }
      gatheringUntil = channel.worker.loop.now + batch
      armTimer()
    } else {
      channel.markDirty()
    }
  }

  func subscription(_ subscription: Subscription, needs page: ListingRequest) {
    channel.worker.fetch(page, for: subscription)
  }

  // MARK: Inside

  private func sayBye(_ reason: String, _ reconnectAfterMilliseconds: Int?, _ cause: CloseCause) {
    say(isLast: true) { bytes in
      subscription?.appendBye(
        reason: reason, reconnectAfterMilliseconds: reconnectAfterMilliseconds, into: &bytes)
    }
    channel.end(cause)
  }

  private func sendHeartbeat() {
    say { bytes in
      guard subscription?.bookmarkIfDue(now: Clock.realtime(), into: &bytes) != true else { return }
      framing.appendHeartbeat(into: &bytes)
    }
  }

  private func say(isLast: Bool = false, _ body: (inout [UInt8]) -> Void) {
    channel.append { bytes in
      let start = bytes.count
      body(&bytes)
      compress(&bytes, from: start, isLast: isLast)
    }
  }

  /// Compresses what was said since `start`, so that all of it can be read at once.
  private func compress(_ bytes: inout [UInt8], from start: Int, isLast: Bool) {
    guard let deflater, isLast || bytes.count > start else { return }
    let said = Array(bytes[start...])
    bytes.removeSubrange(start...)
    guard !hasEnded else { return }
    hasEnded = isLast
    deflater.compress(said.span.bytes, isLast ? .finish : .sync, into: &bytes)
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
