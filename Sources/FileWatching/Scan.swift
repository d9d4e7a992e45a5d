internal import DequeModule
internal import FileEvents
internal import Syscalls
internal import SystemPackage

/// A directory to arm and scan.
struct Scan {
  var node: NodeID
  var life: UInt32
  /// Whether to go on into directories that are known already.
  var isDeep: Bool
  /// Whether what is known is believed: only names count, those there and those seen.
  var isForNames: Bool
  /// Whether a name that is not as the tree has it is a doubt, which the records may still explain.
  var isAudit: Bool
  /// Goes into the changes found.
  var flags: ChangeFlags
  /// Whether differences are told; without an index a `reset` has said it all.
  var isTold: Bool
}

/// A directory being read, in pieces that fit a slice.
struct ScanInProgress {
  var scan: Scan
  var file: OpenFile
  var stamp: UInt32
  /// Whether it is part of a round of `Polling`.
  var isPoll: Bool
  /// Of all entries, where nothing else is remembered of a polled directory.
  var summary: UInt64 = 0
}

extension Watch {
  /// Arm, then scan, then tell the differences: of a new directory, a moved-in one, a repaired one.
  func enqueueScan(
    _ node: NodeID, deep: Bool = false, forNames: Bool = false, audit: Bool = false,
    flags: ChangeFlags = [], told: Bool = true
  ) {
    guard spec.recursive || node == Node.root else { return }
    guard deep || !tree[node].flags.contains(.queued) else { return }
    tree[node].flags.insert(.queued)
    scans.append(
      Scan(
        node: node, life: tree[node].life, isDeep: deep, isForNames: forNames, isAudit: audit,
        flags: flags, isTold: told))
  }

  /// Does again what could not be done; as deep as it was to be.
  func enqueueAgain(_ scan: Scan) {
    guard tree.isAlive(scan.node, life: scan.life) else { return }
    tree[scan.node].flags.insert(.queued)
    scans.append(scan)
  }

  var hasScans: Bool { scan != nil || !scans.isEmpty }

  /// Goes on scanning until `deadline` (monotonic nanoseconds) or until there is nothing left.
  func scanSlice(until deadline: Int64, buffer: UnsafeMutableRawBufferPointer) {
    let start = Clock.monotonic()
    defer { polling.spend(since: start) }
    repeat {
      if let current = scan {
        scanPiece(current, buffer)
      } else if let next = scans.popFirst() {
        begin(next)
      } else {
        return
      }
    } while Clock.monotonic() < deadline
  }

  private func begin(_ scan: Scan) {
    guard tree.isAlive(scan.node, life: scan.life), isOfUse(scan.node) else { return }
    tree[scan.node].flags.remove(.queued)
    guard tree[scan.node].isDirectory else { return }
    let file: OpenFile
    let status: FileStatus
    do {
      file = try open(scan.node)
      status = try FileStatus.of(file.descriptor)
    } catch {
      return cannotScan(scan, error)
    }
    let known = tree[scan.node]
    if known.isKnown, known.inode != status.inode || known.birth != status.birthTime {
      // Another directory stands there: the records of how it came are on their way, or lost.
      if scan.node == Node.root { isRootDoubtful = true } else { doubt(place(of: scan.node)) }
      return
    }
    let isPoll = polling.isRunning && isPolled(scan.node)
    if scan.isDeep || isPoll, !scan.isForNames, scan.isTold,
      isPoll ? soleName == nil : scan.node != Node.root
    {
      compareMode(scan.node, with: status, flags: scan.flags)
    }
    if !scan.isForNames || known.mark < 0 {
      tree.note(scan.node, status)
      arm(scan.node, file)
    }
    var scan = scan
    if readIgnores(of: scan.node, file), !scan.isDeep, tree[scan.node].firstChild != Node.none {
      scan.isDeep = true
      scan.isForNames = true
      if isTelling { scan.flags.insert(.rescan) }
    }
    stamp &+= 1
    self.scan = ScanInProgress(scan: scan, file: file, stamp: stamp, isPoll: isPoll)
  }

