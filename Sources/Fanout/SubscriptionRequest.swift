package import FileEvents

/// What a client asked for, checked, with every default filled in (wire contract, section 4).
package struct SubscriptionRequest: Sendable {
  package enum Start: Sendable, Equatable {
    case now, earliest
    case cursor(Cursor)
    /// What is younger than so many nanoseconds.
    case age(Int64)
  }

  /// Ids; empty: all, also those added later.
  package var watches: [String] = []
  package var filter = PathFilter()
  /// Nil: all that the watch has.
  package var kinds: ChangeKinds?
  package var start = Start.now
  package var overflow = OverflowPolicy.reset
  /// Records from the first unseen match to the head before the policy acts; nil: as long as the
  /// journal holds it.
  package var maxLag: Int?
  /// First what exists, then what changes.
  package var initial = false
  /// For one answer that ends (long-poll): only what happened, neither `hello` nor the `synced` of a
  /// replay nor a `bookmark`.
  package var isPoll = false
  /// Said in `hello`; the driver sends the heartbeats.
  package var heartbeatSeconds = 15
  /// Said with `hello` in Server-Sent Events; the caller jitters it.
  package var retryMilliseconds = 2_000
  /// Said in `hello`.
  package var serverName: String

  package init(serverName: String) { self.serverName = serverName }
}

/// What happens to a client that falls too far behind (wire contract, section 5).
package enum OverflowPolicy: String, Sendable, CaseIterable {
  /// Skip to the head and say what was skipped.
  case reset
  /// Keep the latest change of each path, within bounds, and say these.
  case coalesce
  /// Say the cursor and close.
  case close
}

/// What a subscription sees. Equal selections share one group: matched once, encoded once.
struct Selection: Hashable {
  /// Ids in order; empty: all.
  let watches: [String]
  let filter: PathFilter
  let kinds: ChangeKinds

  init(_ request: SubscriptionRequest) {
    watches = Set(request.watches).sorted()
    filter = request.filter
    kinds = request.kinds ?? .all
  }

  func covers(_ watch: String) -> Bool { watches.isEmpty || watches.contains(watch) }
}
