internal import EventFormats
internal import EventLoop
internal import Fanout
internal import FileEvents
internal import HTTP1
internal import HTTPTypes
internal import Syscalls

/// A long-poll as asked for: `GET /-/v1/events` for one JSON document.
struct EventPoll {
  /// Fields of the answer, whatever its status.
  var fields: HTTPFields
  var request: SubscriptionRequest
  /// Nanoseconds to hold the request while nothing happens.
  var wait: Int64
  /// Events in one answer, the first ones.
  var limit: Int
  /// Nanoseconds to gather changes once there is one; 0: none.
  var batch: Int64
}

/// Holds one request until something happens or `wait` is over, answers `{"events":[…],"next":…}` or
/// 204, and gives the connection back to HTTP/1.1. Confined to its loop. Keeps nothing but the
/// subscription: the answer is written as the socket takes it, from the journal.
final class LongPollDriver: ConnectionDriver, SubscriptionOwner {
  private unowned let connection: Connection
  private let limit: Int
  private let batch: Int64
  private let minorVersion: Int
  private var keepsConnection: Bool
  private var fields: HTTPFields
  private var subscription: Subscription?
  private var phase = Phase.waiting
  private var isReady = true
  private var waitsUntil: Int64 = 0
  /// While `batch` gathers changes; 0 when it does not.
  private var gatheringUntil: Int64 = 0
  /// Requests that were sent behind this one.
  private var unread: [UInt8] = []

  private enum Phase {
    /// Nothing has happened yet.
    case waiting
    /// The head and some events have been given to the socket.
    case answering
    /// The answer is complete.
    case answered
  }

  /// What a client may send behind its request before its kernel has to keep the rest.
  private static let unreadLimit = 16 * 1024

  init(
    connection: Connection, poll: EventPoll, fields: HTTPFields,
    head: HTTP1RequestParser.RequestHead, unread: [UInt8]
  ) {
    self.connection = connection
    limit = poll.limit
    batch = poll.batch
    self.fields = fields
    minorVersion = head.minorVersion
    keepsConnection = head.keepAlive
    self.unread = unread
  }

  /// Opens the subscription; what there is already is answered at the end of this turn.
  func start(_ poll: EventPoll) {
    let worker = connection.worker
    subscription = worker.hub.subscribe(
      poll.request, framing: .jsonArray, owner: self, now: Clock.realtime())
    worker.streamOpened(connection)
    waitsUntil = worker.loop.now + poll.wait
    armTimer()
    connection.markDirty()
  }

  var subscriptions: [(ref: String?, subscription: Subscription)] {
    subscription.map { [(nil, $0)] } ?? []
  }

  // MARK: ConnectionDriver

  func receive(_ bytes: UnsafeRawBufferPointer) {
    unread += bytes
    if unread.count >= Self.unreadLimit { connection.setReading(false) }
  }

  /// Whoever stops sending while it waits has hung up: nobody else tells us.
  func peerEnded() { connection.close(.peer) }

