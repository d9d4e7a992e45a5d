internal import FileEvents

/// One change or reset on its way into the coalesced ones.
private struct Incoming {
  /// Its path is a range of `bytes`.
  var record: JournalRecord
  let bytes: [UInt8]
  let sequence: UInt64
  /// As in the entry it becomes.
  var lowest: UInt64
  /// What was created after that is not known to the client unless it was told.
  let knownThrough: UInt64

  var watch: UInt32 { record.watch }
}

/// What was removed to make way for something.
private struct Removed {
  var isNew = false
  /// Records of the path itself.
  var count: UInt32 = 0
  var lowest = UInt64.max
  var goneMayHaveBeenDirectory = false
}

extension CoalescedChanges {
  /// Takes in what `selection` sees next in the journal (wire contract, section 5). What was created
  /// up to `knownThrough` the client may know without having been told here, so that its end must be
  /// told; `.max`: it may know anything.
  func fold(_ sighting: Sighting, by selection: Selection, knownThrough: UInt64) {
    makeRoom(for: 16)  // an exchange of two directories makes six, and renews as many resets
    note(sighting.watch)
    let incoming = Incoming(
      record: sighting.record, bytes: sighting.bytes, sequence: sighting.sequence,
      lowest: sighting.sequence, knownThrough: knownThrough)
    switch sighting.record.subject {
    case .watch: replace(.watch, incoming)
    case .reset: reset(incoming)
    case .change where sighting.record.kind == .move:
      move(incoming, by: selection, sighting.verdict)
    case .change: change(incoming)
    }
    if exceedsLimits() { gatherByDirectory() }
  }

  private func change(_ incoming: Incoming) {
    switch incoming.record.kind {
    case .create: create(incoming)
    case .modify, .attrib: touch(incoming)
    case .delete: delete(incoming)
    case .open, .access, .close:
      if !renewReset(above: incoming, orAt: true) { replace(.used, incoming) }
    case .move: preconditionFailure("a move is taken apart")
    }
  }

  /// What is gone, and what has come; a directory that came has to be read. Who resumes between what
  /// happened below and the move would be told of the move alone: so no id between them is told.
  private func move(_ incoming: Incoming, by selection: Selection, _ verdict: Verdict) {
    let move = incoming.record
    let pieces = selection.pieces(
      of: move, names: incoming.bytes, kinds: verdict == .whole ? .all : selection.kinds)
    var lowest = incoming.sequence
    for range in [move.fromRange, move.pathRange] {
      forEach(
        of: incoming.bytes.span.extracting(range), move.watch, mayBeDirectory: move.mayBeDirectory
      ) {
        lowest = min(lowest, entries[$0].lowest)
      }
    }
    for piece in pieces {
      var part = incoming
      part.lowest = lowest
      switch piece {
      case .change(let record):
        part.record = record
        if record.kind == .delete, record.pathRange == move.pathRange,
          !move.flags.contains(.exchange)
        {
          // rename(2) replaces a directory only by a directory; and it is one change, not two.
          part.record.type = move.type
          part.record.count = 0
        }
        change(part)
      case .contentUnknown(let range):
        part.record.subject = .reset
        part.record.reason = .movedIn
        (part.record.pathStart, part.record.pathEnd) = (
          UInt32(range.lowerBound), UInt32(range.upperBound)
        )
        reset(part)
      }
    }
  }

  private func create(_ incoming: Incoming) {
    if renewReset(above: incoming, orAt: true) { return }
    var incoming = incoming
    let gone = find(.gone, incoming)
    let come = find(.come, incoming)
    let touched = find(.touched, incoming)
    let isNew =
      come.map { entries[$0].isNew }
      ?? (gone == nil && touched == nil && incoming.sequence > incoming.knownThrough)
    if let gone, !entries[gone].record.type.mayBeDirectory, !incoming.record.type.mayBeDirectory {
      absorb(gone, into: &incoming)
    }
    if let come { absorb(come, into: &incoming) }
    if let touched { absorb(touched, into: &incoming) }
    append(.come, incoming, isNew: isNew)
  }

  /// What is no directory stays created, only later. A directory keeps its place before what was
  /// created below it.
  private func touch(_ incoming: Incoming) {
    if renewReset(above: incoming, orAt: true) { return }
    var incoming = incoming
    let come = find(.come, incoming)
    if let come, !entries[come].record.type.mayBeDirectory {
      let isNew = entries[come].isNew
      merge(come, into: &incoming)
      incoming.record.kind = .create
      append(.come, incoming, isNew: isNew)
      return
    }
    if let touched = find(.touched, incoming) { merge(touched, into: &incoming) }
    if come == nil, let gone = find(.gone, incoming),
      !entries[gone].record.type.mayBeDirectory, !incoming.record.type.mayBeDirectory
    {
      absorb(gone, into: &incoming)
    }
    append(.touched, incoming, isNew: false)
  }

