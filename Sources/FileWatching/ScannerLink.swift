internal import FileEvents
internal import Synchronization
internal import Syscalls

/// What a scanner's thread and the tree thread know of each other without either waiting. A door: any
/// thread. Times are nanoseconds, monotonic.
///
/// The scanner says before every look at the disk by when it will have shown itself again. Once that
/// time has passed the tree thread may call it silent, and tells so; the scanner finds that out when
/// it comes back, and tells what is so then.
final class ScannerLink: Sendable {
  /// How long one look at the disk may take. A disk that has to spin up, or a server that is busy,
  /// takes seconds.
  static let patience: Int64 = 3_000_000_000

  private static let silent: Int64 = -1

  /// When it must have shown itself again; `.max` while it sleeps until it is woken.
  private let due: Atomic<Int64>
  private let wasSilent = Atomic(false)
  private let publishing = Atomic(false)
  private let refused = Atomic(false)
  private let revoked = Atomic(false)
  private let shown = Mutex<WatchStatus?>(nil)
  private let tree: Inbox

  /// The scanner must show itself for the first time within its patience from `now` on.
  init(tree: Inbox, now: Int64) {
    self.tree = tree
    due = Atomic(now + Self.patience)
  }

  // MARK: The scanner's side

  /// The disk is about to be looked at.
  func beat(_ now: Int64) { _ = move(to: now + Self.patience) }

  /// The thread goes to sleep until `time` (nil: until it is woken). False when it has been called
  /// silent: then it has something to tell first.
  func rest(until time: Int64?) -> Bool {
    move(to: time.map { $0 + Self.patience } ?? .max) != Self.silent
  }

  /// The thread is awake. Where the tree thread would not look for so long, it is told to.
  func wake(_ now: Int64) {
    if move(to: now + Self.patience) > now + Self.patience { tree.nudge() }
  }

  /// Runs `body`, which may wait for whoever takes what is published: that is not the disk's fault.
  func publishing(_ body: () -> Void) {
    publishing.store(true, ordering: .releasing)
    body()
    beat(Clock.monotonic())
    publishing.store(false, ordering: .releasing)
  }

  /// Whether it has been called silent, and has come back, since this was last asked.
  func takeSilence() -> Bool { wasSilent.exchange(false, ordering: .relaxed) }

  /// Whether somebody was refused a listing since this was last asked.
  func takeRefusal() -> Bool { refused.exchange(false, ordering: .acquiringAndReleasing) }

  /// What the watch is now, for whoever asks the tree thread.
  func show(_ status: WatchStatus) { shown.withLock { $0 = status } }

  private func move(to time: Int64) -> Int64 {
    let before = due.exchange(time, ordering: .acquiringAndReleasing)
    if before == Self.silent {
      wasSilent.store(true, ordering: .relaxed)
      tree.nudge()
    }
    return before
  }

  // MARK: The tree thread's side

  /// What the scanner last showed; nil before it had anything to show.
  var status: WatchStatus? { shown.withLock { $0 } }

  var isSilent: Bool { due.load(ordering: .acquiring) == Self.silent }

  /// When to look whether it is silent; nil where that is known, or it sleeps until it is woken.
  var checkTime: Int64? {
    let time = due.load(ordering: .acquiring)
    return time == Self.silent || time == .max ? nil : time
  }

  /// Whether it waits for something else than the disk. Asked after `checkTime`.
  var isPublishing: Bool { publishing.load(ordering: .acquiring) }

  /// Calls it silent unless it has shown itself since `time` was its `checkTime`.
  func callSilent(since time: Int64) -> Bool {
    due.compareExchange(
      expected: time, desired: Self.silent, ordering: .acquiringAndReleasing
    ).exchanged
  }

  /// Somebody who wanted a listing goes on without.
  func noteRefusal() { refused.store(true, ordering: .releasing) }

  /// Whether the scanner works for nobody any more: it publishes nothing, and ends when it can.
  var isRevoked: Bool { revoked.load(ordering: .acquiring) }

  func revoke() { revoked.store(true, ordering: .releasing) }
}
