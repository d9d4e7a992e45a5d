/// What fan-out may cost, in one place.
enum FanoutLimits {
  /// Records looked at in one pull, matching or not, so that a laggard's search of the journal stays
  /// well under a millisecond.
  static let recordsPerPull = 4_096
  /// Bytes encoded at once for all clients of one filter: what TCP_NOTSENT_LOWAT lets a socket hold.
  static let broadcastBytes = 16_384
  /// Pieces a group keeps encoded for those who come next; more are encoded again.
  static let broadcastsKept = 4
  /// Matches a group remembers while some of its clients have not seen them (8 KiB); whoever is
  /// further behind searches the journal.
  static let matchesRemembered = 512
  /// Records taken in at least when some are about to leave the journal, so that it is not done for
  /// each batch.
  static let recordsPerFold: UInt64 = 256
  /// Records a loop keeps for all its clients that fell behind and coalesce, in a second and at once:
  /// a fifth of a core. Whoever does not come into that is told a reset.
  static let recordsKeptPerSecond: Int64 = 150_000
  static let recordsKeptAtOnce = 150_000
  /// Entries of the first page of a listing, about 80 KB of JSON.
  static let listingEntries = 512
  /// A page that directory moves have outrun is asked for again twice as long, up to this.
  static let listingEntriesMost = 1 << 20
  /// Watches remembered after their removal, so that an expired cursor can be told of them.
  static let removedWatchesRemembered = 1_024
  /// Encoders kept, one for each framing in use; clients choose the refs in them.
  static let encodersKept = 64
  /// Time between two bookmarks of one subscription.
  static let bookmarkNanoseconds: Int64 = 60_000_000_000
}

/// What is kept for one client that fell behind and asked for the latest change of each path.
package struct CoalescingLimits: Sendable {
  /// Wire contract, section 5.
  package var paths = 4_096
  /// What that many paths of usual length take; long ones are fewer.
  package var bytes = 512 * 1024

  package init() {}
}
