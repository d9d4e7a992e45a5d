/// What a connection, or a stream of HTTP/2, is used for at the moment.
enum Transport: Int, CaseIterable, Sendable {
  case http, http2, sse, ndjson, poll, websocket

  /// As `clients` and `metrics` call it.
  var name: String {
    switch self {
    case .http: "http"
    case .http2: "http2"
    case .sse: "sse"
    case .ndjson: "ndjson"
    case .poll: "poll"
    case .websocket: "websocket"
    }
  }
}

/// Why a connection ended.
enum CloseCause: String, CaseIterable, Sendable {
  /// The client closed it.
  case peer
  /// The kernel reported an error: a reset, a route that is gone.
  case failed
  /// All was said, and one side did not want to keep it.
  case finished
  /// A request, or the next one, did not come in time; or an answer was not taken.
  case timeout
  /// What was sent is no protocol we speak.
  case malformed
  /// The client fell behind and had asked to be closed then.
  case overflow
  /// It took no byte for the time of `--stall`.
  case stalled
  /// What it was sent was not acknowledged.
  case gone
  /// An operator closed it.
  case removed
  /// The server stopped.
  case shutdown
  /// It was one too many.
  case limit
}

/// Counts of one loop since it began, plain numbers: some change with each send. Confined to it.
struct Traffic: Sendable {
  /// Connections taken, also those that were refused afterwards.
  var accepted: UInt64 = 0
  /// Bytes taken by sockets, in the order of `Transport`.
  private(set) var bytesSent = InlineArray<6, UInt64>(repeating: 0)
  /// Calls of send(2) and sendfile(2).
  var sends: UInt64 = 0
  /// From the kernel's record to the socket that took its event.
  var lag = LagHistogram()

  mutating func sent(_ bytes: Int, by transport: Transport) {
    sends += 1
    bytesSent[transport.rawValue] += UInt64(bytes)
  }

  mutating func add(_ other: Traffic) {
    accepted += other.accepted
    sends += other.sends
    for index in bytesSent.indices { bytesSent[index] += other.bytesSent[index] }
    lag.add(other.lag)
  }
}

/// Connections, and event streams of HTTP/2, of one loop that have ended. Confined to it.
struct Disconnects: Sendable, Equatable {
  private struct Kind: Hashable {
    let transport: Transport
    let cause: CloseCause
  }

  private var counts: [Kind: UInt64] = [:]

  subscript(transport: Transport, cause: CloseCause) -> UInt64 {
    counts[Kind(transport: transport, cause: cause)] ?? 0
  }

  mutating func count(_ transport: Transport, _ cause: CloseCause) {
    counts[Kind(transport: transport, cause: cause), default: 0] += 1
  }

  mutating func add(_ other: Disconnects) { counts.merge(other.counts, uniquingKeysWith: +) }
}

/// How long changes take, in buckets whose upper bounds Prometheus and people can read. One
/// observation for each send: the oldest change in it.
struct LagHistogram: Sendable {
  /// Seconds: half a millisecond is a quiet machine with `settle` 0, 25 ms the default `settle`,
  /// beyond a second somebody is behind.
  static let bounds = limits.map { Double($0) / 1e9 }
  private static let limits: [Int64] = [
    500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000,
    250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000,
    60_000_000_000,
  ]

  /// One more than there are bounds.
  private var buckets = InlineArray<16, UInt64>(repeating: 0)
  /// Seconds.
  private(set) var sum = 0.0

  /// Observations at or below each bound and above the one before; the last is beyond all.
  var counts: [UInt64] { buckets.indices.map { buckets[$0] } }

  /// A clock that was set back counts as no time at all.
  mutating func observe(nanoseconds: Int64, times: Int = 1) {
    let lag = max(0, nanoseconds)
    buckets[Self.limits.firstIndex { lag <= $0 } ?? Self.limits.count] += UInt64(times)
    sum += Double(lag) / 1e9 * Double(times)
  }

  mutating func add(_ other: LagHistogram) {
    for index in buckets.indices { buckets[index] += other.buckets[index] }
    sum += other.sum
  }
}
