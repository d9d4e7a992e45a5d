internal import EventFormats
internal import FileEvents

extension Subscription {
  /// What comes before `oldest` is about to leave the journal: keeps of it what this client has not
  /// seen, or nothing any more when the budget is used up: then it is told a reset. A listing begins
  /// again instead.
  func keepUnseen(before oldest: UInt64, budget: inout Int) {
    if case .listing = state.phase { return }
    guard state.position + 1 < oldest, state.position + 1 >= hub.oldest,
      group.lastMatch > state.position
    else { return }
    guard budget > 0 else {
      state.position = seenThrough
      state.isExact = true
      coalesced = nil
      return
    }
    let before = budget
    var unlimited = Int.max
    fold(
      through: max(oldest - 1, state.position + FanoutLimits.recordsPerFold), budget: &unlimited)
    budget = before - (Int.max - unlimited)
  }

  /// Begins to take in all there is.
  func coalesce(turn: inout PullTurn, into output: inout [UInt8]) {
    // Nothing was kept: there was too much to keep, or one batch was more than the journal holds.
    if state.position + 1 < hub.oldest {
      return skipToHead(from: state.position, into: &output)
    }
    let coalesced = CoalescedChanges(hub.coalescingLimits)
    coalesced.target = hub.head
    self.coalesced = coalesced
    fold(through: coalesced.target, budget: &turn.budget)
    forgetEmpty()
  }

  /// Says what was kept; before that, takes in what has come meanwhile when that is too much again.
  func pullCoalesced(
    _ coalesced: CoalescedChanges, turn: inout PullTurn, into output: inout [UInt8]
  ) {
    let isUnseen = group.lastMatch > state.position
    if isUnseen, state.position + 1 < hub.oldest {
      let missed = seenThrough
      self.coalesced = nil
      return skipToHead(from: missed, into: &output)
    }
    if isUnseen, let maxLag, hub.head - state.position > UInt64(maxLag) {
      coalesced.target = hub.head
    }
    if isUnseen, state.position < coalesced.target {
      fold(through: coalesced.target, budget: &turn.budget)
    } else {
      append(coalesced, turn: &turn, into: &output)
    }
    forgetEmpty()
  }

  /// Everything up to there was told or is unseen, or represented by what is still to be told.
  var seenThrough: UInt64 {
    guard let lowest = coalesced?.lowest else { return state.position }
    return min(lowest - 1, state.position)
  }

  private func fold(through end: UInt64, budget: inout Int) {
    let selection = group.selection
    let walked = hub.walk(group, after: state.position, through: end, budget: &budget) {
      let coalesced = coalesced ?? CoalescedChanges(hub.coalescingLimits)
      self.coalesced = coalesced
      coalesced.fold($0, by: selection, knownThrough: state.knownThrough)
      hub.counters.recordsCoalesced += 1
      return .take
    }
    advance(to: walked)
  }

  private func append(
    _ coalesced: CoalescedChanges, turn: inout PullTurn, into output: inout [UInt8]
  ) {
    let framed = hub.encoder(for: framing)
    var (events, last) = (0, state.told)
    while !turn.isOver(output.count), let entry = coalesced.next() {
      let id = entry.tellsID ? entry.sequence : nil
      let watch = coalesced.watch(of: entry)
      switch entry.slot {
      case .watch:
        framed.encoder.appendWatch(watch.id, state: entry.record.state, id: id, into: &output)
      case .reset: appendReset(entry, of: coalesced, id: id, into: &output)
      case .gone, .come, .touched, .used:
        framed.encoder.appendChange(
          entry.record, bytes: coalesced.names, watch: watch.id, id: id, into: &output)
      }
      coalesced.removeNext()
      if let id { last = id }
      events += 1
      turn.events? -= 1
    }
    hub.counters.eventsEncoded += UInt64(events)
    count(events: events, upTo: last)
  }

  private func appendReset(
    _ entry: CoalescedChanges.Entry, of coalesced: CoalescedChanges, id: UInt64?,
    into output: inout [UInt8]
  ) {
    let watch = coalesced.watch(of: entry).id
    let path = Array(coalesced.names[entry.record.pathRange])
    let scope = group.selection.filter.scopes(below: path)
      .map { ResetScope(watch: watch, path: $0) }
    hub.encoder(for: framing).encoder.appendReset(
      id: id, reason: entry.record.reason, scope: scope, lostAfter: hub.cursor(entry.lowest - 1),
      oldest: hub.oldest - 1, into: &output)
    state.knownThrough = .max
    if entry.record.reason == .lagged { countReset(.lagged) }
  }

  /// What came has gone unseen, or all was told.
  private func forgetEmpty() {
    guard let coalesced, coalesced.isEmpty else { return }
    if state.position >= coalesced.target || group.lastMatch <= state.position {
      self.coalesced = nil
    }
  }
}
