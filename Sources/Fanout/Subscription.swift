package import EventFormats
package import FileEvents

/// The connection a subscription belongs to. Called on the loop's thread.
package protocol SubscriptionOwner: AnyObject {
  /// There is something to pull. May be called while another subscription is being pulled or while a
  /// batch is published: mark, and pull at the end of the turn.
  func subscriptionIsReady(_ subscription: Subscription)
  /// Ask the tree thread for `page` and hand the answer to `receive(_:)`. Called from within `pull`;
  /// at most one is outstanding.
  func subscription(_ subscription: Subscription, needs page: ListingRequest)
  /// Append `broadcast`, whole, in a form of its own, such as a compressed one. Called from within
  /// `pull`, after `letOwnerWriteBroadcasts`.
  func append(_ broadcast: Broadcast, of subscription: Subscription, to output: inout [UInt8])
}

extension SubscriptionOwner {
  package func append(
    _ broadcast: Broadcast, of subscription: Subscription, to output: inout [UInt8]
  ) {
    output += broadcast.bytes
  }
}

/// What a pull has left.
package enum Pull: Equatable, Sendable {
  /// Nothing until `subscriptionIsReady`.
  case caughtUp
  /// Call again when the socket takes bytes. It may have appended nothing: a search takes turns too.
  case more
  /// For a page of a listing, or for a watch that still crawls: nothing until `subscriptionIsReady`.
  case waiting
  /// The last events are appended: send them, close, and unsubscribe.
  case close(CloseReason)
}

/// Why a subscription ends itself.
package enum CloseReason: String, Sendable {
  /// The client fell behind and asked to be closed then. 4008 on a WebSocket.
  case overflow
}

