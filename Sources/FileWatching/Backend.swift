internal import FileEvents
internal import Syscalls
internal import SystemPackage

/// The ways in which a kernel tells of changes.
enum BackendKind: String, Sendable {
  case inotify, fanotify, poll
  case fanotifyFilesystem = "fanotify-filesystem"

  /// Whether there are marks at all; without, whoever wants to know looks.
  var marksDirectories: Bool { self != .poll }

  /// Whether it is fanotify(7), whatever is marked.
  private var isFanotify: Bool { self == .fanotify || self == .fanotifyFilesystem }

  /// Whether a record may tell of what happened after later records: then none proves anything by
  /// itself. Where they cannot be shown to be in order, each name of which one tells is compared with
  /// the disk.
  var mayTellEarly: Bool { isFanotify }

  /// Whether what happens to a directory's own attributes is told of its mark only, and not of the
  /// one above with its name.
  var tellsOfDirectoriesThemselves: Bool { isFanotify }
}

/// What is to be told of the entries of a directory, besides how they come, go and look.
struct EntryEvents: OptionSet {
  let rawValue: UInt8

  static let modified = EntryEvents(rawValue: 1 << 0)
  static let closedAfterWriting = EntryEvents(rawValue: 1 << 1)
  static let opened = EntryEvents(rawValue: 1 << 2)
  static let accessed = EntryEvents(rawValue: 1 << 3)
  static let closed = EntryEvents(rawValue: 1 << 4)

  init(rawValue: UInt8) { self.rawValue = rawValue }

  /// So that `kinds` can be told and, with `index`, files followed.
  init(for kinds: ChangeKinds, index: Bool) {
    self = []
    if index || kinds.contains(ChangeKind.modify) { formUnion([.modified, .closedAfterWriting]) }
    if kinds.contains(ChangeKind.create) { insert(.closedAfterWriting) }
    if kinds.contains(ChangeKind.open) { insert(.opened) }
    if kinds.contains(ChangeKind.access) { insert(.accessed) }
    if kinds.contains(ChangeKind.close) { formUnion([.closedAfterWriting, .closed]) }
  }
}

/// What a mark is wanted for.
enum MarkPurpose {
  /// The entries of a directory that is followed. Of the one a watch stands on, its own end, too.
  case entries(EntryEvents, isRoot: Bool)
  /// A directory that holds the root, or a symbolic link on the way to it: the root's own end does
  /// not come while somebody has it open.
  case guardian
  /// A directory on the way to the root: when it is moved, the way ends elsewhere.
  case passage
  /// The nearest directory above a root that is gone.
  case sentinel
}

/// The seam between the tree and the kernel. A mark is a small number that stands for one directory
/// object until it is disarmed or `forgotten`, and never comes back. The tree thread's.
protocol Backend {
  var kind: BackendKind { get }

  /// Where records come from; nil where none come.
  var queue: RecordQueue? { get }

  /// Marks exactly the opened directory, for listing or as a place. Adds to what others asked of the
  /// same directory, so that nobody is blinded, and then gives the same mark.
  func arm(_ descriptor: Int32, _ purpose: MarkPurpose) throws(Errno) -> Int32

  /// Ends a mark; records on their way may still come. `directory` opens what the mark stands on,
  /// where it still can be found.
  func disarm(_ mark: Int32, _ directory: () -> OpenFile?)

  /// Hands `body` each record in what was read.
  func records(in bytes: UnsafeRawBufferPointer, _ body: (BackendRecord) -> Void)

  /// Something was mounted or unmounted: what was asked of a filesystem as a whole may be no more.
  func mountsChanged()

  /// The queue was seen empty, and all that was in it has been handed out: what comes is merged with
  /// none of it.
  func beginStretch()

  /// Whether what was handed out since is known to be in the order in which it happened.
  var isInOrder: Bool { get }

  /// What a failure of `arm` means, with the numbers of this machine.
  func explain(_ error: Errno, marksInUse: Int, path: [UInt8]) -> WatchProblem
}

extension Backend {
  /// Marks on directories end with them.
  func mountsChanged() {}

  func beginStretch() {}

  var isInOrder: Bool { true }
}

/// A kernel's queue of records.
struct RecordQueue {
  let kind: BackendKind
  /// Readable when records wait; valid as long as this value.
  let descriptor: Int32
  /// Bytes that suffice for any one record.
  let longestRecord: Int
  /// Waiting records, or 0 bytes. Throws what read(2) throws.
  let read: (UnsafeMutableRawBufferPointer) throws(Errno) -> Int
}

/// One record of a backend in the tree's words. Its name is a range of the bytes it came in.
struct BackendRecord {
  enum Action {
    case created, deleted, departed, arrived
    case modified, attributes, closedAfterWriting
    case opened, accessed, closed
    /// The marked directory itself was removed or renamed.
    case selfGone
    /// The mark is no more; nothing further comes of it.
    case forgotten
    /// A directory in one of the marked ones has other attributes, and no mark itself: nobody can
    /// say which.
    case unmarkedAttributes
    /// Records were lost, of any mark.
    case overflow
  }

  var action: Action
  var mark: Int32 = -1
  var isDirectory = false
  /// The same on both halves of a rename; 0 on the one half of a rename that has no other here.
  var cookie: UInt32 = 0
  /// Who did it; 0 where the backend does not say.
  var process: Int32 = 0
  /// Whether its name was made and left while the records waited in the queue: then something may
  /// stand there of which no record tells, though all are in order.
  var isRemade = false
  /// Empty when the record is about the marked directory itself.
  var name = 0..<0
}