  func fill(_ bytes: inout [UInt8], limit: Int) -> Bool {
    guard phase != .answered, isReady, gatheringUntil == 0, let subscription else { return false }
    let isFirst = phase == .waiting
    let before = bytes.count
    if isFirst { appendHead(.ok, framing: isChunked ? .chunked : .untilClose, to: &bytes) }
    let chunk = HTTP1ResponseEncoder.beginChunk(in: &bytes, isChunked)
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
      if !isReady, waitsUntil <= connection.worker.loop.now { answerNothing(in: &bytes) }
      return isReady
    }
    if isFirst { bytes[start] = UInt8(ascii: "[") }
    phase = .answering
    let isComplete = pulled != .more || isFull
    if isComplete { appendEnd(next: subscription, to: &bytes) }
    _ = HTTP1ResponseEncoder.endChunk(in: &bytes, from: chunk, isChunked)
    if isComplete { finish(&bytes) }
    return !isComplete
  }

  /// With the last byte of the answer taken, the connection is HTTP/1.1's again.
  func outputDrained() {
    guard phase == .answered, keepsConnection else { return }
    let unread = unread
    let next = HTTP1Driver(connection: connection)
    connection.transport = .http
    connection.handOver(to: next, unread: [])
    connection.setReading(true)
    next.start()
    if !unread.isEmpty { unread.withUnsafeBytes { next.receive($0) } }
  }

  func deadlinePassed() {
    guard phase == .waiting else { return }
    let now = connection.worker.loop.now
    if gatheringUntil != 0, gatheringUntil <= now { gatheringUntil = 0 }
    if waitsUntil <= now { isReady = true } else { armTimer() }
    connection.markDirty()
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
      gatheringUntil = min(waitsUntil, connection.worker.loop.now + batch)
      armTimer()
    } else {
      connection.markDirty()
    }
  }

  func subscription(_ subscription: Subscription, needs page: ListingRequest) {
    connection.worker.fetch(page, for: subscription)
  }

  // MARK: Inside

  private static let opening = Array("{\"events\":".utf8)

  private var isChunked: Bool { minorVersion > 0 }

  private func appendHead(
    _ status: HTTPResponse.Status, framing: HTTP1ResponseEncoder.Framing,
    to bytes: inout [UInt8]
  ) {
    fields[.date] = connection.worker.date
    if framing == .untilClose { keepsConnection = false }
    HTTP1ResponseEncoder.appendHead(
      status, fields: fields, framing: framing,
      persistence: keepsConnection ? .keepAlive(peerMinorVersion: minorVersion) : .close,
      to: &bytes)
  }

  private func appendEnd(next subscription: Subscription, to bytes: inout [UInt8]) {
    bytes += "],\"next\":\"\(subscription.cursor.text)\"}\n".utf8
  }

  /// Nothing happened: where to continue is in `Event-Cursor`.
  private func answerNothing(in bytes: inout [UInt8]) {
    fields[.eventCursor] = subscription?.cursor.text
    fields[.contentType] = nil
    appendHead(.noContent, framing: .none, to: &bytes)
    complete()
  }

  private func finish(_ bytes: inout [UInt8]) {
    if isChunked { HTTP1ResponseEncoder.appendLastChunk(to: &bytes) }
    complete()
  }

  private func complete() {
    phase = .answered
    endSubscription()
    if !keepsConnection { connection.closeWhenSent(.finished) }
  }

  /// Ends the answer with `bye`; one that is complete already only loses its connection.
  private func sayBye(_ reason: String, reconnectAfterMilliseconds: Int?, cause: CloseCause) {
    keepsConnection = false
    if let subscription, phase != .answered {
      let isFirst = phase == .waiting
      connection.append { bytes in
        if isFirst { appendHead(.ok, framing: isChunked ? .chunked : .untilClose, to: &bytes) }
        let chunk = HTTP1ResponseEncoder.beginChunk(in: &bytes, isChunked)
        if isFirst { bytes += Self.opening }
        let start = bytes.count
        subscription.appendBye(
          reason: reason, reconnectAfterMilliseconds: reconnectAfterMilliseconds, into: &bytes)
        if isFirst { bytes[start] = UInt8(ascii: "[") }
        appendEnd(next: subscription, to: &bytes)
        _ = HTTP1ResponseEncoder.endChunk(in: &bytes, from: chunk, isChunked)
        if isChunked { HTTP1ResponseEncoder.appendLastChunk(to: &bytes) }
      }
      phase = .answered
    }
    connection.closeWhenSent(cause)
  }

  private func endSubscription() {
    guard let subscription else { return }
    self.subscription = nil
    connection.worker.hub.unsubscribe(subscription)
    connection.worker.streamClosed(connection)
  }

  private func noteLag(of subscription: Subscription) {
    if let since = subscription.unseenSince { connection.worker.noteLag(since: since) }
  }

  private func armTimer() {
    connection.setDeadline(gatheringUntil == 0 ? waitsUntil : gatheringUntil)
  }
}
