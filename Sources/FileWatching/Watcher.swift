internal import FileEvents
internal import Syscalls
internal import SystemPackage

/// A tree thread: owns watches, applies records in order, tells changes. Confined to its thread; made
/// there.
///
/// There is one for all roots whose filesystem is this machine's own ("tidings-tree"), which also
/// takes what is asked and hands it on; and one for each root of which that cannot be said, or that is
/// polled ("tidings-scanner"), with that one watch. What may hang, hangs there.
final class Watcher {
  /// How long one slice of crawling may keep records waiting, in nanoseconds.
  static let slice: Int64 = 1_000_000
  /// Bytes of directory entries read at once: some 500, whose statuses take about a slice.
  static let scanBufferSize = 16 << 10
  /// How long records gather under load, in milliseconds, so that the kernel merges what is equal; and
  /// the quiet before a record, in nanoseconds, after which it is no load and read at once.
  private static let gathering: Int32 = 2
  private static let quiet: Int64 = 1_000_000
  /// How long records of one queue are applied before anything else has its turn, in nanoseconds.
  private static let applying: Int64 = 4_000_000

  let inbox: Inbox
  let journal: ChangeJournal
  /// What is always there: of inotify, on a scanner's thread of polling.
  let ground: Ground
  /// That, and others from the first watch on that stands on them.
  private var grounds: [Ground]
  var watches: [UInt32: Watch] = [:]
  /// By key; none on a scanner's thread.
  var scanners: [UInt32: Scanner] = [:]
  var nextScannerKey: UInt32 = 1
  /// Threads that were left to themselves and have not ended yet, by key.
  var abandoned: Set<UInt32> = []
  /// On a scanner's thread: the root it was made for, once opened and until it is a watch.
  var candidate: Candidate?
  var nextNumber: UInt32 = 1
  /// Ids that have been in use: a watch that gets one again has a history.
  var usedIDs: Set<String> = []
  /// When a turn that had read records ended, on the monotonic clock.
  private var lastRecords: Int64 = 0
  /// Whether there is something in the inbox.
  private var isCalled = false
  /// What directories are read into, one at a time.
  let scanBuffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: Watcher.scanBufferSize, alignment: 16)
  /// Nil where there is no /proc: then mounts are noticed by what they do to marks, or not at all.
  private let mounts = try? MountTable()
  private var haveMountsChanged = false
  private let polled = PollSet()
  private(set) var hangingMounts = HangingMounts()
  /// Who waits for everything made before to be published, in its own time.
  var settling: [@Sendable () -> Void] = []
  /// Who waits for that and has it published at once.
  var waiting: [Waiting] = []

  init(inbox: Inbox, journal: ChangeJournal, ground: Ground) {
    self.inbox = inbox
    self.journal = journal
    self.ground = ground
    grounds = [ground]
    if let mounts { hangingMounts = HangingMounts(mounts.mounts) }
  }

  deinit { scanBuffer.deallocate() }

  /// Turns until `stop` is asked: wait, read, apply, scan a slice, send.
  func run() {
    while true {
      wait()
      // What is asked is answered with all that was done before: taken first, obeyed last.
      let commands = isCalled ? inbox.take() : []
      setMoment()
      let hasRead = readRecords()
      applyRecords()
      let isDrained = grounds.allSatisfy(\.isDrained)
      setMoment()
      followMounts()
      leaveWhatMayHang(\.isRootDoubtful)
      crawl()
      for watch in watches.values { watch.endTurn() }
      var isStopped = false
      let isSettled =
        isDrained && !settling.isEmpty
        && watches.values.allSatisfy { $0.isAtRest && $0.polling.isCaughtUp }
      let settled = isSettled ? settling : []
      if isSettled { settling.removeAll() }
      answerWaiting(isDrained: isDrained)
      for command in commands { if obey(command) { isStopped = true } }
      lookAfterScanners()
      for watch in watches.values { watch.letGoOfBase() }
      tellOwnSilence()
      publish()
      for reply in settled { reply() }
      if hasRead { lastRecords = Clock.monotonic() }
      if ground.link?.isRevoked == true { return }
      if isStopped { return answerAll() }
    }
  }

  /// Hands out what has been gathered. Whoever hears of it and asks what the watch is, is told no
  /// less.
  func publish() {
    if let link = ground.link, let watch = watches.values.first { link.show(watch.status) }
    ground.journal.flush(now: ground.moment.time)
  }

  func setMoment() {
    let moment = Moment(now: Clock.monotonic(), time: Clock.realtime())
    for ground in grounds { ground.moment = moment }
  }

  private func wait() {
    let isAwaited = !settling.isEmpty || !waiting.isEmpty
    let isBusy =
      watches.values.contains(where: \.hasScans)
      || grounds.contains { $0.backlog.map { !$0.isEmpty } ?? false }
    forgetLooks()
    let isRecord = sleep(isBusy ? 0 : isAwaited ? 1 : millisecondsToDeadline)
    guard isRecord, !isBusy, !isAwaited, Clock.monotonic() - lastRecords < Self.quiet else {
      return
    }
    isCalled = waitReadable(inbox.wakeup.descriptor, timeoutMilliseconds: Self.gathering)
  }

  /// Has looks at the disk forgotten where no record is on its way, so that those to come have nothing
  /// to do with them, without a turn for it.
  private func forgetLooks() {
    for watch in watches.values where !watch.looks.isEmpty {
      guard let backlog = watch.ground.backlog, backlog.isEmpty, !isWaiting(backlog) else {
        continue
      }
      watch.ground.since = max(watch.ground.since, backlog.since)
      watch.forgetOldLooks()
    }
  }

  /// Whether records wait in its queue, which is left as it is.
  private func isWaiting(_ backlog: RecordBacklog) -> Bool {
    let now = Clock.monotonic()
    let isWaiting = waitReadable(backlog.descriptor, timeoutMilliseconds: 0)
    if isWaiting { backlog.leaveUnread() } else { backlog.seenEmpty(at: now) }
    return isWaiting
  }

  /// Nil when nothing is due, ever.
  private var millisecondsToDeadline: Int32? {
    var next = nextScannerCheck()
    for watch in watches.values {
      if let deadline = watch.nextDeadline() { next = min(next ?? deadline, deadline) }
    }
    return next.map { next in
      let rest = max(0, next - Clock.monotonic())
      return Int32(min((rest + 999_999) / 1_000_000, 60_000))
    }
  }

  /// Returns whether there are records.
  private func sleep(_ milliseconds: Int32?) -> Bool {
    var milliseconds = milliseconds
    if let link = ground.link {
      let end = milliseconds.map { Clock.monotonic() + Int64($0) * 1_000_000 }
      if !link.rest(until: end) { milliseconds = 0 }
    }
    defer { ground.link?.wake(Clock.monotonic()) }
    polled.removeAll()
    polled.add(inbox.wakeup.descriptor)
    if let mounts { polled.add(urgent: mounts.descriptor) }
    if !inbox.isPaused {
      for ground in grounds {
        if let backlog = ground.backlog, backlog.isReadable { polled.add(backlog.descriptor) }
      }
    }
    polled.wait(timeoutMilliseconds: milliseconds)
    isCalled = polled.isReady(0)
    haveMountsChanged = mounts != nil && polled.isReady(1)
    return (mounts == nil ? 1..<polled.count : 2..<polled.count).contains(where: polled.isReady)
  }

  // MARK: Backends

  /// What a watch on `opened` stands on. Throws `.unsupported` where its backend is refused, or
  /// cannot do what is asked of it.
  func ground(for spec: WatchSpec, on opened: OpenedRoot) throws(WatchProblem) -> Ground {
    let kind = try BackendKind(for: spec, on: opened.filesystem)
    let scope: FanotifyProbe.Scope? =
      switch kind {
      case .inotify, .poll: nil
      case .fanotify: .directory
      case .fanotifyFilesystem: .filesystem
      }
    if let scope { try FanotifyBackend.probe(opened.base.descriptor, scope) }
    if let ground = grounds.first(where: { $0.kind == kind }) { return ground }
    let backend: any Backend
    if let scope {
      backend = try FanotifyBackend(scope)
    } else {
      backend = kind == .inotify ? try InotifyBackend() : PollBackend()
    }
    let made = Ground(backend: backend, journal: ground.journal, link: ground.link)
    made.moment = ground.moment
    grounds.append(made)
    return made
  }

  // MARK: Records

  /// Empties the kernels' queues; whatever may take long calls it on its way. Returns whether anything
  /// was in them.
  @discardableResult func readRecords() -> Bool {
    var hasRead = false
    let isPaused = inbox.isPaused
    for ground in grounds {
      guard let backlog = ground.backlog else { continue }
      if isPaused { _ = isWaiting(backlog) } else if backlog.read() { hasRead = true }
    }
    return hasRead
  }

  private func applyRecords() {
    for ground in grounds {
      // Each queue has a time of its own, and one chunk in any case: a storm in one stops no other.
      let end = Clock.monotonic() + Self.applying
      guard let backlog = ground.backlog else {
        ground.isDrained = true
        ground.since = ground.now
        continue
      }
      while let chunk = backlog.first {
        ground.moment.time = chunk.time
        ground.since = max(ground.since, chunk.since)
        apply(chunk.bytes, on: ground)
        backlog.dropFirst()
        guard Clock.monotonic() < end else { break }
        if !backlog.isEmpty { readRecords() }
      }
      ground.isDrained = backlog.isEmpty && backlog.hasSeenEnd
      if ground.isDrained { ground.since = max(ground.since, backlog.since) }
    }
  }

  private func apply(_ bytes: UnsafeRawBufferPointer, on ground: Ground) {
    defer { ground.moment.process = 0 }
    let tellsProcess = ground.kind == .fanotifyFilesystem
    // Records come in runs of one watch.
    var watch: Watch?
    ground.backend.records(in: bytes) { record in
      if tellsProcess { ground.moment.process = record.process }
      if record.action == .overflow {
        for watch in watches.values where watch.ground === ground { watch.overflowed() }
        return
      }
      if record.action == .unmarkedAttributes {
        for watch in watches.values where watch.ground === ground { watch.retryUnreadable() }
        return
      }
      guard let first = ground.marks.first(of: record.mark) else { return }
      let others = ground.marks.others(of: record.mark)
      if record.action == .forgotten { ground.marks.forget(record.mark) }
      let name = UnsafeRawBufferPointer(rebasing: bytes[record.name])
      if watch?.number != first.watch { watch = watches[first.watch] }
      if let watch { apply(record, name, to: watch, first) }
      for owner in others {
        if let watch = watches[owner.watch] { apply(record, name, to: watch, owner) }
      }
    }
  }

  private func apply(
    _ record: BackendRecord, _ name: UnsafeRawBufferPointer, to watch: Watch, _ owner: Marks.Owner
  ) {
    guard owner.node != Node.none else {
      watch.applyAbove(record, name)
      return
    }
    watch.apply(record, name, in: owner.node)
    if watch.mergesNothing { watch.sendDue() }
  }

  // MARK: Scans

  private func crawl() {
    let crawling = watches.values.filter(\.hasScans)
    guard !crawling.isEmpty else { return }
    let share = Self.slice / Int64(crawling.count)
    for watch in crawling {
      watch.scanSlice(until: Clock.monotonic() + share, buffer: scanBuffer)
    }
  }

  /// Something was mounted or unmounted: no mark tells what stands at a path now.
  private func followMounts() {
    guard haveMountsChanged, let mounts else { return }
    haveMountsChanged = false
    let points = (try? mounts.changes()) ?? []
    hangingMounts = HangingMounts(mounts.mounts)
    leaveWhatMayHang { _ in true }
    for ground in grounds { ground.backend.mountsChanged() }
    for watch in watches.values { watch.mountsChanged(at: points) }
  }
}