/// A filter over the journal and a place in it: no queue, so a client that does not read costs this
/// object alone. Confined to its loop.
///
/// Without unseen matches (`isDirty` false) it is at the head by definition. A match that comes then
/// sets `position` to just before it, so that lag counts from the first unseen match.
package final class Subscription {
  enum Phase {
    /// First what exists (`initial=1`).
    case listing
    /// What was there when the client came, up to a number; then `synced`.
    case replaying(through: UInt64)
    case live
    case ended
  }

  /// Plain numbers, nothing held: so the exclusivity of each access is proved by the compiler.
  struct State {
    /// Everything up to there was sent or is unseen.
    var position: UInt64
    /// Whether the record after `position` is the first unseen match.
    var isExact = false
    var isDirty = true
    /// Whether `pending` holds something: to ask that costs less than to look.
    var hasPending = false
    /// It is woken at the next batch whether that concerns it or not.
    var awaitsHead = false
    /// The latest number the client could resume from.
    var told: UInt64 = 0
    var phase = Phase.live
    /// The client may know what was created up to there although this subscription has not told it:
    /// from one before. `.max` once it was told to read something again by itself.
    var knownThrough: UInt64
    var sent: UInt64 = 0
    var resets: UInt64 = 0
    var lastBookmark: Int64
  }

  // What each change looks at stands together: with thousands of clients it comes from far away.
  let hub: Hub
  let group: FilterGroup
  /// Held until it unsubscribes.
  private let owner: any SubscriptionOwner
  package let overflow: OverflowPolicy
  /// Whether it says only what happened.
  let isPoll: Bool
  private(set) var ownerWritesBroadcasts = false
  var state: State
  /// With the policy `coalesce`: what is unseen up to `position`. Nil when nothing is.
  var coalesced: CoalescedChanges?
  package let maxLag: Int?
  package let framing: StreamFraming
  var indexInGroup = 0
  /// Framed events to go first: `hello`, and what must be said with it.
  var pending: [UInt8] = [] { didSet { state.hasPending = !pending.isEmpty } }
  /// Of the phase `listing`; nil afterwards.
  var listing: InitialListing?

  init(
    _ request: SubscriptionRequest, hub: Hub, group: FilterGroup, framing: StreamFraming,
    owner: any SubscriptionOwner, now: Int64
  ) {
    self.hub = hub
    self.group = group
    self.framing = framing
    self.owner = owner
    overflow = request.overflow
    maxLag = request.maxLag
    isPoll = request.isPoll
    state = State(
      position: hub.head, knownThrough: max(hub.head, hub.published()), lastBookmark: now)
    group.dirtyMembers += 1
    if overflow == .coalesce { hub.isBehind(self) }
  }

  /// From now on broadcasts go through the owner's `append`; before, they are copied as they are.
  package func letOwnerWriteBroadcasts() { ownerWritesBroadcasts = true }

  /// Appends framed events until `output` has grown by about `limit` bytes (at most 16 KiB more), and
  /// looks at about 4,096 records at most. Call it after `subscribe`, after `subscriptionIsReady`, and
  /// after `.more`; at other times it does no harm. At most `events` journal records are told of (nil:
  /// as many as fit), of which each may be several events.
  package func pull(into output: inout [UInt8], limit: Int, events: Int? = nil) -> Pull {
    wakeWhoeverHasSomethingToSee()
    var turn = PullTurn(start: output.count, limit: limit, events: events)
    flushPending(into: &output)
    while true {
      switch state.phase {
      case .ended: return .caughtUp
      case .listing:
        if let pull = pullListing(listing!, turn: &turn, into: &output) { return pull }
      case .replaying(let through):
        if let pull = pullChanges(through: through, turn: &turn, into: &output) { return pull }
        guard hub.head >= through else {
          awaitHead()
          return .waiting
        }
        state.phase = .live
        if isPoll { continue }
        hub.encoder(for: framing).encoder.appendSynced(id: state.position, into: &output)
        count(events: 1, upTo: state.position)
      case .live:
        if let pull = pullChanges(through: .max, turn: &turn, into: &output) { return pull }
        return becomeClean()
      }
    }
  }

  /// Nil once everything up to `through` and the head is sent.
  private func pullChanges(
    through: UInt64, turn: inout PullTurn, into output: inout [UInt8]
  ) -> Pull? {
    while true {
      let end = min(through, hub.head)
      if state.position >= end, coalesced == nil { return nil }
      if turn.isOver(output.count) { return .more }
      if let coalesced {
        pullCoalesced(coalesced, turn: &turn, into: &output)
        continue
      }
      if group.lastMatch <= state.position {
        state.position = end
        return nil
      }
      if !state.isExact, state.position + 1 >= hub.oldest {
        advance(
          to: hub.walk(group, after: state.position, through: end, budget: &turn.budget) { _ in
            .stop
          })
        continue
      }
      if hasOverflowed {
        if let close = actOnOverflow(turn: &turn, into: &output) { return close }
        continue
      }
      if through == .max, turn.events == nil, group.members.count > 1 || ownerWritesBroadcasts {
        appendBroadcast(turn: &turn, into: &output)
      } else {
        appendChanges(through: end, turn: &turn, into: &output)
      }
    }
  }

  /// Encodes for this client alone.
  private func appendChanges(
    through end: UInt64, turn: inout PullTurn, into output: inout [UInt8]
  ) {
    let framed = hub.encoder(for: framing)
    var (events, last) = (0, state.told)
    let (start, limit) = (turn.start, turn.limit)
    var recordsLeft = turn.events ?? .max
    let resetsBefore = hub.counters.resetsEncoded
    let walked = hub.walk(group, after: state.position, through: end, budget: &turn.budget) {
      if output.count - start >= limit || recordsLeft == 0 { return .stop }
      recordsLeft -= 1
      events += hub.encode($0, for: group.selection, with: framed, into: &output)
      last = $0.sequence
      return .take
    }
    if turn.events != nil { turn.events = recordsLeft }
    if hub.counters.resetsEncoded != resetsBefore { state.knownThrough = .max }
    advance(to: walked)
    count(events: events, upTo: last)
  }

  /// Copies what the group has encoded from here on, or encodes it for all.
  private func appendBroadcast(turn: inout PullTurn, into output: inout [UInt8]) {
    let broadcast =
      group.broadcast(from: state.position, framing: framing)
      ?? hub.makeBroadcast(group, from: state.position, framing: framing, budget: &turn.budget)
    if ownerWritesBroadcasts, broadcast.events > 0 {
      owner.append(broadcast, of: self, to: &output)
    } else {
      output.append(contentsOf: broadcast.bytes)
    }
    took(broadcast)
  }

  /// All there is to say, where somebody was told just that before: it counts as told. Nil: `pull`.
  package func takeBroadcast() -> Broadcast? {
    guard case .live = state.phase, state.isDirty, state.isExact, !state.hasPending,
      !ownerWritesBroadcasts, coalesced == nil, !hasOverflowed,
      let broadcast = group.broadcast(from: state.position, framing: framing),
      group.lastMatch <= broadcast.end
    else { return nil }
    took(broadcast)
    _ = becomeClean()
    return broadcast
  }

  private func took(_ broadcast: Broadcast) {
    if broadcast.saysReset { state.knownThrough = .max }
    advance(to: WalkEnd(position: broadcast.end, isExact: broadcast.endIsExact))
    count(events: broadcast.events, upTo: max(state.told, broadcast.lastID))
  }

  /// What subscriptions share that are sent the same broadcasts, if their framing is the same as well.
  package var filterID: ObjectIdentifier { ObjectIdentifier(group) }

  func advance(to end: WalkEnd) {
    state.position = end.position
    state.isExact = end.isExact
  }

  func count(events: Int, upTo id: UInt64) {
    state.sent += UInt64(events)
    state.told = id
    hub.counters.eventsSent += UInt64(events)
  }

  func flushPending(into output: inout [UInt8]) {
    guard state.hasPending else { return }
    output.append(contentsOf: pending)
    pending = []
  }

  private func becomeClean() -> Pull {
    state.position = max(state.position, hub.head)
    guard state.isDirty else { return .caughtUp }
    state.isDirty = false
    group.dirtyMembers -= 1
    if overflow == .coalesce { hub.isBehind(self, false) }
    return .caughtUp
  }

  /// The group saw a match, `first` in its batch.
  func matched(_ first: UInt64) {
    guard !state.isDirty else {
      if let listing, listing.watchMayHaveMoved() { ready() }
      return
    }
    state.isDirty = true
    group.dirtyMembers += 1
    if overflow == .coalesce { hub.isBehind(self) }
    state.isExact = first > state.position
    state.position = max(state.position, first - 1)
    ready()
  }

  /// What looks clean is, afterwards.
  func wakeWhoeverHasSomethingToSee() { if !state.isDirty { hub.wakeAll() } }

  func ready() { owner.subscriptionIsReady(self) }

  func ask(_ page: ListingRequest) { owner.subscription(self, needs: page) }

  /// True the first time.
  func end() -> Bool {
    if case .ended = state.phase { return false }
    state.phase = .ended
    pending = []
    listing = nil
    coalesced = nil
    if state.isDirty { group.dirtyMembers -= 1 }
    if overflow == .coalesce { hub.isBehind(self, false) }
    state.isDirty = false
    return true
  }
}

