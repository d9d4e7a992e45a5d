internal import EventFormats
internal import FileEvents

/// A record that a selection sees, on its way to a client.
struct Sighting {
  let sequence: UInt64
  let record: JournalRecord
  /// Holds the record's names.
  let bytes: [UInt8]
  let watch: WatchEntry
  let verdict: Verdict
}

/// What the one who walks does with a sighting.
enum WalkStep {
  case take, takeAndStop
  /// Leave it for the next time.
  case stop
}

/// Where a walk ended.
struct WalkEnd {
  /// Everything up to there was taken or is unseen.
  let position: UInt64
  /// Whether the record after `position` is the next match (or `position` is the head).
  let isExact: Bool
}

extension Hub {
  /// Shows `body` what `group` sees after `position` up to `end`, in order. What the group still
  /// remembers costs only the matches; before that the journal is searched, at most `budget` records
  /// of it. The record after `position` must still be kept.
  func walk(
    _ group: FilterGroup, after start: UInt64, through limit: UInt64, budget: inout Int,
    _ body: (Sighting) -> WalkStep
  ) -> WalkEnd {
    let end = min(limit, journal.head)
    guard start < end, group.lastMatch > start else {
      return WalkEnd(position: max(start, end), isExact: end == journal.head || start >= end)
    }
    var position = start
    var reader = RecordReader(journal: journal, watches: watchTable, at: start + 1)
    if group.knownFrom <= start + 1 {
      let known = min(end, group.knownThrough(head: journal.head))
      for match in group.matches[group.firstMatchIndex(after: start)...] {
        if match.sequence > known { break }
        budget -= 1
        let sighting = reader.sighting(of: match.sequence, match.verdict)
        switch body(sighting) {
        case .take: position = match.sequence
        case .takeAndStop: return WalkEnd(position: match.sequence, isExact: false)
        case .stop: return WalkEnd(position: match.sequence - 1, isExact: true)
        }
      }
      position = max(position, known)
    }
    while position < end {
      guard budget > 0 else { return WalkEnd(position: position, isExact: false) }
      budget -= 1
      counters.recordsSearched += 1
      let sequence = position + 1
      if let sighting = reader.sighting(of: sequence, by: group.selection) {
        switch body(sighting) {
        case .take: break
        case .takeAndStop: return WalkEnd(position: sequence, isExact: false)
        case .stop: return WalkEnd(position: position, isExact: true)
        }
      }
      position = sequence
    }
    return WalkEnd(position: position, isExact: end == journal.head)
  }

  /// Appends what `sighting` is for a client of `selection`; returns the number of events. Of several
  /// only the last carries the id.
  func encode(
    _ sighting: Sighting, for selection: Selection, with framed: FramedEncoder,
    into output: inout [UInt8]
  ) -> Int {
    let (record, bytes, watch) = (sighting.record, sighting.bytes, sighting.watch)
    counters.eventsEncoded += 1
    switch record.subject {
    case .watch:
      framed.encoder.appendWatch(
        watch.id, state: record.state, id: sighting.sequence, into: &output)
      return 1
    case .reset:
      appendReset(sighting, for: selection, id: sighting.sequence, with: framed, into: &output)
      return 1
    case .change where sighting.verdict == .whole:
      framed.encoder.appendChange(
        record, bytes: bytes, watch: watch.id, id: sighting.sequence, into: &output)
      return 1
    case .change: break
    }
    let pieces = selection.pieces(
      of: record, names: bytes, kinds: selection.kinds)
    for (index, piece) in pieces.enumerated() {
      let id = index == pieces.count - 1 ? sighting.sequence : nil
      switch piece {
      case .change(let part):
        framed.encoder.appendChange(
          part, bytes: bytes, watch: watch.id, id: id, into: &output)
      case .contentUnknown(let range):
        let scope = selection.filter.scopes(below: Array(bytes[range]))
          .map { ResetScope(watch: watch.id, path: $0) }
        counters.resetsEncoded += 1
        framed.encoder.appendReset(
          id: id, reason: .movedIn, scope: scope, lostAfter: cursor(sighting.sequence - 1),
          oldest: oldest - 1, into: &output)
      }
    }
    return pieces.count
  }

  /// Appends a `reset` of the journal, its scope narrowed to what the selection sees.
  func appendReset(
    _ sighting: Sighting, for selection: Selection, id: UInt64?, with framed: FramedEncoder,
    into output: inout [UInt8]
  ) {
    let path = Array(sighting.bytes[sighting.record.pathRange])
    let scope = selection.filter.scopes(below: path)
      .map { ResetScope(watch: sighting.watch.id, path: $0) }
    counters.resetsEncoded += 1
    framed.encoder.appendReset(
      id: id, reason: sighting.record.reason, scope: scope,
      lostAfter: id.map { cursor($0 - 1) }, oldest: oldest - 1, into: &output)
  }

  func cursor(_ sequence: UInt64) -> Cursor { Cursor(epoch: epoch, sequence: sequence) }
}

/// Reads records in ascending order, remembering the batch and the watch it read last.
private struct RecordReader {
  private let journal: Journal
  private let watches: WatchTable
  private var index: Int
  private var batch: ChangeBatch
  private var bytes: [UInt8]
  private var watch: WatchEntry?

  init(journal: Journal, watches: WatchTable, at sequence: UInt64) {
    self.journal = journal
    self.watches = watches
    index = journal.batchIndex(of: sequence)
    batch = journal.batch(at: index)
    bytes = batch.bytes
  }

  /// A record known to match, so that its watch is known too.
  mutating func sighting(of sequence: UInt64, _ verdict: Verdict) -> Sighting {
    let record = record(sequence)
    return Sighting(
      sequence: sequence, record: record, bytes: bytes, watch: watch(of: record)!,
      verdict: verdict)
  }

  /// The record, if `selection` sees it.
  mutating func sighting(of sequence: UInt64, by selection: Selection) -> Sighting? {
    let record = record(sequence)
    guard let watch = watch(of: record), selection.covers(watch.id) else { return nil }
    let verdict = selection.verdict(on: record, names: bytes)
    guard verdict != .unseen else { return nil }
    return Sighting(
      sequence: sequence, record: record, bytes: bytes, watch: watch, verdict: verdict)
  }

  private mutating func record(_ sequence: UInt64) -> JournalRecord {
    while batch.end <= sequence {
      index += 1
      batch = journal.batch(at: index)
      bytes = batch.bytes
    }
    return batch.records[Int(sequence - batch.first)]
  }

  private mutating func watch(of record: JournalRecord) -> WatchEntry? {
    if watch?.number != record.watch { watch = watches[record.watch] }
    return watch
  }
}
