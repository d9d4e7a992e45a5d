internal import FileEvents
internal import Syscalls
internal import SystemPackage

/// A root that was deleted, renamed away or replaced: the watch says `gone`, waits at the nearest
/// directory above, and takes the root up again when it is back.
extension Watch {
  /// Compares the root with what stands at its path.
  func checkRoot() {
    isRootDoubtful = false
    let opened = try? OpenedRoot(spec)
    if let base, let opened, opened.soleName == soleName,
      let status = try? FileStatus.of(base.descriptor), status.inode == opened.status.inode,
      status.birthTime == opened.status.birthTime, status.device == opened.status.device
    {
      if tree[Node.root].mark < 0, !isPolled(Node.root),
        !tree[Node.root].flags.contains(.queued), scan?.scan.node != Node.root
      {
        enqueueScan(Node.root, deep: true, flags: .rescan)
      }
      return
    }
    if state != .gone { leave() }
    if let opened, opened.soleName == soleName { comeBack(opened) } else { placeSentinel() }
  }

  private func leave() {
    let wasTelling = isTelling
    for cookie in halves.keys { expire(cookie) }
    if wasTelling {
      sendAll()
      tellRoot(.delete)
    }
    disarmAll()
    tree = Tree()
    coalescer.discardAll()
    beliefs = Beliefs()
    audit.removeAll()
    problems.removeAll()
    polling.forgetAll()
    scans.removeAll()
    scan = nil
    doubts.removeAll()
    suspects.removeAll()
    vanished.removeAll()
    looks.removeAll()
    recentScans.removeAll()
    passing.removeAll()
    gitIgnores?.forgetAll()
    base = nil
    state = .gone
    tellState()
  }

  private func comeBack(_ opened: OpenedRoot) {
    base = opened.base
    guardRoot()
    root = opened.path
    state = .live
    crawl.done = true
    tellState()
    tellReset(.watchStarted, path: [])
    hasHistory = true
    if soleName == nil { tellRoot(.create) }
    enqueueScan(Node.root)
  }

  /// Marks the directory that holds the root, so that its end is told at once. One that may not be
  /// read leaves it at what the root itself tells.
  func guardRoot() {
    removeSentinel()
    guard let slash = root.lastIndex(of: 0x2F), root.count > 1 else { return }
    let above = slash == 0 ? [0x2F] : Array(root[..<slash])
    guard soleName == nil, let place = try? OpenFile.place(FilePath(bytes: above)),
      let mark = try? ground.backend.arm(place.descriptor, .guardian)
    else { return }
    ground.marks.add(Marks.Owner(watch: number, node: Node.none), to: mark)
    sentinel = Sentinel(mark: mark, path: above)
    isRootDoubtful = true  // it may have gone before the mark was set
  }

  /// A record of the directory that holds the root, or of the nearest there is.
  func applyAbove(_ record: BackendRecord, _ name: UnsafeRawBufferPointer) {
    if record.action == .forgotten { sentinel = nil }
    let isOurs = root.suffix(name.count).elementsEqual(name) || name.isEmpty
    if state == .gone || isOurs { isRootDoubtful = true }
  }

  /// Marks the nearest directory above the root that is there. Whatever happens in it, the root is
  /// looked for again.
  private func placeSentinel() {
    removeSentinel()
    var path = spec.root
    while true {
      guard let slash = path.lastIndex(of: 0x2F) else { return }
      path = slash == 0 ? [0x2F] : Array(path[..<slash])
      guard let above = try? OpenFile.place(FilePath(bytes: path)),
        let mark = try? ground.backend.arm(above.descriptor, .sentinel)
      else {
        if path == [0x2F] { return }
        continue
      }
      ground.marks.add(Marks.Owner(watch: number, node: Node.none), to: mark)
      sentinel = Sentinel(mark: mark, path: path)
      break
    }
    // What came to be before the mark was set has been told to nobody.
    if (try? OpenedRoot(spec)) != nil {
      isRootDoubtful = true
    } else if let next = nextComponent(below: path),
      (try? OpenFile.place(FilePath(bytes: next))) != nil
    {
      isRootDoubtful = true
    }
  }

  private func nextComponent(below path: [UInt8]) -> [UInt8]? {
    let start = path == [0x2F] ? 1 : path.count + 1
    guard start < spec.root.count else { return nil }
    let end = spec.root[start...].firstIndex(of: 0x2F) ?? spec.root.count
    return end == spec.root.count ? nil : Array(spec.root[..<end])
  }

  func removeSentinel() {
    guard let sentinel else { return }
    self.sentinel = nil
    if ground.marks.remove(Marks.Owner(watch: number, node: Node.none), from: sentinel.mark) {
      ground.backend.disarm(sentinel.mark) {
        try? OpenFile.place(FilePath(bytes: sentinel.path))
      }
    }
  }
}
