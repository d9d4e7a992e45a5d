internal import EventFormats
internal import Fanout
internal import HTTPTypes
internal import Syscalls

/// One exchange's way to its client, whatever carries it: a connection of HTTP/1.1 for as long as an
/// answer lasts, or one stream of HTTP/2. Confined to its loop. A driver says content on it; where
/// content begins and ends on the wire, and how much the client takes, is the channel's business.
protocol Channel: AnyObject {
  var worker: Worker { get }
  var peer: SocketAddress { get }
  /// Names it among everything its loop serves.
  var id: ConnectionID { get }
  var transport: Transport { get set }
  var driver: (any ChannelDriver)? { get set }
  /// Monotonic nanoseconds.
  var openedAt: Int64 { get }
  /// Whether more can be said.
  var isOpen: Bool { get }
  /// Bytes taken so far: by the socket, or by the stream's window.
  var sentBytes: UInt64 { get }
  /// Bytes given that have not been taken yet.
  var waitingBytes: Int { get }
  /// Bytes that the kernel holds and the peer has not acknowledged.
  var unacknowledgedBytes: Int { get }

  /// Says the head of the answer, once, before or within the `fill` that has the first content.
  /// What every answer carries is put in here.
  func respond(_ status: HTTPResponse.Status, _ fields: HTTPFields)

  /// Appends content outside `fill`.
  func append(_ content: (inout [UInt8]) -> Void)

  /// Asks for `fill` at the end of this turn.
  func markDirty()

  /// Monotonic nanoseconds; nil for none.
  func setDeadline(_ deadline: Int64?)

  /// Whether the client may send more; what it has sent already still comes.
  func setReading(_ reading: Bool)

  /// All is said: the answer ends once it has been taken. A connection of HTTP/1.1 is kept only where
  /// the cause is `finished`.
  func end(_ cause: CloseCause)

  /// Ends it now; what was not taken is lost.
  func close(_ cause: CloseCause)

  func serverStops(reconnectAfterMilliseconds: Int)
  func removedByOperator()
}

extension Channel {
  /// Server-Sent Events or NDJSON as the answer.
  func begin(_ stream: EventStream) {
    let driver = EventStreamDriver(channel: self, stream: stream)
    self.driver = driver
    transport = stream.framing == .ndjson ? .ndjson : .sse
    respond(.ok, stream.fields)
    driver.start(stream.request)
  }

  /// A long-poll, whose answer begins when there is one.
  func begin(_ poll: EventPoll) {
    let driver = LongPollDriver(channel: self, poll: poll)
    self.driver = driver
    transport = .poll
    driver.start(poll)
  }

  /// A WebSocket behind the answer that accepts it.
  func begin(_ upgrade: WebSocketUpgrade, status: HTTPResponse.Status) {
    let driver = WebSocketDriver(channel: self, upgrade: upgrade)
    self.driver = driver
    transport = .websocket
    respond(status, upgrade.fields)
    driver.start()
  }
}

/// What speaks on a channel and follows the journal.
protocol ChannelDriver: ConnectionDriver {
  var subscriptions: [(ref: String?, subscription: Subscription)] { get }

  /// All there is to say, where somebody was told just that before: it counts as said. Nil: `fill`.
  func shareBroadcast() -> Broadcast?

  /// An operator wants this client gone: say goodbye and end.
  func removedByOperator()
}

extension ChannelDriver {
  func shareBroadcast() -> Broadcast? { nil }
}
