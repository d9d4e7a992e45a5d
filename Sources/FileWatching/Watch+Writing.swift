internal import FileEvents
internal import Syscalls

/// Journal records of this watch.
extension Watch {
  func believedPath(_ place: Place) -> [UInt8] {
    var path: [UInt8] = []
    appendBelieved(place, to: &path)
    return path
  }

  /// About a node, where clients believe it.
  func write(
    _ kind: ChangeKind, _ change: PendingChange, _ type: FileType, of node: NodeID,
    status: FileStatus? = nil, flags: ChangeFlags = []
  ) {
    write(kind, change, type, status: status, flags: flags) {
      guard soleName == nil else { return }  // the root itself
      appendBelievedPath(of: node, to: &$0)
    }
  }

  /// About a name in a directory that clients know.
  func write(
    _ kind: ChangeKind, _ change: PendingChange, _ type: FileType, at place: Place,
    from: [UInt8]? = nil, status: FileStatus? = nil, flags: ChangeFlags = [],
    fromType: FileType = .unknown
  ) {
    write(
      kind, change, type, from: from, status: status, flags: flags, fromType: fromType
    ) {
      guard soleName == nil, place.directory != Node.none else { return }
      appendBelieved(place, to: &$0)
    }
  }

  /// About a path.
  func write(_ kind: ChangeKind, _ change: PendingChange, _ type: FileType, path: [UInt8]) {
    write(kind, change, type) { $0.append(contentsOf: path) }
  }

  private func write(
    _ kind: ChangeKind, _ change: PendingChange, _ type: FileType, from: [UInt8]? = nil,
    status: FileStatus? = nil, flags: ChangeFlags = [], fromType: FileType = .unknown,
    _ appendPath: (inout [UInt8]) -> Void
  ) {
    guard spec.kinds.contains(kind), isTelling else { return }
    var record = JournalRecord(subject: .change, watch: number, time: change.time)
    record.kind = kind
    record.type = type
    record.fromType = fromType
    record.flags = flags
    record.count = max(1, change.count)
    record.process = change.process
    if spec.index, let status {
      record.flags.insert(.indexed)
      record.size = status.size
      record.mtime = status.mtime
    }
    let journal = ground.journal
    record.pathStart = UInt32(journal.bytes.count)
    appendPath(&journal.bytes)
    record.pathEnd = UInt32(journal.bytes.count)
    if let from {
      record.fromStart = record.pathEnd
      journal.bytes.append(contentsOf: from)
      record.fromEnd = UInt32(journal.bytes.count)
    }
    counters.changes += 1
    journal.add(record)
  }

  /// The state of the watch, for its subscribers.
  func tellState() {
    // They may have been told that the filesystem does not respond: now they know better.
    _ = ground.link?.takeSilence()
    ground.journal.addState(state, of: number, id, time: ground.moment.time)
  }

  /// The filesystem has not responded for so long that subscribers were told of it; now it does.
  /// `hasRefused`: some went on without a listing.
  func respondAgain(_ wasSilent: Bool, _ hasRefused: Bool) {
    if wasSilent, state != .degraded { tellState() }
    guard crawl.done else {
      hasHistory = true
      return
    }
    guard hasRefused, isTelling else { return }
    sendAll()
    tellReset(.watchStarted, path: [])
  }

  /// What stands at and below `path` cannot be rebuilt from changes.
  func tellReset(_ reason: ResetReason, path: [UInt8]) {
    var record = JournalRecord(subject: .reset, watch: number, time: ground.moment.time)
    record.reason = reason
    record.pathStart = UInt32(ground.journal.bytes.count)
    ground.journal.bytes.append(contentsOf: path)
    record.pathEnd = UInt32(ground.journal.bytes.count)
    ground.journal.add(record)
  }

  /// The root itself came or went.
  func tellRoot(_ kind: ChangeKind, flags: ChangeFlags = []) {
    guard spec.kinds.contains(kind) else { return }
    var record = JournalRecord(subject: .change, watch: number, time: ground.moment.time)
    record.kind = kind
    record.type = soleName == nil ? .directory : .file
    record.flags = flags
    record.pathStart = UInt32(ground.journal.bytes.count)
    record.pathEnd = record.pathStart
    counters.changes += 1
    ground.journal.add(record)
  }
}
