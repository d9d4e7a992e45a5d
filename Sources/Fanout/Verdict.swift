internal import FileEvents

/// What one journal record is to one selection.
enum Verdict: UInt8 {
  case unseen
  /// Sent as it is.
  case whole
  /// A move told by what it took away and what it brought: an end of it lies outside what the
  /// selection sees, or more or less is seen there, or the selection leaves out `move`.
  case split
}

extension Selection {
  /// Decides by the rules of the wire contract, section 2, "Filters". The record's watch is covered;
  /// its names are in `bytes`.
  func verdict(on record: JournalRecord, names bytes: [UInt8]) -> Verdict {
    switch record.subject {
    case .watch: return .whole
    case .reset:
      // A watch that tells the loss by changes still owes a reset for what no listing shows.
      if record.flags.contains(.rescan), kinds.isDisjoint(with: [.open, .access, .close]) {
        return .unseen
      }
      return sees(bytes, record.pathRange, mayBeDirectory: true) ? .whole : .unseen
    case .change: break
    }
    if record.kind == .move { return verdict(onMove: record, names: bytes) }
    guard kinds.contains(record.kind) else { return .unseen }
    let speaksForBelow = record.kind == .create || record.kind == .delete
    let mayBeDirectory = speaksForBelow && record.mayBeDirectory
    return sees(bytes, record.pathRange, mayBeDirectory: mayBeDirectory) ? .whole : .unseen
  }

  private func verdict(onMove record: JournalRecord, names bytes: [UInt8]) -> Verdict {
    let ends = MoveEnds(record, of: self, names: bytes)
    if ends.isAllSeen, kinds.contains(.move), seesAlike(record, names: bytes) { return .whole }
    let isDeleted = ends.fromBefore || ends.pathBefore
    let isCreated = ends.fromAfter || ends.pathAfter
    let isSent =
      (isDeleted && kinds.contains(.delete)) || (isCreated && kinds.contains(.create))
    return isSent ? .split : .unseen
  }

  /// Whether a directory that moved holds for the selection what it held before: else the client does
  /// not know what it brought, or would keep what it must not see.
  private func seesAlike(_ move: JournalRecord, names bytes: [UInt8]) -> Bool {
    guard move.mayBeDirectory, !filter.seesEverything else { return true }
    let names = bytes.span
    return filter.seesAlike(
      below: names.extracting(move.fromRange), and: names.extracting(move.pathRange))
  }

  fileprivate func sees(_ bytes: [UInt8], _ path: Range<Int>, mayBeDirectory: Bool) -> Bool {
    filter.seesEverything
      || filter.sees(bytes.span.extracting(path), mayBeDirectory: mayBeDirectory)
  }
}

/// What a selection sees of the ends of a move, before and after it. Of a plain move nothing stands
/// at `from` after it, and at `path` before it only what it replaced.
private struct MoveEnds {
  let fromBefore: Bool
  let pathAfter: Bool
  let fromAfter: Bool
  let pathBefore: Bool
  let isExchange: Bool

  init(_ move: JournalRecord, of selection: Selection, names bytes: [UInt8]) {
    isExchange = move.flags.contains(.exchange)
    let mayBeDirectory = move.type.mayBeDirectory
    fromBefore = selection.sees(bytes, move.fromRange, mayBeDirectory: mayBeDirectory)
    pathAfter = selection.sees(bytes, move.pathRange, mayBeDirectory: mayBeDirectory)
    if isExchange {
      let otherMayBe = move.fromType.mayBeDirectory
      fromAfter = selection.sees(bytes, move.fromRange, mayBeDirectory: otherMayBe)
      pathBefore = selection.sees(bytes, move.pathRange, mayBeDirectory: otherMayBe)
    } else {
      // rename(2) replaces a directory only by a directory, so what stood there is seen alike.
      fromAfter = false
      pathBefore = pathAfter && move.flags.contains(.replaced)
    }
  }

  /// Whether the move can be told as one.
  var isAllSeen: Bool {
    fromBefore && pathAfter && (!isExchange || (fromAfter && pathBefore))
  }
}

/// One event made from a record that is not sent as it is.
enum Piece {
  case change(JournalRecord)
  /// A directory came in whose content the journal does not list: the path's range.
  case contentUnknown(Range<Int>)
}

extension Selection {
  /// The events a move becomes when it is not told as one, in order, as far as `kinds` holds them:
  /// what is gone, then what has come, and where a directory came with a content the journal does not
  /// list, that.
  func pieces(
    of move: JournalRecord, names bytes: [UInt8], kinds: ChangeKinds
  ) -> [Piece] {
    let ends = MoveEnds(move, of: self, names: bytes)
    let rest = move.flags.intersection([.rescan])
    let known = move.flags.intersection([.rescan, .indexed])
    var pieces: [Piece] = []

    func add(
      _ kind: ChangeKind, at range: Range<Int>, _ type: FileType, _ flags: ChangeFlags,
      otherEndIsSeen: Bool
    ) {
      guard kinds.contains(kind) else { return }
      var record = move
      record.kind = kind
      record.type = type
      record.flags = otherEndIsSeen ? flags : flags.union(.moved)
      (record.pathStart, record.pathEnd) = (UInt32(range.lowerBound), UInt32(range.upperBound))
      pieces.append(.change(record))
      guard kind == .create, type.mayBeDirectory,
        filter.couldMatchBelow(bytes.span.extracting(range))
      else { return }
      pieces.append(.contentUnknown(range))
    }

    if ends.fromBefore {
      add(.delete, at: move.fromRange, move.type, rest, otherEndIsSeen: ends.pathAfter)
    }
    if ends.pathBefore {
      let wentOutside = ends.isExchange && !ends.fromAfter
      let type = ends.isExchange ? move.fromType : .unknown
      add(.delete, at: move.pathRange, type, rest, otherEndIsSeen: !wentOutside)
    }
    if ends.pathAfter {
      add(.create, at: move.pathRange, move.type, known, otherEndIsSeen: ends.fromBefore)
    }
    if ends.fromAfter {
      add(.create, at: move.fromRange, move.fromType, rest, otherEndIsSeen: ends.pathBefore)
    }
    return pieces
  }
}

extension FileType {
  /// Whether it is a directory, or may have been one.
  var mayBeDirectory: Bool { self == .directory || self == .unknown }
}

extension JournalRecord {
  /// Whether it speaks of a directory, or of what may have been one.
  var mayBeDirectory: Bool {
    type.mayBeDirectory || (flags.contains(.exchange) && fromType.mayBeDirectory)
  }
}
