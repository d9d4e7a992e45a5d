internal import Compression
internal import EventFormats
internal import EventLoop
internal import Fanout
internal import FileEvents
internal import HTTPSemantics
internal import HTTPTypes
internal import Syscalls

/// A long-poll as asked for: `GET /-/v1/events` for one JSON document.
struct EventPoll {
  /// Fields of the answer, whatever its status.
  var fields: HTTPFields
  var request: SubscriptionRequest
  /// What the client likes the answer to be compressed by.
  var coding: ContentCoding?
  /// Nanoseconds to hold the request while nothing happens.
  var wait: Int64
  /// Events in one answer, the first ones.
  var limit: Int
  /// Nanoseconds to gather changes once there is one; 0: none.
  var batch: Int64
}

/// Holds one request until something happens or `wait` is over, answers `{"events":[…],"next":…}` or
/// 204. Confined to its loop. Keeps nothing but the subscription: the answer is written as the client
/// takes it, from the journal.
final class LongPollDriver: ChannelDriver, SubscriptionOwner {
  private let channel: any Channel
  private let limit: Int
  private let batch: Int64
  private var fields: HTTPFields
  /// What the client likes.
  private let coding: ContentCoding?
  /// Set where the answer is compressed.
  private var body: CompressedBody?
  private var subscription: Subscription?
  private var phase = Phase.waiting
  private var isReady = true
  private var waitsUntil: Int64 = 0
  /// While `batch` gathers changes; 0 when it does not.
  private var gatheringUntil: Int64 = 0

  private enum Phase {
    /// Nothing has happened yet.
    case waiting
    /// The head and some events have been given to the socket.
    case answering
    /// The answer is complete.
    case answered
  }

  init(channel: any Channel, poll: EventPoll) {
    self.channel = channel
    limit = poll.limit
    batch = poll.batch
    fields = poll.fields
    coding = poll.coding
  }

  /// Opens the subscription; what there is already is answered at the end of this turn.
  func start(_ poll: EventPoll) {
    let worker = channel.worker
    subscription = worker.hub.subscribe(
      poll.request, framing: .jsonArray, owner: self, now: Clock.realtime())
    worker.streamOpened(channel)
    waitsUntil = worker.loop.now + poll.wait
    armTimer()
    channel.markDirty()
  }

  var subscriptions: [(ref: String?, subscription: Subscription)] {
    subscription.map { [(nil, $0)] } ?? []
  }

  // MARK: ConnectionDriver

  /// What a client sends behind its request is its next one: the channel's business.
  func receive(_ bytes: UnsafeRawBufferPointer) {}

  /// Whoever stops sending while it waits has hung up: nobody else tells us.
  func peerEnded() { channel.close(.peer) }

  func fill(_ bytes: inout [UInt8], limit: Int) -> Bool {
    guard phase != .answered, isReady, gatheringUntil == 0, let subscription else { return false }
    let isFirst = phase == .waiting
    let before = bytes.count
    if isFirst { bytes += Self.opening }
    let start = bytes.count
    let sentBefore = subscription.eventsSent
    noteLag(of: subscription)
    let pulled = subscription.pull(
      into: &bytes, limit: limit, events: max(0, self.limit - Int(clamping: sentBefore)))
    let isFull = subscription.eventsSent >= UInt64(self.limit)
    if isFirst, bytes.count == start {
      bytes.removeSubrange(before...)
      isReady = pulled == .more
      if !isReady, waitsUntil <= channel.worker.loop.now { answerNothing() }
      return isReady
    }
    if isFirst { bytes[start] = UInt8(ascii: "[") }
    phase = .answering
    let isComplete = pulled != .more || isFull
    if isComplete { appendEnd(next: subscription, to: &bytes) }
    if isFirst { respond(willHave: isComplete ? bytes.count - before : .max) }
    compress(&bytes, from: before, isLast: isComplete)
    if isComplete { complete(.finished) }
    return !isComplete
  }

  func outputDrained() {}

  func deadlinePassed() {
    guard phase == .waiting else { return }
    let now = channel.worker.loop.now
    if gatheringUntil != 0, gatheringUntil <= now { gatheringUntil = 0 }
    if waitsUntil <= now { isReady = true } else { armTimer() }
    channel.markDirty()
  }

  func serverStops(reconnectAfterMilliseconds: Int) {
    sayBye("shutdown", reconnectAfterMilliseconds: reconnectAfterMilliseconds, cause: .shutdown)
  }

  func removedByOperator() { sayBye("removed", reconnectAfterMilliseconds: nil, cause: .removed) }

  func connectionClosed() { endSubscription() }

  // MARK: SubscriptionOwner

  func subscriptionIsReady(_ subscription: Subscription) {
    isReady = true
    if batch > 0, phase == .waiting {
      guard gatheringUntil == 0 else { return }
      gatheringUntil = min(waitsUntil, channel.worker.loop.now + batch)
      armTimer()
    } else {
      channel.markDirty()
    }
  }

  func subscription(_ subscription: Subscription, needs page: ListingRequest) {
    channel.worker.fetch(page, for: subscription)
  }

  // MARK: Inside

  private static let opening = Array("{\"events\":".utf8)

  private func appendEnd(next subscription: Subscription, to bytes: inout [UInt8]) {
    bytes += "],\"next\":\"\(subscription.cursor.text)\"}\n".utf8
  }

  /// Says the head, and what the answer of so many bytes is compressed by.
  private func respond(willHave count: Int) {
    if let coding, count >= ContentCoding.least {
      fields[.contentEncoding] = coding.rawValue
      body = CompressedBody(coding.format, loose: channel.worker.compression.deflater())
    }
    channel.respond(.ok, fields)
  }

  private func compress(_ bytes: inout [UInt8], from start: Int, isLast: Bool) {
    guard body != nil else { return }
    let said = Array(bytes[start...])
    bytes.removeSubrange(start...)
    body?.append(said, into: &bytes)
    if isLast { body?.appendEnd(into: &bytes) }
  }

  /// Nothing happened: where to continue is in `Event-Cursor`.
  private func answerNothing() {
    fields[.eventCursor] = subscription?.cursor.text
    fields[.contentType] = nil
    channel.respond(.noContent, fields)
    complete(.finished)
  }

  private func complete(_ cause: CloseCause) {
    phase = .answered
    endSubscription()
    channel.end(cause)
  }

  /// Ends the answer with `bye`; one that is complete already has nothing left to say.
  private func sayBye(_ reason: String, reconnectAfterMilliseconds: Int?, cause: CloseCause) {
    guard let subscription, phase != .answered else { return }
    let isFirst = phase == .waiting
    if isFirst { channel.respond(.ok, fields) }
    channel.append { bytes in
      let beginning = bytes.count
      if isFirst { bytes += Self.opening }
      let start = bytes.count
      subscription.appendBye(
        reason: reason, reconnectAfterMilliseconds: reconnectAfterMilliseconds, into: &bytes)
      if isFirst { bytes[start] = UInt8(ascii: "[") }
      appendEnd(next: subscription, to: &bytes)
      compress(&bytes, from: beginning, isLast: true)
    }
    complete(cause)
  }

  private func endSubscription() {
    guard let subscription else { return }
    self.subscription = nil
    channel.worker.hub.unsubscribe(subscription)
    channel.worker.streamClosed(channel)
  }

  private func noteLag(of subscription: Subscription) {
    if let since = subscription.unseenSince { channel.worker.noteLag(since: since) }
  }

  private func armTimer() {
    channel.setDeadline(gatheringUntil == 0 ? waitsUntil : gatheringUntil)
  }
}
