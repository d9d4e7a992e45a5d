internal import EventFormats
internal import EventLoop
internal import Fanout
internal import FileEvents
internal import HTTP1
internal import HTTPTypes
internal import Syscalls

/// One subscription sent as the body of one answer: Server-Sent Events or NDJSON. Confined to its
/// loop. Holds no events: what the socket does not take stays in the journal.
final class EventStreamDriver: ConnectionDriver, SubscriptionOwner {
  let framing: StreamFraming
  private unowned let connection: Connection
  private let chunked: Bool
  private let heartbeat: Int64
  private let batch: Int64
  private var subscription: Subscription?
  private var isReady = true
  /// While `batch` gathers changes into one send; 0 when it does not.
  private var gatheringUntil: Int64 = 0
  private var heartbeatAt: Int64 = 0

  init(connection: Connection, stream: EventStream, chunked: Bool) {
    self.connection = connection
    self.chunked = chunked
    framing = stream.framing
    heartbeat = stream.heartbeat
    batch = stream.batch
  }

  /// Opens the subscription; its `hello` goes out at the end of this turn.
  func start(_ request: SubscriptionRequest) {
    let worker = connection.worker
    subscription = worker.hub.subscribe(
      request, framing: framing, owner: self, now: Clock.realtime())
    worker.streamOpened(connection)
    heartbeatAt = worker.loop.now + heartbeat
    armTimer()
    connection.markDirty()
  }

  var subscriptions: [(ref: String?, subscription: Subscription)] {
    subscription.map { [(nil, $0)] } ?? []
  }

  // MARK: ConnectionDriver

  /// Whatever a client of a stream sends is not for us.
  func receive(_ bytes: UnsafeRawBufferPointer) {}

  func peerEnded() { connection.close(.peer) }

  func fill(_ bytes: inout [UInt8], limit: Int) -> Bool {
    guard isReady, gatheringUntil == 0, let subscription else { return false }
    if let since = subscription.unseenSince { connection.worker.noteLag(since: since) }
    let start = HTTP1ResponseEncoder.beginChunk(in: &bytes, chunked)
    let pulled = subscription.pull(into: &bytes, limit: limit)
    let sent = HTTP1ResponseEncoder.endChunk(in: &bytes, from: start, chunked)
    if sent { heartbeatAt = connection.worker.loop.now + heartbeat }
    switch pulled {
    case .more: return true
    case .caughtUp, .waiting: isReady = false
    case .close:
      if chunked { HTTP1ResponseEncoder.appendLastChunk(to: &bytes) }
      connection.closeWhenSent(.overflow)
    }
    return false
  }

  func outputDrained() {}

  func deadlinePassed() {
    let now = connection.worker.loop.now
    if gatheringUntil != 0, gatheringUntil <= now {
      gatheringUntil = 0
      connection.markDirty()
    }
    if heartbeatAt <= now {
      heartbeatAt = now + heartbeat
      // A client that has not taken what was sent knows that we live.
      if connection.waitingBytes == 0 { sendHeartbeat() }
    }
    armTimer()
  }

  func serverStops(reconnectAfterMilliseconds: Int) {
    sayBye("shutdown", reconnectAfterMilliseconds, .shutdown)
  }

  /// An EventSource comes back nevertheless, and is then answered 204.
  func removedByOperator() {
    if framing != .ndjson, let cursor = subscription?.farewellCursor {
      connection.worker.shared.removals.add(cursor.text, from: connection.peer)
    }
    sayBye("removed", nil, .removed)
  }

  func connectionClosed() {
    guard let subscription else { return }
    self.subscription = nil
    connection.worker.hub.unsubscribe(subscription)
    connection.worker.streamClosed(connection)
  }

  // MARK: SubscriptionOwner

  func subscriptionIsReady(_ subscription: Subscription) {
    isReady = true
    if batch > 0 {
      guard gatheringUntil == 0 else { return }
      gatheringUntil = connection.worker.loop.now + batch
      armTimer()
    } else {
      connection.markDirty()
    }
  }

  func subscription(_ subscription: Subscription, needs page: ListingRequest) {
    connection.worker.fetch(page, for: subscription)
  }

  // MARK: Inside

  private func sayBye(_ reason: String, _ reconnectAfterMilliseconds: Int?, _ cause: CloseCause) {
    sendChunk { bytes in
      subscription?.appendBye(
        reason: reason, reconnectAfterMilliseconds: reconnectAfterMilliseconds, into: &bytes)
    }
    if chunked { connection.append { HTTP1ResponseEncoder.appendLastChunk(to: &$0) } }
    connection.closeWhenSent(cause)
  }

  private func sendHeartbeat() {
    sendChunk { bytes in
      guard subscription?.bookmarkIfDue(now: Clock.realtime(), into: &bytes) != true else { return }
      framing.appendHeartbeat(into: &bytes)
    }
  }

  private func sendChunk(_ body: (inout [UInt8]) -> Void) {
    connection.append { bytes in
      let start = HTTP1ResponseEncoder.beginChunk(in: &bytes, chunked)
      body(&bytes)
      _ = HTTP1ResponseEncoder.endChunk(in: &bytes, from: start, chunked)
    }
  }

  private func armTimer() {
    let next = gatheringUntil == 0 ? heartbeatAt : min(gatheringUntil, heartbeatAt)
    connection.setDeadline(next)
  }
}

/// A stream as asked for: what the answer says and what follows it.
struct EventStream {
  var fields: HTTPFields
  var request: SubscriptionRequest
  var framing: StreamFraming
  /// Nanoseconds of silence before a sign of life.
  var heartbeat: Int64
  /// Nanoseconds to gather changes into one send; 0: none.
  var batch: Int64
}

extension HTTP1ResponseEncoder {
  /// Leaves room for a chunk's size, which is known when the chunk is complete (RFC 9112 §7.1:
  /// leading zeros are allowed). Returns where the content starts.
  static func beginChunk(in bytes: inout [UInt8], _ chunked: Bool) -> Int {
    if chunked { bytes += "00000000\r\n".utf8 }
    return bytes.count
  }

  /// Writes the size of the content since `start`, or takes the room back when there is none.
  static func endChunk(in bytes: inout [UInt8], from start: Int, _ chunked: Bool) -> Bool {
    let size = bytes.count - start
    guard chunked else { return size > 0 }
    guard size > 0 else {
      bytes.removeLast(sizeLineLength)
      return false
    }
    var left = size
    for place in stride(from: start - 3, through: start - sizeLineLength, by: -1) {
      let digit = UInt8(left & 0xF)
      bytes[place] = digit < 10 ? 0x30 + digit : 0x57 + digit
      left >>= 4
    }
    bytes += "\r\n".utf8
    return true
  }

  private static let sizeLineLength = 10
}
