internal import EventFormats
package import FileEvents

/// Where a stream starts, and what must be said about it.
struct Beginning {
  /// The `id` of `hello`.
  var hello: Cursor?
  var resumed = false
  /// What the client has missed for good.
  var lost: ResetReason?
  /// Of `lost`: up to there it has missed nothing.
  var lostAfter: Cursor?
  var position: UInt64
  var phase: Phase

  enum Phase { case listing, replaying, live }
}

extension Hub {
  /// Answers the start a client asked for (wire contract, section 4). A cursor that can be resumed
  /// from wins over `initial`: that is an EventSource that comes back to its address.
  func beginning(_ request: SubscriptionRequest, _ selection: Selection, now: Int64) -> Beginning {
    if case .cursor(let given) = request.start {
      return beginning(at: given, initial: request.initial, selection)
    }
    if request.initial { return Beginning(position: head, phase: .listing) }
    switch request.start {
    case .now, .cursor: return Beginning(hello: headCursor, position: head, phase: .live)
    case .earliest:
      return Beginning(hello: oldestCursor, position: oldest - 1, phase: .replaying)
    case .age(let age):
      let (moment, overflowed) = now.subtractingReportingOverflow(age)
      let time = overflowed ? Int64.min : moment
      if let evicted = journal.newestEvictedTime, evicted >= time {
        return Beginning(
          hello: oldestCursor, lost: .history, position: oldest - 1, phase: .replaying)
      }
      let position = journal.firstSequence(since: time) - 1
      return Beginning(hello: cursor(position), position: position, phase: .replaying)
    }
  }

  /// Why the start asked for cannot be had without loss, which transports with a status of their own
  /// answer by it (410); nil when it can. `now` is nanoseconds since 1970.
  package func loss(at request: SubscriptionRequest, now: Int64) -> ResetReason? {
    beginning(request, Selection(request), now: now).lost
  }

  private func beginning(
    at given: Cursor, initial: Bool, _ selection: Selection
  ) -> Beginning {
    func lost(_ reason: ResetReason, after: Cursor?) -> Beginning {
      Beginning(
        hello: initial ? nil : given, lost: reason, lostAfter: after, position: head,
        phase: initial ? .listing : .replaying)
    }
    guard given.epoch == epoch else { return lost(.epoch, after: given) }
    guard given.sequence <= max(head, published()) else { return lost(.future, after: nil) }
    if given.sequence >= oldest - 1 {
      return Beginning(
        hello: given, resumed: true, position: given.sequence, phase: .replaying)
    }
    if scope(of: selection, changedAfter: given.sequence).isEmpty {
      return Beginning(hello: headCursor, resumed: true, position: head, phase: .replaying)
    }
    return lost(.history, after: given)
  }
}

extension Subscription {
  /// Prepares `hello` and all that must be said with it.
  func begin(_ request: SubscriptionRequest, now: Int64) {
    let beginning = hub.beginning(request, group.selection, now: now)
    let framed = hub.encoder(for: framing)
    var pending: [UInt8] = []
    if !isPoll {
      framed.encoder.appendHello(
        id: beginning.hello, epoch: hub.epoch, oldest: hub.oldest - 1, resumed: beginning.resumed,
        heartbeatSeconds: request.heartbeatSeconds, server: request.serverName,
        retryMilliseconds: request.retryMilliseconds, into: &pending)
    }
    state.position = beginning.position
    switch beginning.phase {
    case .live: state.phase = .live
    case .replaying:
      // What another loop may have told this client already belongs to the replay.
      state.phase = .replaying(through: max(beginning.position, hub.head, hub.published()))
    case .listing:
      state.phase = .listing
      listing = InitialListing()
    }
    state.told = beginning.lost == nil && beginning.phase != .listing ? beginning.position : 0
    let toldID = state.told > 0 ? state.told : nil
    for id in group.selection.watches where hub.watchTable[id] == nil {
      framed.encoder.appendWatch(id, state: .unknown, id: toldID, into: &pending)
      state.sent += 1
    }
    if let reason = beginning.lost { sayLost(reason, beginning, into: &pending) }
    self.pending = pending
    if !isPoll { state.sent += 1 }
    if let listing { prepare(listing) }
  }

  /// Nothing before `synced` of a listing carries an id, and neither does what a replay follows.
  private func sayLost(
    _ reason: ResetReason, _ beginning: Beginning, into pending: inout [UInt8]
  ) {
    let changedAfter = reason == .history ? beginning.lostAfter?.sequence : nil
    let hasID = beginning.phase != .listing
    hub.encoder(for: framing).encoder.appendReset(
      id: hasID ? beginning.position : nil, reason: reason,
      scope: hub.scope(of: group.selection, changedAfter: changedAfter),
      lostAfter: beginning.lostAfter, oldest: hub.oldest - 1, into: &pending)
    countReset(reason)
    state.sent += 1
    if hasID { state.told = beginning.position }
  }
}