  private func scanPiece(_ current: ScanInProgress, _ buffer: UnsafeMutableRawBufferPointer) {
    let directory = current.scan.node
    guard tree.isAlive(directory, life: current.scan.life), isOfUse(directory) else {
      scan = nil
      return
    }
    let count: Int
    ground.willLook()
    do {
      count = try current.file.readEntries(into: buffer)
    } catch {
      scan = nil
      return cannotScan(current.scan, error)
    }
    guard count > 0 else {
      scan = nil
      return end(current)
    }
    var entries = DirectoryEntries(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    while let entry = entries.next() { found(entry, current) }
    // Records that come before the next piece may be older than what was found in this one.
    looked(into: directory)
  }

  private func found(_ entry: DirectoryEntries.Entry, _ current: ScanInProgress) {
    let directory = current.scan.node
    let node = tree.child(of: directory, entry.name)
    var status: FileStatus?
    if isStatusWanted(of: entry, node, current) {
      ground.willLook()
      // getdents leaves a NUL behind the name.
      status = try? FileStatus.at(
        current.file.descriptor, entry.name.baseAddress!.assumingMemoryBound(to: CChar.self))
      if status == nil { return }  // gone meanwhile: its record is on its way
    }
    if let status, !spec.index { summarise(entry.name, status) }
    let type = FileEvents.FileType(status?.kind ?? entry.kind ?? .other)
    if node != Node.none {
      // What is seen may be other than it was: by a patch, or where the directory is now.
      guard sees(entry.name, in: directory, isDirectory: type == .directory) else {
        return drop(node, flags: current.scan.flags)
      }
      tree[node].stamp = current.stamp
      if current.isPoll, let status, tree[node].isKnown, !tree[node].isSameObject(as: status) {
        let place = place(Array(entry.name), in: directory)
        if !adopt(status, at: place) { polling.unsure.append(place) }
        return
      }
      if let status { remember(entry.name, of: node, status, current) }
      if current.scan.isAudit, let status, tree[node].isKnown, !tree[node].isUnchanged(in: status) {
        return doubts.append(place(of: node))
      }
      known(node, type, status, current)
    } else if current.scan.isAudit {
      // Without an index no file is remembered that could be missing.
      guard spec.index || type == .directory,
        sees(entry.name, in: directory, isDirectory: type == .directory)
      else { return }
      doubts.append(place(Array(entry.name), in: directory))
    } else {
      new(entry.name, type, status, current)
    }
  }

  /// Whether an entry that stands for `node` is looked at now. What clients have not been told of is
  /// looked at when they are.
  private func isStatusWanted(
    of entry: DirectoryEntries.Entry, _ node: NodeID, _ current: ScanInProgress
  ) -> Bool {
    if entry.kind == nil || current.isPoll || isPolled(current.scan.node) { return true }
    guard node != Node.none else {
      return spec.index && entry.kind != .directory && !(isTelling && current.scan.isTold)
    }
    if entry.kind == .directory { return !tree[node].isDirectory }
    return spec.index && !current.scan.isForNames && !isUnseen(node)
  }

  private func known(
    _ node: NodeID, _ type: FileEvents.FileType, _ status: FileStatus?, _ current: ScanInProgress
  ) {
    let old = tree[node].type
    if type == .directory && old == .directory {
      if current.isPoll, let status { compareMode(node, with: status, flags: current.scan.flags) }
      if current.scan.isDeep || isUnarmed(tree[node]) {
        enqueueScan(
          node, deep: current.scan.isDeep, forNames: current.scan.isForNames,
          flags: current.scan.flags, told: current.scan.isTold)
      }
    } else if let status {
      compare(node, with: status, flags: current.scan.flags)
    } else if type == .directory || old == .directory {
      doubt(place(of: node))
    }
  }

  private func new(
    _ name: UnsafeRawBufferPointer, _ type: FileEvents.FileType, _ status: FileStatus?,
    _ current: ScanInProgress
  ) {
    let directory = current.scan.node
    guard sees(name, in: directory, isDirectory: type == .directory) else { return }
    if let status, current.isPoll, adopt(status, at: place(Array(name), in: directory)) { return }
    let isTold = isTelling && current.scan.isTold
    guard spec.index || type == .directory || isTold else { return }
    let node = tree.insert(type, named: name, in: directory)
    tree[node].stamp = current.stamp
    if let status { remember(name, of: node, status, current) }
    if let status { tree.note(node, status) }
    if isTold { tellCreated(node, flags: current.scan.flags) }
    if type == .directory {
      enqueueScan(node, flags: current.scan.flags, told: current.scan.isTold)
    } else {
      keepPassing(node)
    }
  }

  /// What the next look at a polled directory must know of a file; the node is as the last one left it.
  private func remember(
    _ name: UnsafeRawBufferPointer, of node: NodeID, _ status: FileStatus,
    _ current: ScanInProgress
  ) {
    guard spec.index, status.kind == .file, isPolled(current.scan.node) else { return }
    compareContent(node, name, status, in: current.file, flags: current.scan.flags)
  }

  /// All entries have been seen: what was not is looked for once more, then gone.
  private func end(_ current: ScanInProgress) {
    let directory = current.scan.node
    var missing: [NodeID] = []
    var child = tree[directory].firstChild
    while child != Node.none {
      let node = tree[child]
      if node.stamp != current.stamp, !node.flags.contains(.passing) { missing.append(child) }
      child = node.nextSibling
    }
    for node in missing {
      let place = place(of: node)
      if current.isPoll {
        polling.missing[node] = tree[node].life
        polling.unsure.append(place)
      } else if current.scan.isAudit {
        doubts.append(place)
      } else if current.scan.isTold || !isTelling {
        reconcile(place, flags: current.scan.flags)
      } else if case .absent = look(at: node) {
        drop(node)
      }
    }
    if !spec.index, isPolled(directory) || current.isPoll { compareSummary(current) }
    looked(into: directory)
  }

  private func cannotScan(_ scan: Scan, _ error: Errno) {
    let node = scan.node
    switch error {
    case .noSuchFileOrDirectory, .notDirectory, .tooManySymbolicLinkLevels, .staleNFSFileHandle:
      if node == Node.root {
        isRootDoubtful = true
      } else if polling.isRunning, isPolled(node), tree[node].parent != Node.none {
        polling.missing[node] = tree[node].life
        polling.unsure.append(place(of: node))
      } else {
        vanished.append((scan, ground.now + Ground.vanishedPatience))
      }
    default:
      degrade(node, error)
      if polling.unmarked.contains(node), !spec.index { polling.summaries[node] = 0 }
    }
  }

  /// Tries again what could not be read: somebody may have let us in.
  func retryUnreadable() {
    for (node, problem) in problems where problem.code == .permissionDenied {
      enqueueScan(node, deep: true)
    }
  }

  // MARK: Marks

  private func arm(_ node: NodeID, _ file: OpenFile) {
    guard ground.kind.marksDirectories else { return heal(node) }
    if polling.isRefused, tree[node].mark < 0 { return leaveUnmarked(node) }
    let purpose = MarkPurpose.entries(
      EntryEvents(for: spec.kinds, index: spec.index), isRoot: node == Node.root)
    let mark: Int32
    do {
      mark = try ground.backend.arm(file.descriptor, purpose)
    } catch {
      if error != .noSuchFileOrDirectory { degrade(node, error) }
      polling.isRefused = polling.unmarked.contains(node)
      return
    }
    let old = tree[node].mark
    if old != mark {
      if old >= 0 { disarm(node) }
      // Two nodes cannot be one directory, save by a bind mount: the other may have moved.
      if let first = ground.marks.first(of: mark) {
        for owner in [first] + ground.marks.others(of: mark)
        where owner.watch == number && owner.node != Node.none && owner.node != Node.root {
          doubt(place(of: owner.node))
        }
      }
      ground.marks.add(Marks.Owner(watch: number, node: node), to: mark)
      tree[node].mark = mark
      kernelWatches += 1
    }
    heal(node)
  }

  func disarm(_ node: NodeID) {
    let mark = tree[node].mark
    guard mark >= 0 else { return }
    tree[node].mark = -1
    kernelWatches -= 1
    if ground.marks.remove(Marks.Owner(watch: number, node: node), from: mark) {
      ground.backend.disarm(mark) { try? open(node) }
    }
  }

  private func degrade(_ node: NodeID, _ error: Errno) {
    var path: [UInt8] = []
    guard tree.appendPath(of: node, to: &path) else { return }
    tree[node].flags.insert(.unwatched)
    // So that a scan that succeeds can tell other attributes.
    if !tree[node].isKnown, case .found(let status) = look(at: node) { tree.note(node, status) }
    let problem = ground.backend.explain(error, marksInUse: ground.marks.count, path: path)
    guard problem.code != .watchLimit else {
      polling.refusal = problem
      return leaveUnmarked(node)
    }
    polling.forget(node)
    problems[node] = problem
    problemsChanged()
  }

  private func heal(_ node: NodeID) {
    guard tree[node].flags.contains(.unwatched) else { return }
    tree[node].flags.remove(.unwatched)
    problems[node] = nil
    polling.healed(node)
    problemsChanged()
  }

  /// Whether every directory can be looked into and, unless all are polled, has a mark.
  var isWhole: Bool { problems.isEmpty && polling.unmarked.isEmpty && unreachable == nil }

  /// A watch with directories it cannot watch is degraded, and says so.
  func problemsChanged() {
    guard isTelling else { return }
    let now: WatchState = isWhole ? .live : .degraded
    if now != state {
      state = now
      tellState()
    }
  }
}
