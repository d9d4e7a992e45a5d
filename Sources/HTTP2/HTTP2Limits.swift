/// What a peer may make one connection cost. All counts are per connection; the library's own limits
/// (which its distribution may or may not have) are not relied on.
package struct HTTP2Limits: Sendable {
  /// Requests at a time (SETTINGS_MAX_CONCURRENT_STREAMS): RFC 9113 §6.5.2 wants 100 at least.
  package var streams = 100
  /// Bytes of a decoded head, 32 more for each field (SETTINGS_MAX_HEADER_LIST_SIZE): as HTTP/1.1's
  /// 16 KiB. Beyond it 431.
  package var head = 16 << 10
  /// Fields of a head: 100, as in HTTP/1.1. Beyond it 431.
  package var fields = 100
  /// Where a head is no longer decoded, because a few bytes can stand for many (CVE-2016-6581): four
  /// times what is answered. Beyond it the connection ends.
  package var headBeyondAnswer = 64 << 10
  /// CONTINUATION frames of one head (CVE-2024-27316): eight hold 128 KiB.
  package var continuations = 8
  /// Content of one request: 1 MiB, as in HTTP/1.1. Beyond it 413.
  package var content = 1 << 20
  /// Content of all requests that have not ended: four of the largest. Beyond it the stream is reset.
  package var contentTogether = 4 << 20
  /// RST_STREAM received (rapid reset, CVE-2023-44487): a page that is left cancels what it waits for,
  /// a hundred streams once.
  package var resets = Rate(burst: 100, perSecond: 10)
  /// RST_STREAM that the peer's mistakes made us send (CVE-2025-8671): each costs a stream like a
  /// reset of its own.
  package var provokedResets = Rate(burst: 100, perSecond: 10)
  /// SETTINGS (CVE-2019-9515): peers send one, some a second.
  package var settings = Rate(burst: 16, perSecond: 1)
  /// PING (CVE-2019-9512): keepalives come a few a minute, bandwidth probes a few a second.
  package var pings = Rate(burst: 60, perSecond: 10)
  /// DATA without content that does not end its stream (CVE-2019-9518).
  package var emptyData = Rate(burst: 60, perSecond: 10)
  /// PRIORITY (CVE-2019-9513): some browsers send one with each request and again when a page turns
  /// visible. Frames nobody knows are not counted: they cost no more than their bytes.
  package var priorities = Rate(burst: 400, perSecond: 50)
  /// WINDOW_UPDATE beyond four for each DATA frame sent: one for the stream, one for the connection,
  /// and as many again for a peer that reads in small steps.
  package var windowUpdates = Rate(burst: 1_000, perSecond: 100)

  package init() {}

  package static let standard = HTTP2Limits()

  /// How often something may come: `burst` at once, and `perSecond` more as time goes by.
  package struct Rate: Sendable {
    package var burst: Double
    package var perSecond: Double
  }
}

/// What is left of a rate. A value; time, in monotonic nanoseconds, is an argument.
struct Allowance {
  private let rate: HTTP2Limits.Rate
  private var left: Double
  private var at: Int64?

  init(_ rate: HTTP2Limits.Rate) {
    self.rate = rate
    left = rate.burst
  }

  /// Takes one; false when there is none.
  mutating func take(now: Int64) -> Bool {
    if let at { left = min(rate.burst, left + Double(now - at) * rate.perSecond / 1e9) }
    at = now
    guard left >= 1 else { return false }
    left -= 1
    return true
  }

  /// What we did ourselves makes more of it fair.
  mutating func earn(_ count: Double) { left = min(rate.burst, left + count) }
}
