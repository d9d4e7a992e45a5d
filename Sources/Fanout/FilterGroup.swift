internal import EventFormats
internal import FileEvents

/// All subscriptions with one selection. A record is matched once for all of them, and what they read
/// next is encoded once for each framing. Confined to its loop.
final class FilterGroup {
  /// A match, and what it is to the selection.
  struct Match {
    let sequence: UInt64
    let verdict: Verdict
  }

  let selection: Selection
  private(set) var members: [Subscription] = []
  /// How many members have something unseen.
  var dirtyMembers = 0

  /// Matches in `knownFrom...knownThrough`, all of them.
  private(set) var matches: [Match] = []
  private(set) var knownFrom: UInt64
  private var isFull = false
  private var knownUntilFull: UInt64 = 0
  /// Number of the latest match; 0 before any.
  private(set) var lastMatch: UInt64 = 0
  /// Of the batch being published: the first match, nil when none yet.
  private(set) var firstMatchInBatch: UInt64?

  /// The last one that was kept, apart from `broadcasts`: nearly everybody asks for it.
  private var latest: Broadcast?
  private var broadcasts: [Broadcast] = []
  private var nextBroadcast = 0

  /// `head`: nothing up to there will be asked of the log of matches.
  init(_ selection: Selection, head: UInt64) {
    self.selection = selection
    knownFrom = head + 1
    // What matched before is not known: whoever starts in the past searches all of it.
    lastMatch = head
  }

  func insert(_ member: Subscription) {
    member.indexInGroup = members.count
    members.append(member)
  }

  func remove(_ member: Subscription) {
    let index = member.indexInGroup
    let last = members.removeLast()
    if last === member { return }
    members[index] = last
    last.indexInGroup = index
  }

  /// Notes that record `sequence` matches. Returns true for the first match of a batch.
  func note(_ sequence: UInt64, _ verdict: Verdict, batchFirst: UInt64) -> Bool {
    let isFirst = firstMatchInBatch == nil
    if isFirst {
      firstMatchInBatch = sequence
      if dirtyMembers == 0 || matches.count > FanoutLimits.matchesRemembered / 2 || isFull {
        forget(before: batchFirst)
      }
    }
    lastMatch = sequence
    if isFull { return isFirst }
    if matches.count == FanoutLimits.matchesRemembered {
      isFull = true
      knownUntilFull = sequence - 1
    } else {
      matches.append(Match(sequence: sequence, verdict: verdict))
    }
    return isFirst
  }

  /// Whether `sequence` was noted for the record being published.
  func hasNoted(_ sequence: UInt64) -> Bool {
    firstMatchInBatch != nil && lastMatch == sequence
  }

  func endBatch() { firstMatchInBatch = nil }

  /// The last number up to which `matches` holds everything, the journal ending at `head`.
  func knownThrough(head: UInt64) -> UInt64 { isFull ? knownUntilFull : head }

  /// Index in `matches` of the first after `position`.
  func firstMatchIndex(after position: UInt64) -> Int {
    var (low, high) = (0, matches.count)
    while low < high {
      let middle = (low + high) / 2
      if matches[middle].sequence > position { high = middle } else { low = middle + 1 }
    }
    return low
  }

  private func forget(before sequence: UInt64) {
    matches.removeAll(keepingCapacity: true)
    knownFrom = sequence
    isFull = false
    latest = nil
    broadcasts.removeAll(keepingCapacity: true)
    nextBroadcast = 0
  }

  func broadcast(from start: UInt64, framing: StreamFraming) -> Broadcast? {
    if let latest, latest.start == start, latest.framing == framing { return latest }
    // An index instead of `first`: no broadcast is retained but the one that is found.
    let index = broadcasts.indices.first {
      broadcasts[$0].start == start && broadcasts[$0].framing == framing
    }
    return index.map { broadcasts[$0] }
  }

  func keep(_ broadcast: Broadcast) {
    latest = broadcast
    if broadcasts.count < FanoutLimits.broadcastsKept {
      broadcasts.append(broadcast)
    } else {
      broadcasts[nextBroadcast] = broadcast
      nextBroadcast = (nextBroadcast + 1) % FanoutLimits.broadcastsKept
    }
  }
}
