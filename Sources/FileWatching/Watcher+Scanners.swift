internal import FileEvents
internal import Synchronization
internal import Syscalls

/// The tree thread's side of roots that may hang: each has a scanner, whose thread is asked and never
/// waited for.
extension Watcher {
  /// Threads at most that filesystems hold which do not respond, for watches that are no more.
  static let abandonedLimit = 64
  /// How long the end waits for scanners that are at work, in nanoseconds.
  static let endPatience: Int64 = 300_000_000

  func scanner(called id: String) -> Scanner? {
    scanners.values.first { $0.number != 0 && $0.id == id }
  }

  // MARK: Adding

  /// Has the root opened on a thread of its own; `reply` is called when something has come of that, or
  /// when it takes too long.
  func addScanner(
    _ spec: WatchSpec, on mount: HangingMounts.Mount?,
    _ reply: @escaping @Sendable (Result<WatchAddition, WatchProblem>) -> Void
  ) throws(WatchProblem) {
    _ = try Visibility(spec: spec, soleName: nil)
    try startScanner(spec, on: mount).onOpen = reply
  }

  private func startScanner(
    _ spec: WatchSpec, on mount: HangingMounts.Mount?
  ) throws(WatchProblem) -> Scanner {
    guard abandoned.count < Self.abandonedLimit else {
      throw Limits.abandonedProblem(root: spec.root, count: abandoned.count)
    }
    let scanner = try Scanner(
      nextScannerKey, spec, on: mount, tree: inbox, journal: journal, now: Clock.monotonic())
    scanners[nextScannerKey] = scanner
    nextScannerKey += 1
    return scanner
  }

  /// A scanner has opened its root, or cannot.
  func opened(_ key: UInt32, _ found: Result<FoundRoot, WatchProblem>) {
    guard let scanner = scanners[key], !scanner.isEnding else { return }
    guard scanner.number == 0 else { return openedLate(scanner, found) }
    do throws(WatchProblem) {
      let root = try found.get()
      switch try claim(scanner.spec, root.path) {
      case .same(let status):
        dismiss(scanner, .success(WatchAddition(status: status, created: false)))
      case .replacing(let id):
        remove(id) { [unowned self] _ in opened(key, found) }
      case .new(let id):
        let commission = commission(scanner, as: id, found: root)
        let (_, reply) = scanner.awaited(
          else: { [unowned self] in addition(of: scanner) }, scanner.onOpen ?? { _ in })
        scanner.onOpen = nil
        scanner.begin(commission, reply)
      }
    } catch {
      dismiss(scanner, .failure(error))
    }
  }

  private func addition(of scanner: Scanner) -> Result<WatchAddition, WatchProblem> {
    guard let status = scanner.status(now: ground.now) else {
      return .failure(scanner.silence(now: ground.now))
    }
    return .success(WatchAddition(status: status, created: true))
  }

  /// Makes a scanner's root a watch. Until its thread says more, what `found` says of it is shown.
  private func commission(
    _ scanner: Scanner, as id: String, found: FoundRoot?
  ) -> Commission {
    scanner.id = id
    scanner.number = nextNumber
    nextNumber += 1
    let kind =
      scanner.spec.backend == .auto ? BackendKind.poll.rawValue : scanner.spec.backend.rawValue
    scanner.link.show(
      WatchStatus(
        number: scanner.number, id: id, root: found?.path ?? scanner.spec.root, state: .starting,
        backend: found?.backend.rawValue ?? kind,
        filesystemType: found?.filesystem.name ?? scanner.mount?.type ?? "unknown",
        filesystemIsRemote: found?.filesystem.isRemote ?? (scanner.mount != nil),
        spec: scanner.spec))
    return Commission(
      number: scanner.number, id: id, spec: scanner.spec,
      hasHistory: !usedIDs.insert(id).inserted)
  }

  /// The root of what is a watch already has been opened, or cannot be.
  private func openedLate(_ scanner: Scanner, _ found: Result<FoundRoot, WatchProblem>) {
    var commission = Commission(
      number: scanner.number, id: scanner.id, spec: scanner.spec, hasHistory: true)
    if case .failure(let problem) = found {
      guard problem.code != .unsupported else { return fail(scanner, problem) }
      commission.isAwaited = true
    }
    scanner.begin(commission) { _ in }
  }

  /// What was asked for cannot be had, and the watch is there already: it says so.
  private func fail(_ scanner: Scanner, _ problem: WatchProblem) {
    scanner.hasFailed = true
    scanner.inbox.post(.stop)
    guard var status = scanner.link.status else { return }
    status.state = .failed
    status.reason = problem
    scanner.link.show(status)
    ground.journal.addState(.failed, of: scanner.number, scanner.id, time: ground.moment.time)
  }

