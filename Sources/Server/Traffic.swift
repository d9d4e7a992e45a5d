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

/// Counts of one loop since it began. Confined to it.
struct Traffic: Sendable {
  /// Connections taken, also those that were refused afterwards.
  var accepted: UInt64 = 0
  /// By cause, in the order of `CloseCause.allCases`, for each transport.
  private(set) var disconnects: [Transport: [CloseCause: UInt64]] = [:]
  /// Bytes taken by sockets, in the order of `Transport`.
  private(set) var bytesSent = [UInt64](repeating: 0, count: Transport.allCases.count)
  /// Calls of send(2) and sendfile(2).
  var sends: UInt64 = 0
  /// From the kernel's record to the socket that took its event.
  var lag = LagHistogram()

  mutating func closed(_ transport: Transport, _ cause: CloseCause) {
    disconnects[transport, default: [:]][cause, default: 0] += 1
  }

  mutating func sent(_ bytes: Int, by transport: Transport) {
    sends += 1
    bytesSent[transport.rawValue] += UInt64(bytes)
  }

  mutating func add(_ other: Traffic) {
    accepted += other.accepted
    sends += other.sends
    for (transport, causes) in other.disconnects {
      for (cause, count) in causes {
        disconnects[transport, default: [:]][cause, default: 0] += count
      }
    }
    for index in bytesSent.indices { bytesSent[index] += other.bytesSent[index] }
    lag.add(other.lag)
  }
}

/// How long changes take, in buckets whose upper bounds Prometheus and people can read. One
/// observation for each send: the oldest change in it.
struct LagHistogram: Sendable, Equatable {
  /// Seconds: half a millisecond is a quiet machine with `settle` 0, 25 ms the default `settle`,
  /// beyond a second somebody is behind.
  static let bounds = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60,
  ]
  private static let limits = bounds.map { Int64($0 * 1e9) }

  /// Observations at or below each bound and above the one before; the last is beyond all.
  private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
  /// Seconds.
  private(set) var sum = 0.0

  /// A clock that was set back counts as no time at all.
  mutating func observe(nanoseconds: Int64) {
    let lag = max(0, nanoseconds)
    counts[Self.limits.firstIndex { lag <= $0 } ?? Self.limits.count] += 1
    sum += Double(lag) / 1e9
  }

  mutating func add(_ other: LagHistogram) {
    for index in counts.indices { counts[index] += other.counts[index] }
    sum += other.sum
  }
}
