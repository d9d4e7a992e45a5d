internal import FileEvents
internal import Synchronization
internal import Syscalls
internal import SystemPackage

/// A root whose filesystem may hang, or that is polled, as the tree thread knows it: on a thread of its
/// own it is opened, looked at and told of. Confined to the tree thread, which never waits for it.
final class Scanner {
  let key: UInt32
  /// As it was asked for.
  let spec: WatchSpec
  /// What it may have to wait for; nil where nothing is known to make it.
  let mount: HangingMounts.Mount?
  let link: ScannerLink
  let inbox: Inbox
  private let thread: OwnThread

  /// 0 until its root has been opened, or has not been for too long.
  var number: UInt32 = 0
  var id = ""
  /// Who waits for the root to be opened.
  var onOpen: (@Sendable (Result<WatchAddition, WatchProblem>) -> Void)?
  /// What has been handed on to the thread. Those who ask are answered though it may not come back.
  private(set) var asked: [Asked] = []
  /// Who waits for its end; with the first of them the watch has been asked to end.
  var onEnd: [() -> Void] = []
  var isEnding: Bool { !onEnd.isEmpty }
  /// Whether its thread has been told what watch it is, and takes what is asked of that.
  private(set) var hasBegun = false
  /// Whether the root turned out, too late, to be none that can be watched: the thread has ended.
  var hasFailed = false
  /// When it was found silent, on the monotonic clock.
  var silentSince: Int64?
  /// Until then it is known to wait for something else than the disk.
  var excusedUntil: Int64 = 0

  struct Asked {
    let once: Once
    /// When to answer in place of a silent thread.
    let giveUp: Int64
    let answer: () -> Void
  }

  /// Starts the thread ("tidings-scanner"), which opens the root and says so in `tree`. Throws
  /// `.internalError` when the kernel gives no thread or descriptor.
  init(
    _ key: UInt32, _ spec: WatchSpec, on mount: HangingMounts.Mount?, tree: Inbox,
    journal: ChangeJournal, now: Int64
  ) throws(WatchProblem) {
    let link = ScannerLink(tree: tree, now: now)
    do throws(Errno) {
      let inbox = try Inbox()
      thread = try Self.start(key, spec, link, inbox, tree, journal)
      self.inbox = inbox
    } catch {
      throw WatchProblem(
        .internalError, errno: error.rawValue,
        detail: "no thread is to be had for \(String(decoding: spec.root, as: UTF8.self)): \(error)"
      )
    }
    self.key = key
    self.spec = spec
    self.mount = mount
    self.link = link
  }

  private static func start(
    _ key: UInt32, _ spec: WatchSpec, _ link: ScannerLink, _ inbox: Inbox, _ tree: Inbox,
    _ journal: ChangeJournal
  ) throws(Errno) -> OwnThread {
    try OwnThread(name: "tidings-scanner") {
      scan(key, spec, link, inbox, tree, journal)
      tree.post(.ended(key))
    }
  }

  /// What the thread does until it is stopped or has no watch any more; closes what it has opened.
  private static func scan(
    _ key: UInt32, _ spec: WatchSpec, _ link: ScannerLink, _ inbox: Inbox, _ tree: Inbox,
    _ journal: ChangeJournal
  ) {
    let writer = JournalWriter(journal, link: link)
    let watcher = Watcher(
      inbox: inbox, journal: journal,
      ground: Ground(backend: PollBackend(), journal: writer, link: link))
    tree.post(.opened(key, watcher.open(spec)))
    watcher.run()
  }

  /// What the watch is: what its thread last showed, unless that is silent. Nil before it is one.
  func status(now: Int64) -> WatchStatus? {
    guard number != 0, var status = link.status else { return nil }
    if link.isSilent {
      status.state = .degraded
      status.reason = silence(now: now)
    }
    return status
  }

  /// That the filesystem does not respond, for how long, and what to type.
  func silence(now: Int64) -> WatchProblem {
    Limits.silenceProblem(
      root: link.status?.root ?? spec.root, mount: mount,
      seconds: (now - (silentSince ?? now) + ScannerLink.patience) / 1_000_000_000)
  }

  func begin(
    _ commission: Commission,
    _ reply: @escaping @Sendable (Result<WatchAddition, WatchProblem>) -> Void
  ) {
    hasBegun = true
    inbox.post(.begin(commission, reply))
  }

  /// `reply`, to be called by the thread; or with `substitute` once that is silent and `giveUp` (on the
  /// monotonic clock) has passed.
  func awaited<Answer: Sendable>(
    until giveUp: Int64 = 0, else substitute: @escaping () -> Answer,
    _ reply: @escaping @Sendable (Answer) -> Void
  ) -> (once: Once, reply: @Sendable (Answer) -> Void) {
    let once = Once()
    asked.removeAll { $0.once.isTaken }
    asked.append(Asked(once: once, giveUp: giveUp) { if once.take() { reply(substitute()) } })
    return (once, { if once.take() { reply($0) } })
  }

  /// Answers in place of the thread those who give up by `now`.
  func answerAsked(by now: Int64) {
    guard asked.contains(where: { $0.giveUp <= now }) else { return }
    let due = asked.filter { $0.giveUp <= now }
    asked.removeAll { $0.giveUp <= now }
    for one in due { one.answer() }
  }

  /// When the tree thread must look after it again though nothing comes; nil for never.
  var nextCheck: Int64? {
    guard link.isSilent else { return link.checkTime.map { max($0, excusedUntil) } }
    return asked.lazy.filter { !$0.once.isTaken }.map(\.giveUp).min()
  }

  /// The thread has nothing more to do.
  func join() {
    answerAsked(by: .max)
    thread.join()
  }

  /// Nobody waits for the thread any more, which has been revoked. It ends by itself once the kernel
  /// lets it go, with what it holds.
  func abandon() {
    inbox.post(.stop)
    answerAsked(by: .max)
    thread.detach()
  }
}

/// Something of which there is one, for whoever comes first. A door: any thread.
final class Once: Sendable {
  private let taken = Atomic(false)

  var isTaken: Bool { taken.load(ordering: .acquiring) }

  /// True the first time.
  func take() -> Bool { !taken.exchange(true, ordering: .acquiringAndReleasing) }
}

/// What a scanner found where its root is.
struct FoundRoot: Sendable {
  /// Canonical path.
  var path: [UInt8]
  var filesystem: Filesystem
  var backend: BackendKind
}

/// What a scanner's root is to be as a watch.
struct Commission: Sendable {
  var number: UInt32
  var id: String
  var spec: WatchSpec
  /// Whether the watch has been there before: its life begins with a reset.
  var hasHistory: Bool
  /// Whether the root could not be opened, and is to be waited for.
  var isAwaited = false
}
