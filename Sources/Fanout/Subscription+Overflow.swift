internal import EventFormats
package import FileEvents

extension Subscription {
  /// Whether the first unseen match has left the journal, or is more than `maxLag` behind the head.
  var hasOverflowed: Bool {
    if state.position + 1 < hub.oldest { return true }
    guard let maxLag else { return false }
    return hub.head - state.position > UInt64(maxLag)
  }

  /// Does what the client asked for; returns the end of the stream, or nil when it goes on.
  func actOnOverflow(turn: inout PullTurn, into output: inout [UInt8]) -> Pull? {
    switch overflow {
    case .reset:
      skipToHead(from: state.position, into: &output)
      return nil
    case .coalesce:
      coalesce(turn: &turn, into: &output)
      return nil
    case .close:
      hub.counters.overflowCloses += 1
      appendBye(reason: "overflow", reconnectAfterMilliseconds: nil, into: &output)
      return .close(.overflow)
    }
  }

  /// Says what is skipped, and skips it.
  func skipToHead(from missed: UInt64, into output: inout [UInt8]) {
    let framed = hub.encoder(for: framing)
    for watch in hub.watches(of: group.selection, changedAfter: missed)
    where watch.stateSequence > missed {
      framed.encoder.appendWatch(watch.id, state: watch.state, id: nil, into: &output)
    }
    let scope = hub.scope(of: group.selection, changedAfter: missed)
    if !scope.isEmpty {
      framed.encoder.appendReset(
        id: hub.head, reason: .lagged, scope: scope, lostAfter: hub.cursor(missed),
        oldest: hub.oldest - 1, into: &output)
      countReset(.lagged)
      count(events: 1, upTo: hub.head)
    }
    state.position = hub.head
    state.isExact = true
  }

  func countReset(_ reason: ResetReason) {
    state.resets += 1
    state.knownThrough = .max
    hub.resets[reason, default: 0] += 1
  }

  /// The cursor the client may resume from; nil while a listing has not ended.
  private var tellableCursor: UInt64? {
    wakeWhoeverHasSomethingToSee()
    return switch state.phase {
    case .listing: nil
    case .replaying, .ended: max(state.told, seenThrough)
    case .live: state.isDirty ? max(state.told, seenThrough) : max(state.position, hub.head)
    }
  }

  /// The `id` of a `bye` said now.
  package var farewellCursor: Cursor? { tellableCursor.map(hub.cursor) }

  /// Appends what was still to be said at once and `bye`, the last event of a planned close.
  package func appendBye(
    reason: String, reconnectAfterMilliseconds: Int?, into output: inout [UInt8]
  ) {
    flushPending(into: &output)
    hub.encoder(for: framing).encoder.appendBye(
      id: tellableCursor, reason: reason, reconnectAfterMilliseconds: reconnectAfterMilliseconds,
      into: &output)
  }

  /// Appends a `bookmark` when the cursor has moved unseen and the last one is a minute old; returns
  /// whether it did. `now` is nanoseconds since 1970.
  package func bookmarkIfDue(now: Int64, into output: inout [UInt8]) -> Bool {
    guard case .live = state.phase, pending.isEmpty, let cursor = tellableCursor,
      cursor > state.told, now - state.lastBookmark >= FanoutLimits.bookmarkNanoseconds
    else { return false }
    hub.encoder(for: framing).encoder.appendBookmark(id: cursor, into: &output)
    state.lastBookmark = now
    state.told = cursor
    return true
  }
}

extension Hub {
  /// The watches of `selection`, removed ones too, with records after `sequence`; in order of id.
  func watches(of selection: Selection, changedAfter sequence: UInt64) -> [WatchEntry] {
    watchTable.all.filter { $0.lastSequence > sequence && selection.covers($0.id) }
      .sorted { ($0.id, $0.number) < ($1.id, $1.number) }
  }

  /// What a client of `selection` must re-read that has missed everything after `sequence`; nil: that
  /// has missed everything. An id asked for by name that nothing is known of counts as changed.
  func scope(of selection: Selection, changedAfter sequence: UInt64?) -> [ResetScope] {
    var ids: Set<String> = []
    if let sequence {
      ids.formUnion(watches(of: selection, changedAfter: sequence).map(\.id))
    } else {
      ids.formUnion(watchTable.covered(by: selection).map(\.id))
    }
    let known = Set(watchTable.all.map(\.id))
    ids.formUnion(selection.watches.filter { sequence == nil || !known.contains($0) })
    return scope(of: selection, watches: ids)
  }

  /// What the selection sees of the watches with these ids.
  func scope(of selection: Selection, watches ids: Set<String>) -> [ResetScope] {
    let paths = selection.filter.scopes(below: [])
    return ids.sorted().flatMap { id in paths.map { ResetScope(watch: id, path: $0) } }
  }
}