  /// Speaks for everything below.
  private func delete(_ incoming: Incoming) {
    if renewReset(above: incoming, orAt: false) { return }
    var incoming = incoming
    let old = removeAll(of: incoming, mayBeDirectory: incoming.record.type.mayBeDirectory)
    if old.isNew, incoming.knownThrough < .max { return }
    incoming.record.count &+= old.count
    if old.goneMayHaveBeenDirectory, !incoming.record.type.mayBeDirectory {
      incoming.record.type = .unknown
    }
    append(.gone, incoming, isNew: false)
  }

  /// Stands for everything at its path and below.
  private func reset(_ incoming: Incoming) {
    if renewReset(above: incoming, orAt: true) { return }
    var incoming = incoming
    let old = removeAll(of: incoming, mayBeDirectory: true)
    incoming.lowest = min(incoming.lowest, old.lowest)
    append(.reset, incoming, isNew: old.isNew)
  }

  private func replace(_ slot: Slot, _ incoming: Incoming) {
    var incoming = incoming
    if let old = find(slot, incoming) { absorb(old, into: &incoming) }
    append(slot, incoming, isNew: false)
  }

  private func find(_ slot: Slot, _ incoming: Incoming) -> Int? {
    find(slot, incoming.watch, incoming.bytes.span.extracting(incoming.record.pathRange))
  }

  private func append(_ slot: Slot, _ incoming: Incoming, isNew: Bool) {
    append(
      slot, incoming.record, incoming.bytes.span.extracting(incoming.record.pathRange),
      sequence: incoming.sequence, lowest: incoming.lowest, isNew: isNew)
  }

  private func absorb(_ index: Int, into incoming: inout Incoming) {
    incoming.record.count &+= entries[index].record.count
    remove(index)
  }

  /// Of a creation or modification and a later modification: what is known of either.
  private func merge(_ index: Int, into incoming: inout Incoming) {
    let old = entries[index]
    absorb(index, into: &incoming)
    incoming.record.flags.formUnion(old.record.flags.intersection([.moved, .replaced]))
    if incoming.record.type == .unknown { incoming.record.type = old.record.type }
    guard incoming.record.kind == .attrib else { return }
    // The content is as it was; who resumes in between would be told of the attributes alone.
    incoming.lowest = min(incoming.lowest, old.lowest)
    incoming.record.kind = old.record.kind
    incoming.record.flags.formUnion(old.record.flags.intersection(.closed))
    guard !incoming.record.flags.contains(.indexed), old.record.flags.contains(.indexed) else {
      return
    }
    incoming.record.flags.insert(.indexed)
    (incoming.record.size, incoming.record.mtime) = (old.record.size, old.record.mtime)
  }

  private func removeAll(of incoming: Incoming, mayBeDirectory: Bool) -> Removed {
    let path = incoming.bytes.span.extracting(incoming.record.pathRange)
    var removed = Removed()
    forEach(of: path, incoming.watch, mayBeDirectory: mayBeDirectory) { index in
      let entry = entries[index]
      removed.lowest = min(removed.lowest, entry.lowest)
      if entry.record.pathRange.count == path.count {
        removed.count &+= entry.slot == .reset ? 0 : entry.record.count
        if entry.slot == .come || entry.slot == .reset { removed.isNew = entry.isNew }
        if entry.slot == .gone {
          removed.goneMayHaveBeenDirectory = entry.record.type.mayBeDirectory
        }
      }
      remove(index)
    }
    return removed
  }

  /// Whether a directory above has to be read again anyway, which then also says this.
  private func renewReset(above incoming: Incoming, orAt: Bool) -> Bool {
    if resets == 0 { return false }
    let path = incoming.bytes.span.extracting(incoming.record.pathRange)
    for end in 0...path.count {
      let isEnd = end == path.count
      guard isEnd ? orAt : end == 0 || path[end] == UInt8(ascii: "/"),
        let index = find(.reset, incoming.watch, path.extracting(..<end))
      else { continue }
      if entries[index].sequence < incoming.sequence || entries[index].lowest > incoming.lowest {
        renew(index, sequence: incoming.sequence, lowest: incoming.lowest)
      }
      return true
    }
    return false
  }
}