/// One pull's limits.
struct PullTurn {
  let start: Int
  let limit: Int
  /// Records that may still be told of; nil: no limit but the bytes.
  var events: Int?
  var budget = FanoutLimits.recordsPerPull

  init(start: Int, limit: Int, events: Int? = nil) {
    self.start = start
    self.limit = limit
    self.events = events
  }

  func isOver(_ count: Int) -> Bool { count - start >= limit || budget <= 0 || events == 0 }
}

extension Hub {
  /// Encodes what `group` sees after `start`, 16 KiB at most, and keeps it for the members that come
  /// to the same place.
  func makeBroadcast(
    _ group: FilterGroup, from start: UInt64, framing: StreamFraming, budget: inout Int
  ) -> Broadcast {
    let framed = encoder(for: framing)
    var bytes: [UInt8] = []
    var (events, last) = (0, UInt64(0))
    let resetsBefore = counters.resetsEncoded
    let walked = walk(group, after: start, through: .max, budget: &budget) {
      if bytes.count >= FanoutLimits.broadcastBytes { return .stop }
      events += encode($0, for: group.selection, with: framed, into: &bytes)
      last = $0.sequence
      return .take
    }
    let broadcast = Broadcast(
      framing: framing, from: start, to: walked, bytes: bytes, events: events, lastID: last,
      saysReset: counters.resetsEncoded != resetsBefore, firstTime: time(of: start + 1))
    if events > 0 { group.keep(broadcast) }
    return broadcast
  }
}
