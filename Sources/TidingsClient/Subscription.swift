internal import Bytes
internal import HTTPSemantics

/// What to follow: a filter, where to start, and what becomes of a client that falls behind. The
/// empty one follows every watch from now on.
public struct Subscription: Sendable, Hashable {
  /// Ids of watches; empty: all, also those added later. One that does not exist yet is followed
  /// once it does.
  public var watches: [String] = []
  /// Directory prefixes (`src/`), exact paths or globs (`**/*.css`); empty: everything.
  public var paths: [String] = []
  /// Globs of what to leave out.
  public var ignore: [String] = []
  /// Kinds of changes; empty: all that the watches have.
  public var kinds: [Change.Kind] = []
  /// Where to start.
  public var start: Start = .now
  /// First what exists, as ``Event/entry(_:)``, then ``Event/synced(_:)``, then changes.
  public var initial = false
  /// What the server does when this client has fallen too far behind.
  public var overflow: Overflow = .reset
  /// Changes this client may fall behind before `overflow` acts; nil: what the server's journal holds.
  public var maxLag: Int?
  /// Time for the server to gather changes into one send.
  public var batch: Duration = .zero
  /// The longest silence before a sign of life, 1 s to 5 min; nil: the server's 15 s. Three times
  /// that without a byte, and the connection counts as dead.
  public var heartbeat: Duration?

  /// The one that follows everything.
  public init() {}

  /// The query of the request; `resuming` when a cursor is sent beside it.
  func query(resuming: Bool) -> String {
    var items: [(name: String, value: String)] = []
    items += watches.map { ("watch", $0) }
    items += paths.map { ("path", $0) }
    items += ignore.map { ("ignore", $0) }
    if !kinds.isEmpty { items.append(("kinds", kinds.map(\.description).joined(separator: ","))) }
    if !resuming {
      if start != .now { items.append(("since", start.text)) }
      if initial { items.append(("initial", "1")) }
    }
    if overflow != .reset { items.append(("overflow", overflow.rawValue)) }
    if let maxLag { items.append(("maxLag", String(maxLag))) }
    if batch > .zero { items.append(("batch", DurationText.text(batch))) }
    if let heartbeat { items.append(("heartbeat", DurationText.text(heartbeat))) }
    return items.map { "\($0.name)=\(PercentCoding.encode(path: $0.value.utf8))" }
      .joined(separator: "&")
  }
}

/// Where a stream starts.
public enum Start: Sendable, Hashable {
  /// With what happens next.
  case now
  /// With the oldest change the server still has.
  case earliest
  /// With what came after this place.
  case after(Cursor)
  /// With what happened this long ago.
  case ago(Duration)

  /// Reads what a person types: `now`, `earliest`, a cursor, or an age (`10m`); nil for anything
  /// else.
  public init?(_ text: String) {
    switch text {
    case "now": self = .now
    case "earliest": self = .earliest
    default:
      if let age = DurationText.parse(text) {
        self = .ago(age)
      } else if text.contains("-"), let cursor = Cursor(text) {
        self = .after(cursor)
      } else {
        return nil
      }
    }
  }

  var text: String {
    switch self {
    case .now: "now"
    case .earliest: "earliest"
    case .after(let cursor): cursor.text
    case .ago(let age): DurationText.text(age)
    }
  }
}

/// What becomes of a client that has fallen too far behind. In every case it is told.
public enum Overflow: String, Sendable, Hashable {
  /// It skips to the newest and is told what to read again.
  case reset
  /// It gets the latest change of each path instead of all.
  case coalesce
  /// The server closes, and the client resumes where it was.
  case close
}