  /// A scanner whose root is to be no watch. `isHeld`: whether the disk holds its thread.
  private func dismiss(
    _ scanner: Scanner, _ result: Result<WatchAddition, WatchProblem>, isHeld: Bool = false
  ) {
    leaveToItself(scanner, isHeld: isHeld)
    publish()
    scanner.onOpen?(result)
    scanner.onOpen = nil
  }

  private func leaveToItself(_ scanner: Scanner, isHeld: Bool) {
    scanners[scanner.key] = nil
    if isHeld { abandoned.insert(scanner.key) }
    // Nobody publishes: what it has not handed out by now it never will.
    journal.alone { scanner.link.revoke() }
    scanner.abandon()
  }

  // MARK: Ending

  func end(_ scanner: Scanner, then: @escaping (Bool) -> Void) {
    guard !scanner.isEnding else { return scanner.onEnd.append { then(false) } }
    scanner.onEnd.append { then(true) }
    guard scanner.hasBegun, !scanner.link.isSilent else { return remove(scanner) }
    scanner.inbox.post(.remove(scanner.id, { _ in }))
  }

  /// Ends a watch without its thread.
  private func remove(_ scanner: Scanner) {
    leaveToItself(scanner, isHeld: !scanner.hasFailed)
    ground.journal.addState(.removed, of: scanner.number, scanner.id, time: ground.moment.time)
    publish()
    for then in scanner.onEnd { then() }
  }

  /// A scanner's thread does nothing more.
  func ended(_ key: UInt32) {
    guard abandoned.remove(key) == nil, let scanner = scanners[key] else { return }
    scanner.join()
    guard !scanner.hasFailed || scanner.isEnding else { return }
    scanners[key] = nil
    scanner.onOpen?(.failure(scanner.silence(now: ground.now)))
    for then in scanner.onEnd { then() }
  }

  /// Ends all of them: those at work have a moment to send what is pending.
  func endScanners() {
    for scanner in scanners.values { scanner.inbox.post(.stop) }
    let deadline = Clock.monotonic() + Self.endPatience
    while scanners.values.contains(where: { !$0.link.isSilent && !$0.hasFailed }) {
      let left = deadline - Clock.monotonic()
      guard left > 0 else { break }
      _ = waitReadable(
        inbox.wakeup.descriptor, timeoutMilliseconds: Int32((left + 999_999) / 1_000_000))
      for case .ended(let key) in inbox.take() { ended(key) }
    }
    for scanner in scanners.values {
      leaveToItself(scanner, isHeld: true)
      scanner.onOpen?(.failure(scanner.silence(now: ground.now)))
      for then in scanner.onEnd { then() }
    }
  }

  // MARK: Silence

  /// When a scanner is to be looked after though nothing comes of it; nil for never.
  func nextScannerCheck() -> Int64? {
    scanners.values.filter { !$0.hasFailed }.compactMap(\.nextCheck).min()
  }

  /// Finds out which scanners have been waiting for the disk for too long, and answers for them.
  func lookAfterScanners() {
    for scanner in scanners.values where !scanner.hasFailed {
      if let time = scanner.link.checkTime, time <= ground.now {
        if scanner.link.isPublishing {
          scanner.excusedUntil = ground.now + ScannerLink.patience
        } else if scanner.number == 0 {
          openingHangs(scanner, time)
        } else {
          hangs(scanner, time)
        }
      }
      if scanner.link.isSilent { scanner.answerAsked(by: ground.now) }
    }
  }

  private func hangs(_ scanner: Scanner, _ time: Int64) {
    guard !scanner.isEnding else {
      if scanner.link.callSilent(since: time) { remove(scanner) }
      return
    }
    publish()
    scanner.silentSince = ground.now
    // What is degraded already says so again when it is not.
    let isKnown = scanner.link.status?.state == .degraded
    let state: WatchState = .degraded
    ground.journal.addState(state, of: scanner.number, scanner.id, time: ground.moment.time)
    ground.journal.flush(now: ground.moment.time) {
      scanner.link.callSilent(since: time) && !isKnown
    }
  }

  /// Whether there is anything at the root cannot be found out now: it is a watch that waits for it.
  private func openingHangs(_ scanner: Scanner, _ time: Int64) {
    do throws(WatchProblem) {
      switch try claim(scanner.spec, scanner.spec.root) {
      case .same(let status):
        dismiss(scanner, .success(WatchAddition(status: status, created: false)), isHeld: true)
      case .replacing(let id):
        // Looked after again when that has ended.
        scanner.excusedUntil = ground.now + ScannerLink.patience
        if let other = self.scanner(called: id), other.isEnding { return }
        remove(id) { [unowned self] _ in
          scanner.excusedUntil = 0
          publish()
        }
      case .new(let id):
        guard scanner.link.callSilent(since: time) else { return }
        scanner.silentSince = ground.now
        _ = commission(scanner, as: id, found: nil)
        ground.journal.addState(
          .degraded, of: scanner.number, scanner.id, time: ground.moment.time)
        publish()
        scanner.onOpen?(addition(of: scanner))
        scanner.onOpen = nil
      }
    } catch {
      dismiss(scanner, .failure(error), isHeld: true)
    }
  }

