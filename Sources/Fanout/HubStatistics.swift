package import FileEvents

/// A watch as the journal tells of it.
package struct KnownWatch: Sendable, Equatable {
  package let number: UInt32
  package let id: String
  package let state: WatchState
}

/// Counts since the hub was made.
package struct HubCounters: Sendable, Equatable {
  package var batches: UInt64 = 0
  /// Subscriptions there are now.
  package var subscriptions = 0
  /// Records looked at on behalf of a group while publishing.
  package var candidatesExamined: UInt64 = 0
  /// Of these, records the group sees.
  package var matches: UInt64 = 0
  /// Records looked at by subscriptions that searched the journal.
  package var recordsSearched: UInt64 = 0
  /// Events encoded, and events handed out; the difference was copied.
  package var eventsEncoded: UInt64 = 0
  package var eventsSent: UInt64 = 0
  /// Resets encoded, of whatever reason.
  package var resetsEncoded: UInt64 = 0
  /// Records kept for a client that fell behind, each as the latest change of its path.
  package var recordsCoalesced: UInt64 = 0
  /// Subscriptions closed because they fell behind.
  package var overflowCloses: UInt64 = 0
}

/// What one loop's ring holds and what it has cost.
package struct HubStatistics: Sendable {
  package let head: UInt64
  package let oldest: UInt64
  /// Records kept.
  package let records: Int
  /// Bytes they take.
  package let bytes: Int
  /// Nanoseconds since 1970 of the oldest record kept; nil when none is.
  package let oldestTime: Int64?
  package let recordsEvicted: UInt64
  /// Different filters in use.
  package let groups: Int
  package let counters: HubCounters
  /// Resets said because a client fell behind or came back too late, by reason.
  package let resets: [ResetReason: UInt64]
}
