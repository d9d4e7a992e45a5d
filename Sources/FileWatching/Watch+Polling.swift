internal import Bytes
internal import FileEvents
internal import Syscalls
internal import SystemPackage

/// What no kernel record tells of is looked at again and again: all of a watch whose backend is
/// `poll`, and of any other the directories that a limit left without a mark.
extension Watch {
  /// Whether nobody would tell of a change in `directory`.
  func isPolled(_ directory: NodeID) -> Bool {
    !ground.kind.marksDirectories || polling.unmarked.contains(directory)
  }

  /// Whether there is anything to be looked at again; also a root that is gone, and no mark above it.
  var hasPolled: Bool {
    !ground.kind.marksDirectories || !polling.unmarked.isEmpty
      || state == .gone && sentinels.isEmpty
  }

  /// Whether what was found waits for the end of a round, so that moves are told as such.
  var isHeldByRound: Bool { polling.isRunning && !ground.kind.marksDirectories }

  /// Begins a round that is due, or ends one whose scans are done. One of them in a turn, so that
  /// who waits for a round is answered before the next.
  func turnPolling() {
    if polling.isRunning {
      let isOverdue = ground.kind.marksDirectories && polling.isOverdue(ground.now)
      if !hasScans || isOverdue { endRound() }
    } else if !hasPolled {
      polling.stop()
    } else if !isCrawling {
      polling.schedule(ground.now)
      if let due = polling.due, due <= ground.now, !hasScans { beginRound() }
    }
  }

  private func beginRound() {
    polling.begin(ground.now)
    checkRoot()
    guard state != .gone, unreachable == nil else { return }
    guard ground.kind.marksDirectories else {
      return enqueueScan(Node.root, deep: true, flags: .rescan, told: spec.index)
    }
    for node in polling.unmarked.sorted() {
      enqueueScan(node, flags: .rescan, told: spec.index)
    }
  }

  private func endRound() {
    polling.isEnding = true
    for place in polling.candidates { reconcile(place, flags: .rescan) }
    for place in polling.unsure { reconcile(place, flags: .rescan) }
    for (node, life) in polling.aside
    where tree.isAlive(node, life: life) && tree[node].flags.contains(.half) {
      drop(node, flags: .rescan)
    }
    polling.end(ground.now)
  }

  // MARK: Limits

  /// The kernel gives no mark for the directory: it is polled until it does.
  func leaveUnmarked(_ node: NodeID) {
    tree[node].flags.insert(.unwatched)
    problems[node] = nil
    polling.unmarked.insert(node)
    problemsChanged()
  }

  /// The limit that leaves directories unmarked, in a sentence.
  var limitProblem: WatchProblem? {
    guard var problem = polling.refusal else { return nil }
    let count = polling.unmarked.count
    problem.directories = count
    problem.detail +=
      "; \(count) \(count == 1 ? "directory is" : "directories are") looked at every "
      + "\(DurationText.text(spec.pollInterval)) instead"
    return problem
  }

  // MARK: Moves

  /// What stands at `place` was elsewhere when last looked at: it has moved, and what is known of it
  /// with it, or that will be decided when the round ends. False for what is new, or has another name
  /// as well.
  func adopt(_ status: FileStatus, at place: Place) -> Bool {
    guard polling.isRunning, isPolled(place.directory) else { return false }
    let node = polling.node(like: status, in: tree)
    let target = self.node(at: place)
    guard node > Node.root, node != target, isUseful(node, as: status), isThere(place) else {
      return false
    }
    let isAside = tree[node].flags.contains(.half)
    var there: FileStatus?
    if !isAside {
      switch look(at: node) {
      case .found(let found): there = found
      case .absent: break
      case .failed: return false
      }
      if let there, tree[node].isSameObject(as: there), polling.missing[node] != tree[node].life {
        if !polling.isEnding { polling.candidates.append(place) }
        return !polling.isEnding
      }
    }
    guard isOfUse(place.directory), !tree.isWithin(place.directory, node) else { return false }
    let from = isAside ? nil : self.place(of: node)
    if !isAside { unhang(node) }
    if target != Node.none {
      unhang(target)
      if let from, let there, tree[target].isSameObject(as: there), isOfUse(from.directory),
        !tree.isWithin(from.directory, target)
      {
        hang(target, at: from, flags: .rescan)
        moved(target, flags: .rescan)
      } else {
        tree[target].flags.insert(.half)
        polling.aside.append((target, tree[target].life))
      }
    }
    hang(node, at: place, flags: .rescan)
    tree[node].stamp = stamp
    // A rename is a change of attributes that nobody is told of.
    tree[node].ctime = status.ctime
    moved(node, flags: .rescan)
    compare(node, with: status, flags: .rescan)
    return true
  }

