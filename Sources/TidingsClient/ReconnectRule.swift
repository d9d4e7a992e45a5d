/// When to try again, and whether to say so. A value: no clock, no dice but the caller's.
struct ReconnectRule: Sendable {
  /// Exponential back-off with full jitter: after the n-th failure in a row, any time up to
  /// `base` · 2ⁿ, so that clients that lost one server do not come back all at once.
  struct Backoff: Sendable, Hashable {
    /// 0.5 s: a restart is over soon.
    var base = Duration.milliseconds(500)
    /// 20 s: a person who mends the server waits no longer for the client to notice.
    var cap = Duration.seconds(20)
  }

  /// The longest a server may send a client away: 5 min, lest one bad number silences it for ever.
  static let longestWish = Duration.seconds(300)
  /// A stream that told nothing but lived this long was healthy.
  static let healthyAfter = Duration.seconds(5)

  private let backoff: Backoff
  private var failures = 0
  /// The last `retry` of a stream: stays until another comes (WHATWG HTML §9.2.3).
  private var reconnectionTime: Duration?
  private var told: ClientError?

  init(_ backoff: Backoff) { self.backoff = backoff }

  /// The stream has named its reconnection time.
  mutating func retry(milliseconds: Int) { reconnectionTime = .milliseconds(milliseconds) }

  /// A stream has said hello: the next loss is news again.
  mutating func opened() { told = nil }

  /// A stream has shown that it works: the next loss begins the back-off anew.
  mutating func healthy() { failures = 0 }

  /// How long to wait after a failed attempt: what the server wishes (a `bye`, `Retry-After`, else
  /// its `retry`), and jitter after it.
  mutating func delay(
    wish: Duration?, using generator: inout some RandomNumberGenerator
  ) -> Duration {
    let floor = min(max(wish ?? reconnectionTime ?? .zero, .zero), Self.longestWish)
    var ceiling = backoff.base
    for _ in 0..<failures where ceiling < backoff.cap { ceiling *= 2 }
    failures += 1
    let nanoseconds = min(ceiling, backoff.cap) / .nanoseconds(1)
    return floor + .nanoseconds(Int64.random(in: 0...Int64(nanoseconds), using: &generator))
  }

  /// Whether the consumer should be told of `error`: once for each reason in a row.
  mutating func isNews(_ error: ClientError) -> Bool {
    guard told != error else { return false }
    told = error
    return true
  }
}
