internal import FileEvents
internal import Syscalls

extension Watch {
  /// What is done once all records at hand have been applied: doubts are resolved by looking, what is
  /// due is sent. Called at the end of every turn of its tree thread.
  func endTurn() {
    refreshIgnores()
    resolveDoubts()
    expireHalves()
    lookForVanished()
    if isRootDoubtful { checkRoot() }
    if state == .crawling, !hasScans, halves.isEmpty, !hasDoubts { becomeLive() }
    turnPolling()
    if !isHeldByRound { sendDue() }
    if ground.isDrained, isQuiet { remade.isEmpty ? beginAudit() : checkRemade() }
    forgetPassing()
    forgetOldLooks()
  }

  /// When the next turn is needed though no record comes; nil for never.
  func nextDeadline() -> Int64? {
    var next = coalescer.nextDue()
    if !(audit.isEmpty && remade.isEmpty), isQuiet {
      next = min(next ?? .max, ground.now + 1_000_000)
    }
    if let due = nextLook { next = min(next ?? due, due) }
    // Should nothing have come meanwhile, what was looked at is believed at once.
    if !puzzles.isEmpty, ground.isDrained { next = ground.now }
    if isRootDoubtful { next = min(next ?? .max, ground.now + 1_000_000) }
    for half in halves.values {
      let due = half.isAlone ? ground.now + 1_000_000 : half.deadline
      next = min(next ?? due, due)
    }
    for lost in vanished { next = min(next ?? lost.due, lost.due) }
    if let due = gitIgnores?.nextDue { next = min(next ?? due, due) }
    // A round that found nothing to look through ends in the next turn.
    if let due = polling.isRunning ? ground.now : polling.due { next = min(next ?? due, due) }
    return next
  }

  /// Whether nothing is left to find out or to tell.
  var isSettled: Bool { isQuiet && audit.isEmpty && remade.isEmpty }

  /// Whether, besides, no record to come could be older than a look at the disk.
  var isAtRest: Bool { isSettled && looks.isEmpty }

  private var isQuiet: Bool {
    coalescer.isEmpty && !hasScans && halves.isEmpty && !hasDoubts && vanished.isEmpty
      && !isRootDoubtful && gitIgnores?.nextDue == nil && !polling.isRunning
  }

  /// One more pass over the directories where records and disk were not in step, now that no record
  /// is on its way: what nobody noticed ends here.
  private func beginAudit() {
    guard !audit.isEmpty else { return }
    let directories = audit
    audit.removeAll()
    for directory in directories.sorted() where isAttached(directory) {
      enqueueScan(directory, audit: true, flags: .rescan)
    }
  }

  /// Both halves of a rename are made by one system call, but on a busy machine whoever makes it may
  /// lose the processor between them for a long time. While it is not done nobody can read the
  /// directory that was left: once that could be read, and all records made until then have been
  /// applied, the other half lies outside.
  private func expireHalves() {
    for cookie in Array(halves.keys) {
      guard let half = halves[cookie], half.deadline <= ground.now else { continue }
      if !half.isAlone {
        awaitRenames(outOf: half.from)
      } else if half.deadline <= ground.since {
        expire(cookie)
      }
    }
    if halves.isEmpty { exchanged = nil }
  }

  /// Waits for the renames out of a directory that have begun, which is kept for all that has left it.
  private func awaitRenames(outOf place: Place) {
    let isOver = isThere(place) ? passThrough(place.directory) : true
    let now = Clock.monotonic()
    for (cookie, half) in halves where half.from.directory == place.directory && !half.isAlone {
      let isAlone = isOver || half.tries == Ground.halfTries
      halves[cookie]?.isAlone = isAlone
      halves[cookie]?.deadline = isAlone ? now : now + Ground.halfPatience
      halves[cookie]?.tries += 1
    }
  }

