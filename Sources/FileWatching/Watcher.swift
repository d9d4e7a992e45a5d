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

  let inbox: Inbox
  let reader: ReaderControl
  let journal: ChangeJournal
  /// The reader of a scanner's thread, from the first kernel's queue on.
  private var ownReader: OwnThread?
  /// What is always there: of inotify, on a scanner's thread of polling.
  let ground: Ground
  /// From the first watch on that stands on it, by its backend.
  private var others: [BackendKind: Ground] = [:]
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
  private var taken = Inbox.Contents()
  /// What directories are read into, one at a time.
  let scanBuffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: Watcher.scanBufferSize, alignment: 16)
  /// Nil where there is no /proc: then mounts are noticed by what they do to marks, or not at all.
  private let mounts = try? MountTable()
  private var haveMountsChanged = false
  private(set) var hangingMounts = HangingMounts()
  /// Who waits for everything made before to be published, in its own time.
  var settling: [@Sendable () -> Void] = []
  /// Who waits for that and has it published at once.
  var waiting: [Waiting] = []

  init(inbox: Inbox, reader: ReaderControl, journal: ChangeJournal, ground: Ground) {
    self.inbox = inbox
    self.reader = reader
    self.journal = journal
    self.ground = ground
    if let mounts { hangingMounts = HangingMounts(mounts.mounts) }
  }

  deinit { scanBuffer.deallocate() }

  /// Turns until `stop` is asked: wait, apply, scan a slice, send.
  func run() {
    while true {
      wait()
      let emptied = queueIsEmpty()
      inbox.take(&taken)
      setMoment()
      applyChunks()
      for ground in grounds {
        ground.isDrained = emptied != nil
        if let emptied { ground.since = max(ground.since, emptied) }
      }
      setMoment()
      followMounts()
      leaveWhatMayHang(\.isRootDoubtful)
      crawl()
      for watch in watches.values { watch.endTurn() }
      var isStopped = false
      let isSettled =
        emptied != nil && !settling.isEmpty
        && watches.values.allSatisfy { $0.isAtRest && $0.polling.isCaughtUp }
      let settled = isSettled ? settling : []
      if isSettled { settling.removeAll() }
      answerWaiting(isDrained: emptied != nil)
      for command in taken.commands { if obey(command) { isStopped = true } }
      lookAfterScanners()
      for watch in watches.values { watch.letGoOfBase() }
      tellOwnSilence()
      publish()
      for reply in settled { reply() }
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
    guard !watches.values.contains(where: \.hasScans) else { return sleep(0) }
    var next: Int64?
    for watch in watches.values {
      if let deadline = watch.nextDeadline() { next = min(next ?? deadline, deadline) }
    }
    if let check = nextScannerCheck() { next = min(next ?? check, check) }
    let isAwaited = !settling.isEmpty || !waiting.isEmpty
    var timeout: Int32? = isAwaited ? 1 : nil
    if let next, !isAwaited {
      let rest = max(0, next - Clock.monotonic())
      timeout = Int32(min((rest + 999_999) / 1_000_000, 60_000))
    }
    sleep(timeout)
  }

  private func sleep(_ milliseconds: Int32?) {
    let wakeup = inbox.wakeup.descriptor
    var milliseconds = milliseconds
    if let link = ground.link {
      let end = milliseconds.map { Clock.monotonic() + Int64($0) * 1_000_000 }
      if !link.rest(until: end) { milliseconds = 0 }
    }
    defer { ground.link?.wake(Clock.monotonic()) }
    guard let mounts else {
      _ = waitReadable([wakeup], timeoutMilliseconds: milliseconds)
      return
    }
    haveMountsChanged = waitReadable(
      wakeup, orUrgent: mounts.descriptor, timeoutMilliseconds: milliseconds)
  }

  /// The time at which every record made so far had been handed to the inbox; nil when that cannot be
  /// said now, or matters to nobody.
  private func queueIsEmpty() -> Int64? {
    guard !settling.isEmpty || !waiting.isEmpty || watches.values.contains(where: \.isWary) else {
      return nil
    }
    let now = Clock.monotonic()
    let queues = grounds.compactMap(\.backend.queue?.descriptor)
    guard !waitReadable(queues, timeoutMilliseconds: 0).contains(true), !reader.isReading else {
      return nil
    }
    return now
  }

  // MARK: Backends

  private var grounds: [Ground] { [ground] + others.values }

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
    guard kind != ground.kind else { return ground }
    if let other = others[kind] { return other }
    let backend: any Backend
    if let scope {
      backend = try FanotifyBackend(scope)
    } else {
      backend = kind == .inotify ? try InotifyBackend() : PollBackend()
    }
    let made = Ground(backend: backend, journal: ground.journal, link: ground.link)
    made.moment = ground.moment
    if let queue = backend.queue {
      if ground.link != nil { try startReader() }
      reader.add(queue)
    }
    others[kind] = made
    return made
  }

  private func startReader() throws(WatchProblem) {
    guard ownReader == nil else { return }
    do throws(Errno) {
      ownReader = try OwnThread(name: "tidings-reader") { [inbox, reader] in
        RecordReader(inbox: inbox, control: reader).run()
      }
    } catch {
      throw WatchProblem(
        .internalError, errno: error.rawValue, detail: "no thread is to be had: \(error)")
    }
  }

  /// Ends the reader of a scanner's thread.
  func endReader() {
    reader.set(.stopped)
    ownReader?.join()
  }

  // MARK: Records

  private func applyChunks() {
    var start = 0
    let bytes = taken.bytes
    for chunk in taken.chunks {
      for ground in grounds { ground.moment.time = chunk.time }
      for ground in grounds where ground.backend.kind == chunk.backend {
        ground.since = max(ground.since, chunk.since)
        bytes.withUnsafeBytes { all in
          apply(UnsafeRawBufferPointer(rebasing: all[start..<chunk.end]), on: ground)
        }
      }
      start = chunk.end
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