  // MARK: Asking

  /// Hands on what a scanner has to do. False for everything else.
  func handOn(_ command: TreeCommand) -> Bool {
    guard !scanners.isEmpty else { return false }
    switch command {
    case .list(let request, let reply):
      guard let scanner = scanners.values.first(where: { $0.number == request.watch }) else {
        return false
      }
      guard scanner.hasBegun else {
        reply(.failure(scanner.link.isSilent ? .notResponding : .crawling))
        break
      }
      ask(scanner, else: { [unowned self] in refuseListing(scanner) }, reply) { .list(request, $0) }
    case .sync(let request):
      guard let scanner = scanner(called: request.id) else { return false }
      guard scanner.hasBegun else {
        request.answer(.crawling)
        break
      }
      ask(scanner, until: request.deadline, else: { .late }, request.answer) {
        .sync(SyncRequest(id: request.id, deadline: request.deadline, answer: $0))
      }
    case .patch(let id, let patch, let reply):
      guard let scanner = scanner(called: id) else { return false }
      guard scanner.hasBegun else {
        reply(.failure(scanner.silence(now: ground.now)))
        break
      }
      ask(scanner, else: { [unowned self] in .failure(scanner.silence(now: ground.now)) }, reply) {
        .patch(id, patch, $0)
      }
    case .rescan(let id, let path, let reply):
      guard let scanner = scanner(called: id) else { return false }
      // It is done once the filesystem responds: what has not begun looks at everything then.
      let (_, reply) = scanner.awaited(else: { .begun }, reply)
      if scanner.hasBegun { scanner.inbox.post(.rescan(id, path, reply)) } else { reply(.begun) }
    case .add, .remove, .statuses, .settle, .stop, .begin, .unlessAnswered, .opened, .ended:
      return false
    }
    return true
  }

  private func ask<Answer: Sendable>(
    _ scanner: Scanner, until giveUp: Int64 = 0, else substitute: @escaping () -> Answer,
    _ reply: @escaping @Sendable (Answer) -> Void,
    _ command: (@escaping @Sendable (Answer) -> Void) -> TreeCommand
  ) {
    let (once, reply) = scanner.awaited(until: giveUp, else: substitute, reply)
    scanner.inbox.post(.unlessAnswered(once, command(reply)))
  }

  /// Who goes on without a listing is told to begin again, once there is something to list: by the
  /// scanner, which may be back already.
  private func refuseListing(_ scanner: Scanner) -> Result<ListingPage, ListingError> {
    scanner.link.noteRefusal()
    scanner.inbox.nudge()
    return .failure(.notResponding)
  }

  /// `reply`, to be called when every scanner has settled, too, or does not respond.
  func afterScanners(_ reply: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
    let asked = scanners.values.filter { $0.hasBegun && !$0.isEnding }
    guard !asked.isEmpty else { return reply }
    let rest = Countdown(from: asked.count + 1, reply)
    for scanner in asked {
      ask(scanner, else: {}, { rest.step() }) { reply in .settle { reply(()) } }
    }
    return { rest.step() }
  }

  // MARK: Moving

  /// A watch that has to do with what may hang now goes on with a scanner: something was mounted
  /// there, or a link on the way has another target.
  func leaveWhatMayHang(_ isSuspect: (Watch) -> Bool) {
    guard ground.link == nil, !hangingMounts.isEmpty else { return }
    for watch in watches.values where isSuspect(watch) {
      guard let mount = hangingMounts.first(around: watch.spec.root),
        let scanner = try? startScanner(watch.spec, on: mount)
      else { continue }
      if watch.state != .gone { watch.leave() }
      watch.end()
      watches[watch.number] = nil
      scanner.number = watch.number
      scanner.id = watch.id
      scanner.link.show(watch.status)
    }
  }
}

/// Calls when it has been stepped so many times. A door: any thread.
private final class Countdown: Sendable {
  private let rest: Atomic<Int>
  private let done: @Sendable () -> Void

  init(from count: Int, _ done: @escaping @Sendable () -> Void) {
    rest = Atomic(count)
    self.done = done
  }

  func step() {
    if rest.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { done() }
  }
}