  private func isUseful(_ node: NodeID, as status: FileStatus) -> Bool {
    tree[node].isSameObject(as: status)
      && tree[node].flags.isDisjoint(with: [.free, .ghost, .passing])
      && (isAttached(node) || tree[node].flags.contains(.half))
  }

  // MARK: Contents

  /// Compares what size and time cannot: a file that had changed when it was last looked at may have
  /// changed again within the same step of the filesystem's clock. `file` is its open directory.
  func compareContent(
    _ node: NodeID, _ name: UnsafeRawBufferPointer, _ status: FileStatus, in file: OpenFile,
    flags: ChangeFlags
  ) {
    let isOther = !tree[node].isKnown || !tree[node].isSameObject(as: status)
    if isOther || tree[node].isModified(in: status) {
      return remember(contentOf: node, name, status, in: file)
    }
    guard let recent = polling.recent[node] else { return }
    let hash = hash(name, status, in: file)
    if hash == nil || hash != recent.hash, isTelling {
      coalescer.touched(node, .modified, flags: flags, ground.moment)
    }
    let isPast = ground.now > recent.since + RecentContent.granule(of: status)
    polling.recent[node] = isPast ? nil : RecentContent(hash: hash, since: recent.since)
  }

  /// Remembers the content of a file that is new or has changed.
  func remember(
    contentOf node: NodeID, _ name: UnsafeRawBufferPointer, _ status: FileStatus, in file: OpenFile
  ) {
    // Of what is there when a watch begins, only the wall clock can tell what is recent.
    guard isTelling || RecentContent.mayRepeat(status, at: ground.moment.time) else { return }
    let hash = hash(name, status, in: file)
    // What is not read counts as changed when it is looked at again: not without need.
    guard hash != nil || RecentContent.mayRepeat(status, at: ground.moment.time) else { return }
    polling.recent[node] = RecentContent(hash: hash, since: ground.now)
  }

  private func hash(
    _ name: UnsafeRawBufferPointer, _ status: FileStatus, in file: OpenFile
  ) -> Int? {
    guard status.size <= UInt64(Polling.contentLimit) else { return nil }
    ground.willLook()
    guard
      let bytes = try? OpenFile.content(
        of: FilePath(bytes: Array(name)), in: file.descriptor, limit: Polling.contentLimit)
    else { return nil }
    var hasher = Hasher()
    bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    return hasher.finalize()
  }

  // MARK: Without an index

  /// Adds an entry to what its directory is like, whatever their order.
  func summarise(_ name: UnsafeRawBufferPointer, _ status: FileStatus) {
    var hasher = Hasher()
    hasher.combine(bytes: name)
    hasher.combine(status.inode)
    hasher.combine(status.mode)
    // What is in a directory is another's summary.
    if status.kind != .directory {
      hasher.combine(status.size)
      hasher.combine(status.mtime)
      hasher.combine(status.ctime)
    }
    scan?.summary &+= UInt64(bitPattern: Int64(hasher.finalize()))
  }

  /// Nobody remembers the files: who wants to know reads the directory again when anything in it is
  /// not what it was.
  func compareSummary(_ current: ScanInProgress) {
    let node = current.scan.node
    let before = polling.summaries.updateValue(current.summary, forKey: node)
    if !isPolled(node) { polling.summaries[node] = nil }
    guard let before, before != current.summary, isTelling else { return }
    var path: [UInt8] = []
    appendBelievedPath(of: node, to: &path)
    sendAll()
    tellReset(.unwatchable, path: path)
  }
}
