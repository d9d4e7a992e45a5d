internal import FileEvents

/// The way of `initial=1`: pages of what exists, then what changed meanwhile, then `synced`. Nothing
/// is kept but the place in the journal where it began and the page being sent. Confined to its loop.
final class InitialListing {
  struct Job {
    let watch: UInt32
    let path: [UInt8]
    /// Whether what is below `path` is wanted too, or only what stands there.
    let isWhole: Bool
  }

  enum Wait: Equatable {
    case nothing
    /// For the answer to a request.
    case page
    /// For a watch to end its crawl.
    case watch
    /// For the ring to hold a number.
    case head(UInt64)
  }

  var wait = Wait.nothing
  /// The answer on its way belongs to what was forgotten.
  var isStale = false
  /// False: what is to be listed is not yet settled.
  var hasBegun = false
  /// True once everything was listed and the changes since are being sent.
  var isCatchingUp = false
  /// What is still to be listed; the first is at work.
  var jobs: [Job] = []
  /// `next` of the page before.
  var after: [UInt8]?
  var entriesAsked = FanoutLimits.listingEntries
  /// The page being sent, and how far it is.
  var page: ListingPage?
  var entriesSentOfPage = 0
  /// The head when the page was asked for.
  var askedAt: UInt64 = 0
  /// Per watch: its listing shows everything up to there.
  var starts: [UInt32: UInt64] = [:]
  /// The changes up to there must be sent before `synced`: a page has shown them already.
  var target: UInt64 = 0
  /// Watches of which entries or changes were sent.
  var told: Set<UInt32> = []

  /// A record of the group came in; returns whether the listing was waiting for one.
  func watchMayHaveMoved() -> Bool {
    guard wait == .watch else { return false }
    wait = .nothing
    return true
  }

  /// Forgets everything but how long pages have to be.
  func beginAgain() {
    hasBegun = false
    isCatchingUp = false
    jobs = []
    after = nil
    page = nil
    starts = [:]
    target = 0
    told = []
  }
}
