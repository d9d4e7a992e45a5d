internal import FileEvents
internal import Synchronization
internal import Syscalls
internal import SystemPackage

/// What somebody asks of the tree thread, and it of a scanner's.
indirect enum TreeCommand: Sendable {
  case add(WatchSpec, @Sendable (Result<WatchAddition, WatchProblem>) -> Void)
  case remove(String, @Sendable (Bool) -> Void)
  case statuses(@Sendable ([WatchStatus]) -> Void)
  case list(ListingRequest, @Sendable (Result<ListingPage, ListingError>) -> Void)
  /// Answered once every change made before has been published, each after its `settle`.
  case settle(@Sendable () -> Void)
  case sync(SyncRequest)
  case patch(String, WatchPatch, @Sendable (Result<WatchStatus, WatchProblem>?) -> Void)
  case rescan(String, [UInt8], @Sendable (RescanOutcome) -> Void)
  case stop
  /// To a scanner's thread: what it has opened is a watch now.
  case begin(Commission, @Sendable (Result<WatchAddition, WatchProblem>) -> Void)
  /// To a scanner's thread: as long as nobody has been answered.
  case unlessAnswered(Once, TreeCommand)
  /// Of a scanner, by its key: what came of opening its root, and that its thread does nothing more.
  case opened(UInt32, Result<FoundRoot, WatchProblem>)
  case ended(UInt32)
}

/// A tree thread's mailbox: the one place where it meets everybody else.
final class Inbox: Sendable {
  let wakeup: WakeUp
  private let commands = Mutex<[TreeCommand]>([])
  private let paused = Atomic(false)

  init() throws(Errno) { wakeup = try WakeUp() }

  func post(_ command: TreeCommand) {
    let wasEmpty = commands.withLock { commands in
      defer { commands.append(command) }
      return commands.isEmpty
    }
    if wasEmpty { wakeup.signal() }
  }

  /// Has the thread take a turn, though there is nothing for it.
  func nudge() { wakeup.signal() }

  /// Takes everything.
  func take() -> [TreeCommand] {
    wakeup.clear()
    return commands.withLock { commands in
      defer { commands = [] }
      return commands
    }
  }

  /// Whether the kernels' queues are left to fill, which tests want.
  var isPaused: Bool {
    get { paused.load(ordering: .acquiring) }
    set {
      paused.store(newValue, ordering: .releasing)
      wakeup.signal()
    }
  }
}
