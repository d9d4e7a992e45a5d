package import FileEvents

/// A subscription as an operator sees it.
package struct SubscriptionStatus: Sendable {
  /// Ids; empty: all.
  package let watches: [String]
  package let paths: [String]
  package let ignores: [String]
  package let kinds: ChangeKinds
  package let overflow: OverflowPolicy
  package let maxLag: Int?
  /// Whether it is still listing what exists.
  package let isListing: Bool
  /// Everything up to there was sent or is unseen.
  package let cursor: Cursor
  /// Records from the first unseen match to the head; 0 when nothing is unseen.
  package let lagRecords: UInt64
  /// Bytes of the journal from there to the head.
  package let lagBytes: Int
  /// Age of the first unseen match (of the oldest record kept, when that has left the journal).
  package let lagNanoseconds: Int64
  /// Events handed out.
  package let sent: UInt64
  package let resets: UInt64
}

extension Subscription {
  /// The subscription's state at `now`, nanoseconds since 1970.
  package func status(now: Int64) -> SubscriptionStatus {
    let isListing = if case .listing = state.phase { true } else { false }
    let lag = lagRecords
    let firstUnseen = max(seenThrough + 1, hub.oldest)
    let age = lag > 0 ? hub.journal.time(of: firstUnseen).map { max(0, now - $0) } ?? 0 : 0
    let selection = group.selection
    return SubscriptionStatus(
      watches: selection.watches, paths: selection.filter.paths.map(\.text),
      ignores: selection.filter.ignores.map(\.text), kinds: selection.kinds, overflow: overflow,
      maxLag: maxLag, isListing: isListing,
      cursor: cursor, lagRecords: lag, lagBytes: lagBytes, lagNanoseconds: age, sent: state.sent,
      resets: state.resets)
  }

  /// Everything up to there was sent or is unseen: where who continues must begin.
  package var cursor: Cursor {
    let isListing = if case .listing = state.phase { true } else { false }
    return hub.cursor(
      lagRecords > 0 || isListing ? seenThrough : max(state.position, hub.head))
  }

  /// What is kept for this client alone: entries and bytes in use.
  package var coalescedCost: (entries: Int, bytes: Int) {
    coalesced.map { ($0.count, $0.bytes) } ?? (0, 0)
  }

  /// Events handed out so far.
  package var eventsSent: UInt64 { state.sent }

  /// When the first unseen record was read from the kernel, nanoseconds since 1970; nil when there is
  /// none, or when what is unseen is history that was asked for.
  package var unseenSince: Int64? {
    wakeWhoeverHasSomethingToSee()
    guard case .live = state.phase, state.isDirty, seenThrough < hub.head else { return nil }
    return hub.time(of: max(seenThrough + 1, hub.oldest))
  }

  /// Bytes of the journal from the first unseen match to the head: what is kept that this client may
  /// still be told of. What it will be sent of them depends on its filter.
  package var lagBytes: Int {
    lagRecords > 0 ? hub.journal.bytes(after: seenThrough) : 0
  }

  /// Records from the first unseen match to the head.
  package var lagRecords: UInt64 {
    wakeWhoeverHasSomethingToSee()
    switch state.phase {
    case .listing, .ended: return 0
    case .replaying, .live: break
    }
    let seen = seenThrough
    guard state.isDirty, seen < hub.head, coalesced != nil || group.lastMatch > seen else {
      return 0
    }
    return hub.head - seen
  }
}
