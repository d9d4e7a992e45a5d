internal import FileEvents
internal import Syscalls
internal import SystemPackage

/// A root that was deleted, renamed away or replaced: the watch says `gone`, waits at the nearest
/// directory above, and takes the root up again when it is back.
extension Watch {
  /// The first crawl of a root that is there.
  func begin() {
    tellState()
    guardRoot()
    enqueueScan(Node.root)
  }

  /// A root that has never been there.
  func awaitFirst() {
    base = nil
    state = .gone
    tellState()
    awaitRoot()
  }

  /// Whether what was opened can be taken for the root: a file does not become a directory.
  private func isOfItsKind(_ opened: OpenedRoot) -> Bool {
    isAwaited || opened.soleName == soleName
  }

  /// Compares the root with what stands at its path.
  func checkRoot() {
    isRootDoubtful = false
    ground.willLook()
    let found = Result { () throws(WatchProblem) in try OpenedRoot(spec) }
    if isUnreachable(found) { return }
    let opened = try? found.get()
    if state != .gone, let same = opened ?? openWithoutFile(), isSameRoot(same) {
      return stay(same)
    }
    if state != .gone { leave() }
    if let opened, isOfItsKind(opened) { comeBack(opened) } else { awaitRoot() }
  }

  /// What is polled and cannot be looked at for now, as when a remote filesystem gives up waiting for
  /// its server, has not gone: it is looked at again in the next round.
  private func isUnreachable(_ found: Result<OpenedRoot, WatchProblem>) -> Bool {
    var problem: WatchProblem?
    if case .failure(let failure) = found, failure.code == .internalError, state != .gone,
      !ground.kind.marksDirectories
    {
      let error = Errno(rawValue: failure.errno)
      problem = WatchProblem(
        .notResponding, errno: failure.errno,
        detail:
          "\(String(decoding: root, as: UTF8.self)) is not responding: \(error); the watch goes "
          + "on when it does")
    }
    guard problem != unreachable else { return problem != nil }
    unreachable = problem
    problemsChanged()
    return problem != nil
  }

  /// A root that is a file may be deleted and made again while the directory that holds it stays.
  private func openWithoutFile() -> OpenedRoot? {
    guard let soleName, let slash = spec.root.lastIndex(of: 0x2F) else { return nil }
    var holding = spec
    holding.root = slash == 0 ? [0x2F] : Array(spec.root[..<slash])
    guard var opened = try? OpenedRoot(holding), opened.soleName == nil else { return nil }
    opened.soleName = soleName
    opened.path = root
    return opened
  }

  /// The same root, perhaps by another way.
  private func stay(_ opened: OpenedRoot) {
    let isSeenAnew = opened.mount != baseMount
    base = opened.base
    baseMount = opened.mount
    root = opened.path
    if way != RootWay(to: spec.root) { guardRoot() }
    if isSeenAnew {
      // By another mount other mounts are seen below it.
      _ = rescan([], .unmounted)
    } else if tree[Node.root].mark < 0, !isPolled(Node.root),
      !tree[Node.root].flags.contains(.queued), scan?.scan.node != Node.root
    {
      enqueueScan(Node.root, deep: true, flags: .rescan)
    }
  }

  /// What was there is there no more, or is told of elsewhere.
  func leave() {
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
    unreachable = nil
    polling.forgetAll()
    scans.removeAll()
    scan = nil
    doubts.removeAll()
    suspects.removeAll()
    unproven.removeAll()
    remade.removeAll()
    puzzles.removeAll()
    vanished.removeAll()
    looks.removeAll()
    lastLooks.removeAll()
    recentScans.removeAll()
    recentFinds.removeAll()
    passing.removeAll()
    gitIgnores?.forgetAll()
    base = nil
    state = .gone
    tellState()
  }

  private func comeBack(_ opened: OpenedRoot) {
    meet(opened)
    base = opened.base
    baseStatus = opened.status
    baseMount = opened.mount
    filesystem = opened.filesystem
    root = opened.path
    if ground.kind.marksDirectories { _ = gitIgnores?.readOuter() }
    guardRoot()
    state = .live
    crawl.done = true
    tellState()
    tellReset(.watchStarted, path: [])
    hasHistory = true
    if soleName == nil { tellRoot(.create) }
    enqueueScan(Node.root)
  }

  // MARK: The way to the root

  /// Marks the directory that holds the root, so that its end is told at once, and those on the way,
  /// so that it is told when one is moved or a link leads elsewhere. One that may not be read leaves
  /// it at what the others tell. With them those that hold ignore files of git's from elsewhere.
  func guardRoot() {
    removeSentinels()
    let way = RootWay(to: spec.root)
    self.way = way
    // What the base is called in the directory above it.
    let above = way.places.dropLast(soleName == nil ? 1 : 2)
    if let holding = above.last { place(.guardian, at: holding) }
    for link in way.links { place(.guardian, at: link.directory) }
    for directory in above.dropFirst() { place(.passage, at: directory) }
    for directory in gitIgnores?.outerDirectories ?? [] {
      place(.entries(.closedAfterWriting, isRoot: false), at: directory)
    }
    isRootDoubtful = true  // it may have gone before the marks were set
  }

  /// Marks the nearest directory that is there on the way to a root that is not. Whatever happens in
  /// it, the root is looked for again.
  private func awaitRoot() {
    removeSentinels()
    let way = RootWay(to: spec.root)
    self.way = way
    // What stands at its end is not what was there.
    var there = way.isWhole ? way.places.dropLast() : way.places[...]
    while let nearest = there.last, !place(.sentinel, at: nearest) { there.removeLast() }
    guard !there.isEmpty else { return }  // looked for again by polling
    for link in way.links { place(.guardian, at: link.directory) }
    for directory in there.dropLast().dropFirst() { place(.passage, at: directory) }
    // What came to be before the marks were set has been told to nobody.
    let opened = try? OpenedRoot(spec)
    isRootDoubtful = opened.map(isOfItsKind) ?? (RootWay(to: spec.root) != way)
  }

  /// False where there is no directory that can be marked.
  @discardableResult
  private func place(_ purpose: MarkPurpose, at path: [UInt8]) -> Bool {
    guard let place = try? OpenFile.place(FilePath(bytes: path)),
      let mark = try? ground.backend.arm(place.descriptor, purpose)
    else { return false }
    ground.marks.add(Marks.Owner(watch: number, node: Node.none), to: mark)
    sentinels[mark] = path
    return true
  }

  /// A record of a directory on the way to the root.
  func applyAbove(_ record: BackendRecord, _ name: UnsafeRawBufferPointer) {
    if record.action == .forgotten { sentinels[record.mark] = nil }
    if gitIgnores != nil { doubtOuterIgnores(record.action, name) }
    if state == .gone || name.isEmpty || isOnTheWay(name) { isRootDoubtful = true }
  }

  private func isOnTheWay(_ name: UnsafeRawBufferPointer) -> Bool {
    guard let way else { return true }
    return way.places.contains { $0.suffix(name.count).elementsEqual(name) }
      || way.links.contains { $0.name.elementsEqual(name) }
  }

  func removeSentinels() {
    for (mark, path) in sentinels {
      if ground.marks.remove(Marks.Owner(watch: number, node: Node.none), from: mark) {
        ground.backend.disarm(mark) { try? OpenFile.place(FilePath(bytes: path)) }
      }
    }
    sentinels.removeAll()
  }
}
