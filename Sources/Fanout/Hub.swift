package import EventFormats
package import FileEvents

/// One loop's end of the fan-out: its ring of the journal, and the subscriptions that read from it.
/// Confined to its loop. Publishing costs each record the depth of its path and the groups that see
/// it; a subscription that has seen everything costs nothing until something matches.
package final class Hub {
  let epoch: Epoch
  let published: @Sendable () -> UInt64
  package let coalescingLimits: CoalescingLimits
  let journal = Journal()
  private(set) var watchTable = WatchTable()
  private var groups: [Selection: FilterGroup] = [:]
  private var everyWatch = PathIndex()
  /// Groups that see something of the last batch and whose members have not all been told so; of the
  /// last of these `told` have.
  private var touched: [FilterGroup] = []
  private var told = 0
  private var encoders: [StreamFraming: FramedEncoder] = [:]
  /// Listings that begin when the ring holds what was published before them.
  private var waitingForHead: [Subscription] = []
  /// Subscriptions with something unseen that is kept for them when it leaves the journal.
  private var behind: [ObjectIdentifier: Subscription] = [:]
  private var keeping = KeepingBudget()
  private var timeAsked = (sequence: UInt64(0), time: Int64?.none)
  var counters = HubCounters()
  var resets: [ResetReason: UInt64] = [:]

  /// `published` gives the head the tree thread has stamped: it may be ahead of this ring, whose
  /// batches are on their way.
  package init(
    epoch: Epoch, coalescing limits: CoalescingLimits = CoalescingLimits(),
    published: @escaping @Sendable () -> UInt64
  ) {
    self.epoch = epoch
    coalescingLimits = limits
    self.published = published
  }

  /// Number of the last record in this ring; 0 before the first.
  package var head: UInt64 { journal.head }

  /// Number of the oldest record still kept; `head + 1` when none is.
  package var oldest: UInt64 { journal.oldest }

  /// When record `sequence`, which must be kept, was read from the kernel. Nearly everybody asks for
  /// the one that was asked for last.
  func time(of sequence: UInt64) -> Int64? {
    if timeAsked.sequence != sequence {
      timeAsked = (sequence, journal.time(of: sequence))
    }
    return timeAsked.time
  }

  /// The cursor a stream that starts now starts from.
  package var headCursor: Cursor { Cursor(epoch: epoch, sequence: head) }

  /// The oldest cursor that can still be resumed from.
  package var oldestCursor: Cursor { Cursor(epoch: epoch, sequence: oldest - 1) }

  /// Appends a batch and drops what is older than it says. Batches must come without a gap. Who has
  /// something to see of it is made ready by `wake`.
  package func publish(_ batch: ChangeBatch) {
    wakeAll()
    keepUnseen(before: batch)
    journal.append(batch)
    counters.batches += 1
    let bytes = batch.bytes
    var entry: WatchEntry?
    var sequence = batch.first
    for index in batch.records.indices {
      let record = batch.records[index]
      if record.subject == .watch {
        watchTable.note(record, in: batch, sequence: sequence, oldest: journal.oldest)
        entry = nil
      }
      if entry?.number != record.watch { entry = watchTable[record.watch] }
      if let entry {
        entry.lastSequence = sequence
        match(record, Place(sequence, batch.first), names: bytes, named: entry.named)
      }
      sequence += 1
    }
    wakeWaitingForHead()
  }

  /// Makes ready the next `count` subscriptions that have something to see; returns whether there were
  /// any left. To call it until then belongs to publishing: in the same turn, and a few at a time, so
  /// that what is known of each is still at hand when it is pulled.
  package func wake(_ count: Int) -> Bool {
    guard let group = touched.last else { return false }
    let end = min(group.members.count, told + count)
    let first = group.firstMatchInBatch!
    for index in told..<end { group.members[index].matched(first) }
    told = end
    if end == group.members.count {
      group.endBatch()
      touched.removeLast()
      told = 0
    }
    return true
  }

  /// Makes ready whoever has something to see. Before that a subscription that seems to have seen
  /// everything may not have: whoever needs to know that calls it.
  package func wakeAll() { while wake(.max / 2) {} }

  /// Number of a record, and of the first in its batch.
  private struct Place {
    let sequence: UInt64
    let batchFirst: UInt64

    init(_ sequence: UInt64, _ batchFirst: UInt64) {
      self.sequence = sequence
      self.batchFirst = batchFirst
    }
  }

  private func match(
    _ record: JournalRecord, _ place: Place, names bytes: [UInt8], named: PathIndex?
  ) {
    if record.subject == .watch {
      everyWatch.forEachGroup { note(record, place, names: bytes, for: $0) }
      named?.forEachGroup { note(record, place, names: bytes, for: $0) }
      return
    }
    let mayBeDirectory = record.subject == .reset || record.mayBeDirectory
    func visit(_ range: Range<Int>) {
      everyWatch.forEachCandidate(
        at: bytes.span.extracting(range), mayBeDirectory: mayBeDirectory
      ) {
        note(record, place, names: bytes, for: $0)
      }
      named?.forEachCandidate(
        at: bytes.span.extracting(range), mayBeDirectory: mayBeDirectory
      ) {
        note(record, place, names: bytes, for: $0)
      }
    }
    visit(record.pathRange)
    if record.subject == .change, record.kind == .move { visit(record.fromRange) }
  }

  private func note(
    _ record: JournalRecord, _ place: Place, names bytes: [UInt8], for group: FilterGroup
  ) {
    if group.hasNoted(place.sequence) { return }
    counters.candidatesExamined += 1
    let verdict = group.selection.verdict(on: record, names: bytes)
    guard verdict != .unseen else { return }
    counters.matches += 1
    if group.note(place.sequence, verdict, batchFirst: place.batchFirst) { touched.append(group) }
  }

  private func wakeWaitingForHead() {
    if waitingForHead.isEmpty { return }
    let waiting = waitingForHead
    waitingForHead.removeAll()
    for subscription in waiting { subscription.headMoved() }
  }

  private func keepUnseen(before batch: ChangeBatch) {
    guard batch.oldest > journal.oldest, !behind.isEmpty, let now = batch.records.first?.time else {
      return
    }
    keeping.refill(now: now)
    for subscription in behind.values {
      subscription.keepUnseen(before: batch.oldest, budget: &keeping.records)
    }
  }

  func isBehind(_ subscription: Subscription, _ isBehind: Bool = true) {
    behind[ObjectIdentifier(subscription)] = isBehind ? subscription : nil
  }

  func wakeAtNextBatch(_ subscription: Subscription) { waitingForHead.append(subscription) }

  /// Starts a subscription. It has its `hello` to say at once: `pull` it. `owner` is held
  /// until it unsubscribes. `now` is nanoseconds since 1970.
  package func subscribe(
    _ request: SubscriptionRequest, framing: StreamFraming, owner: any SubscriptionOwner, now: Int64
  ) -> Subscription {
    wakeAll()
    let selection = Selection(request)
    let group = groups[selection] ?? makeGroup(selection)
    let subscription = Subscription(
      request, hub: self, group: group, framing: framing, owner: owner, now: now)
    group.insert(subscription)
    counters.subscriptions += 1
    subscription.begin(request, now: now)
    return subscription
  }

  private func makeGroup(_ selection: Selection) -> FilterGroup {
    let group = FilterGroup(selection, head: head)
    groups[selection] = group
    if selection.watches.isEmpty { everyWatch.insert(group) }
    for id in selection.watches { watchTable.index(naming: id).insert(group) }
    return group
  }

  /// Ends a subscription: nothing of it is called or kept any more. A second time does nothing.
  package func unsubscribe(_ subscription: Subscription) {
    wakeAll()
    guard subscription.end() else { return }
    counters.subscriptions -= 1
    let group = subscription.group
    group.remove(subscription)
    waitingForHead.removeAll { $0 === subscription }
    guard group.members.isEmpty else { return }
    groups[group.selection] = nil
    if group.selection.watches.isEmpty { everyWatch.remove(group) }
    for id in group.selection.watches {
      watchTable.index(naming: id).remove(group)
      watchTable.dropIndexIfEmpty(naming: id)
    }
  }

  func encoder(for framing: StreamFraming) -> FramedEncoder {
    if let encoder = encoders[framing] { return encoder }
    if encoders.count >= FanoutLimits.encodersKept { encoders.removeAll() }
    let encoder = FramedEncoder(EventEncoder(epoch: epoch, framing: framing))
    encoders[framing] = encoder
    return encoder
  }

  /// The watches the journal has told of and not removed since.
  package var watches: [KnownWatch] {
    watchTable.all.filter { !$0.isRemoved }.map {
      KnownWatch(number: $0.number, id: $0.id, state: $0.state)
    }
  }

  /// What this loop's ring holds and what it has cost.
  package var statistics: HubStatistics {
    HubStatistics(
      head: head, oldest: oldest, records: Int(head + 1 - oldest), bytes: journal.bytes,
      oldestTime: journal.time(of: oldest), recordsEvicted: journal.recordsEvicted,
      groups: groups.count, counters: counters, resets: resets)
  }
}

/// An encoder shared by the subscriptions of one framing. Confined to its loop.
final class FramedEncoder {
  var encoder: EventEncoder

  init(_ encoder: EventEncoder) { self.encoder = encoder }
}

/// How much a loop may still do to keep what leaves the journal. A value; its clock is the records'.
private struct KeepingBudget {
  var records = FanoutLimits.recordsKeptAtOnce
  private var refilledAt: Int64 = 0

  mutating func refill(now: Int64) {
    let elapsed = min(max(0, now - refilledAt), 1_000_000_000)
    let more = elapsed * FanoutLimits.recordsKeptPerSecond / 1_000_000_000
    guard more > 0 else { return }
    records = min(FanoutLimits.recordsKeptAtOnce, max(0, records) + Int(more))
    refilledAt = now
  }
}