  /// Takes a directory's lock for a moment, as a rename does from before its first record until after
  /// its last. False where it cannot be found yet.
  func passThrough(_ directory: NodeID) -> Bool {
    // It may wait with half of a rename itself; or it has gone, and nothing more can be known.
    guard isAttached(directory) else { return !isOfUse(directory) }
    // What has been removed had that lock taken.
    guard let file = try? open(directory), let status = try? FileStatus.of(file.descriptor) else {
      return true
    }
    guard !tree[directory].isKnown || tree[directory].isSameObject(as: status) else { return false }
    withUnsafeTemporaryAllocation(byteCount: 1_024, alignment: 8) {
      _ = try? file.readEntries(into: $0)
    }
    return true
  }

  private func lookForVanished() {
    guard vanished.contains(where: { $0.due <= ground.now }) else { return }
    let due = vanished.filter { $0.due <= ground.now }
    vanished.removeAll { $0.due <= ground.now }
    for (scan, _) in due where tree.isAlive(scan.node, life: scan.life) {
      guard isAttached(scan.node) else {
        if halves.isEmpty { continue }
        vanished.append((scan, ground.now + Ground.vanishedPatience))
        continue
      }
      reconcileWay(to: scan.node)
      enqueueAgain(scan)
    }
  }

  /// Compares a node and every directory above it, the highest first: whichever is not what the tree
  /// says goes, and all below it.
  private func reconcileWay(to node: NodeID) {
    var way: [(node: NodeID, life: UInt32)] = []
    var current = node
    while current != Node.root {
      way.append((current, tree[current].life))
      current = tree[current].parent
    }
    for step in way.reversed() where tree.isAlive(step.node, life: step.life) {
      reconcile(place(of: step.node), flags: .rescan)
    }
  }

  private func becomeLive() {
    if let link = ground.link, link.takeSilence() || link.takeRefusal() { hasHistory = true }
    coalescer.discardAll()
    state = isWhole ? .live : .degraded
    crawl.done = true
    crawl.seconds = Double(ground.now - crawlStart) / 1e9
    tellState()
    if hasHistory { tellReset(.watchStarted, path: []) }
    hasHistory = true
  }

  /// All at once when nothing is pending; else when there are twice as many as were left the last time,
  /// so that a storm costs each of them a constant.
  private func forgetPassing() {
    guard !passing.isEmpty, coalescer.isEmpty || passing.count >= passingLimit else { return }
    // Who was told of is known until all doubts are resolved: it would count as new.
    guard !hasDoubts else { return }
    defer { passingLimit = max(Self.leastPassing, 2 * passing.count) }
    passing.removeAll { note in
      guard tree.isAlive(note.node, life: note.life) else { return true }
      guard !coalescer.isPending(note.node) else { return false }
      // A name found by a look is kept while the record of its making may still come.
      guard tree[note.node].parent != Node.none, !isRecent(place(of: note.node)) else {
        return false
      }
      erase(note.node)
      return true
    }
  }

  /// What was looked at before all records to come is forgotten: they have nothing to do with it.
  func forgetOldLooks() {
    dropOldLooks()
    guard looks.isEmpty else { return }
    if !recentScans.isEmpty { recentScans.removeAll() }
    if !recentFinds.isEmpty { recentFinds.removeAll() }
  }

  /// Records of any directory may be lost: all that is known is compared with the disk.
  func overflowed() {
    counters.overflows += 1
    guard isTelling else {
      // The first crawl begins again.
      enqueueScan(Node.root, deep: true)
      return
    }
    for cookie in halves.keys { expire(cookie) }
    if !spec.index {
      sendAll()
      tellReset(.kernelOverflow, path: [])
    }
    isRootDoubtful = true
    enqueueRescan()
  }

  /// Ends the watch: its marks go, except where another watch has them too.
  func end() {
    disarmAll()
    removeSentinels()
  }

  func disarmAll() {
    for (count, node) in tree.descendants(of: Node.root).enumerated() {
      // Hundreds of thousands of marks take a second, in which the kernel's queue would overflow.
      if count % 1_024 == 1_023 { ground.backlog?.read() }
      disarm(node)
    }
    disarm(Node.root)
  }
}
