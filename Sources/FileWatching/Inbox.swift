internal import FileEvents
internal import Synchronization
internal import Syscalls
internal import SystemPackage

/// What the reader has read at one time: whole records.
struct ReadChunk {
  /// Whose records.
  var backend: BackendKind
  /// Where it ends in the bytes that hold it; it begins where the one before ends.
  var end: Int
  /// Nanoseconds since 1970 (UTC): when it was read.
  var time: Int64
  /// Monotonic nanoseconds: all its records were made after this.
  var since: Int64
}

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

/// A tree thread's mailbox: the one place where it meets its reader and everybody else.
final class Inbox: Sendable {
  struct Contents {
    var bytes: [UInt8] = []
    var chunks: [ReadChunk] = []
    var commands: [TreeCommand] = []

    var isEmpty: Bool { chunks.isEmpty && commands.isEmpty }
  }

  /// Unapplied records at most: beyond it the reader stops, and the kernel's queue overflows, which
  /// is noticed and mended.
  static let byteLimit = 64 << 20

  let wakeup: WakeUp
  private let contents = Mutex(Contents())

  init() throws(Errno) { wakeup = try WakeUp() }

  func post(_ command: TreeCommand) {
    let wasEmpty = contents.withLock { contents in
      defer { contents.commands.append(command) }
      return contents.isEmpty
    }
    if wasEmpty { wakeup.signal() }
  }

  /// Has the thread take a turn, though there is nothing for it.
  func nudge() { wakeup.signal() }

  /// False when there is no more room; then nothing was taken.
  func post(
    _ bytes: UnsafeRawBufferPointer, of backend: BackendKind, time: Int64, since: Int64
  ) -> Bool {
    var wasEmpty = false
    let isTaken = contents.withLock { contents in
      guard contents.bytes.count + bytes.count <= Self.byteLimit else { return false }
      wasEmpty = contents.isEmpty
      contents.bytes.append(contentsOf: bytes)
      contents.chunks.append(
        ReadChunk(backend: backend, end: contents.bytes.count, time: time, since: since))
      return true
    }
    if wasEmpty { wakeup.signal() }
    return isTaken
  }

  /// Takes everything, in exchange for emptied storage to fill next.
  func take(_ taken: inout Contents) {
    taken.bytes.removeAll(keepingCapacity: taken.bytes.count <= 1 << 20)
    taken.chunks.removeAll(keepingCapacity: true)
    taken.commands.removeAll()
    wakeup.clear()
    contents.withLock { swap(&$0, &taken) }
  }
}
