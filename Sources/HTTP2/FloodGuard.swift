/// Counts what comes that costs more than it brings, frame by frame, and says when it is too much. A
/// value, owned by one session.
struct FloodGuard {
  /// The frame types of RFC 9113 §6.
  enum FrameType {
    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let priority: UInt8 = 2
    static let reset: UInt8 = 3
    static let settings: UInt8 = 4
    static let ping: UInt8 = 6
    static let goAway: UInt8 = 7
    static let windowUpdate: UInt8 = 8
    static let continuation: UInt8 = 9
  }

  private let limits: HTTP2Limits
  private var resets: Allowance
  private var provokedResets: Allowance
  private var settings: Allowance
  private var pings: Allowance
  private var emptyData: Allowance
  private var priorities: Allowance
  private var windowUpdates: Allowance
  private var continuations = 0

  init(_ limits: HTTP2Limits) {
    self.limits = limits
    resets = Allowance(limits.resets)
    provokedResets = Allowance(limits.provokedResets)
    settings = Allowance(limits.settings)
    pings = Allowance(limits.pings)
    emptyData = Allowance(limits.emptyData)
    priorities = Allowance(limits.priorities)
    windowUpdates = Allowance(limits.windowUpdates)
  }

  /// A frame has begun. Returns what it is too much of; nil while it is not. Empty DATA is counted
  /// when it has come, because padding may be all of it.
  mutating func began(_ type: UInt8, now: Int64) -> String? {
    switch type {
    case FrameType.headers:
      continuations = 0
      return nil
    case FrameType.continuation:
      continuations += 1
      return continuations <= limits.continuations ? nil : "CONTINUATION"
    case FrameType.reset: return resets.take(now: now) ? nil : "RST_STREAM"
    case FrameType.settings: return settings.take(now: now) ? nil : "SETTINGS"
    case FrameType.ping: return pings.take(now: now) ? nil : "PING"
    case FrameType.windowUpdate: return windowUpdates.take(now: now) ? nil : "WINDOW_UPDATE"
    case FrameType.priority: return priorities.take(now: now) ? nil : "PRIORITY"
    default: return nil
    }
  }

  /// DATA came that had no content and did not end its stream. Whether there may be more.
  mutating func cameEmpty(now: Int64) -> Bool { emptyData.take(now: now) }

  /// We reset a stream for a fault of the peer's. Whether there may be more.
  mutating func provokedReset(now: Int64) -> Bool { provokedResets.take(now: now) }

  /// Each DATA frame may be answered by window updates.
  mutating func sentData() { windowUpdates.earn(4) }
}

/// Which streams a peer has passed over: ids below the highest that it never opened, and never may
/// (RFC 9113 §5.1.1). A value. Peers count in twos, so that it is empty; of one that does not, the
/// latest gaps are remembered.
struct SkippedStreams {
  private static let limit = 64
  private var highest: Int32 = -1
  private var gaps: [ClosedRange<Int32>] = []

  /// Whether HEADERS may come on `id` now: on a new stream, or on one that was open at some time.
  mutating func mayBegin(_ id: Int32) -> Bool {
    guard id > highest else { return !gaps.contains { $0.contains(id) } }
    if id > highest + 2 {
      if gaps.count == Self.limit { gaps.removeFirst() }
      gaps.append(highest + 1...id - 1)
    }
    highest = id
    return true
  }
}
