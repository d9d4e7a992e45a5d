internal import DequeModule
internal import FileEvents
internal import Syscalls
internal import SystemPackage

/// One root with its options, its tree and what is pending about it. Confined to its tree thread.
/// Watches share nothing but the ground: each has nodes of its own, so none sees another's masks,
/// filters or settling.
final class Watch {
  let number: UInt32
  let id: String
  var spec: WatchSpec
  let ground: Ground

  /// Canonical path of the root.
  var root: [UInt8] { didSet { basePath = nil } }
  /// Where `base` was when it was first let go.
  var basePath: FilePath?
  /// The directory all paths are looked up from: the root, or what holds it when it is a file. Nil
  /// while gone, and while nothing is looked up on a filesystem that could be unmounted.
  var base: OpenFile?
  /// What `base` is.
  var baseStatus: FileStatus
  var baseMount: UInt64
  /// Of a root that is a file: its name in `base`.
  private(set) var soleName: [UInt8]?
  /// Whether the root has never been there: nobody knows whether it is a file.
  private(set) var isAwaited: Bool
  var filesystem: Filesystem
  var tree = Tree()
  var coalescer: Coalescer
  var visibility: Visibility
  /// Nil where the spec does not ask for it, or the root is a file.
  var gitIgnores: GitIgnores?

  var state = WatchState.crawling
  var crawl = WatchStatus.Crawl()
  var crawlStart: Int64
  var counters = WatchStatus.Counters()
  var kernelWatches = 0
  /// Directories that cannot be looked into, and why.
  var problems: [NodeID: WatchProblem] = [:]
  var polling: Polling
  /// Why the root cannot be looked at, where that says nothing of what is there.
  var unreachable: WatchProblem?
  /// Whether the watch has been live before: its next life begins with a reset.
  var hasHistory: Bool

  /// Directories to arm and scan; parents come before their children.
  var scans: Deque<Scan> = []
  var scan: ScanInProgress?
  /// Halves of renames, by cookie.
  var halves: [UInt32: RenameHalf] = [:]
  /// The second rename of an exchange: already done when its records come.
  var exchanged: ExchangeEcho?
  /// The name at which a rename has just replaced something. Should that name be left at once, it may
  /// have been an exchange of objects nobody had looked at.
  var displaced: Place?
  /// Directories in which records and disk were not seen in step: compared once more when the records
  /// have ended and all else is settled.
  var audit: Set<NodeID> = []
  /// Where clients believe what is not there, or not any more.
  var beliefs = Beliefs()
  /// Names to compare with the disk once the records at hand are applied.
  var doubts: [Place] = []
  /// Names of which records told that prove nothing by themselves: looked at with the doubts.
  var suspects: [Place] = []
  /// Names that were made and left at once, to be looked for when all else is settled.
  var remade = UnprovenNames()
  /// Names of which records told that are proven if all turn out to be in order.
  var unproven = UnprovenNames()
  /// Names that were looked at and wait for the records made before; the earliest look comes first.
  var puzzles: Deque<Puzzle> = []
  /// When doubts are looked at even though the kernel's queue is never empty.
  var doubtsDue: Int64?
  /// Directories that were not there when they were to be scanned: looked for again after a while.
  var vanished: [(scan: Scan, due: Int64)] = []
  /// What was looked at by a path that records still to come may prove to have been another's.
  var looks: Deque<(node: NodeID, life: UInt32, time: Int64)> = []
  /// The time of the latest of them, by node.
  var lastLooks = NumberTable<Int64>()
  /// Directories in which names were looked at lately: records that may be older are checked.
  var recentScans = NumberTable<Int64>()
  /// Names at which a look has changed the tree lately: the same.
  var recentFinds: [Place: Int64] = [:]
  /// Passing nodes to forget once nothing is pending about them.
  var passing: [(node: NodeID, life: UInt32)] = []
  /// How many there have to be before they are gone through while something is pending.
  var passingLimit = Watch.leastPassing
  static let leastPassing = 1_024
  /// The root itself may be gone or another.
  var isRootDoubtful = false
  /// The way to the root as it was when it was last guarded.
  var way: RootWay?
  /// On the directories along it, by mark: where each was set.
  var sentinels: [Int32: [UInt8]] = [:]
  /// Counts what makes going on with a listing wrong: a directory moved.
  var moves: UInt32 = 0
  /// The stamp of the latest scan begun.
  var stamp: UInt32 = 0
  /// Reused for paths that end with NUL.
  var scratch: [UInt8] = []

  init(
    number: UInt32, id: String, spec: WatchSpec, opened: OpenedRoot, visibility: Visibility,
    hasHistory: Bool, ground: Ground
  ) {
    self.number = number
    self.id = id
    self.spec = spec
    self.ground = ground
    self.visibility = visibility
    self.hasHistory = hasHistory
    root = opened.path
    base = opened.base
    baseStatus = opened.status
    baseMount = opened.mount
    soleName = opened.soleName
    isAwaited = opened.isAwaited
    filesystem = opened.filesystem
    if spec.gitignore, soleName == nil { gitIgnores = GitIgnores(root: opened.path) }
    coalescer = Coalescer(
      settle: spec.settle.inNanoseconds, settleMax: spec.settleMax.inNanoseconds)
    polling = Polling(interval: spec.pollInterval.inNanoseconds)
    crawlStart = ground.now
  }

  /// The root is there for the first time.
  func meet(_ opened: OpenedRoot) {
    guard isAwaited else { return }
    isAwaited = false
    soleName = opened.soleName
    // Its globs were good when it was made.
    visibility = (try? Visibility(spec: spec, soleName: soleName)) ?? visibility
    gitIgnores = spec.gitignore && soleName == nil ? GitIgnores(root: opened.path) : nil
  }

  var mergesNothing: Bool { coalescer.settle == 0 }

  /// Whether changes are told: not during the first crawl, nor while the root is gone.
  var isTelling: Bool { state == .live || state == .degraded }

  /// Whether it is not known yet what there is.
  var isCrawling: Bool { state == .crawling || state == .starting }

  var status: WatchStatus {
    var status = WatchStatus(
      number: number, id: id, root: root, state: state, backend: ground.kind.rawValue,
      filesystemType: filesystem.name, filesystemIsRemote: filesystem.isRemote, spec: spec)
    status.reason =
      unreachable ?? limitProblem
      ?? problems.values.min { $0.path.lexicographicallyPrecedes($1.path) }
    if state == .gone {
      status.reason = WatchProblem(
        .rootGone, detail: "\(String(decoding: root, as: UTF8.self)) is not there; it is waited for"
      )
    }
    status.crawl = crawl
    if !crawl.done { status.crawl.seconds = Double(ground.now - crawlStart) / 1e9 }
    status.crawl.directories = tree.directories + 1
    status.crawl.files = tree.others
    status.kernelWatches = kernelWatches
    status.counters = counters
    return status
  }
}

/// One half of a rename, waiting for the other.
struct RenameHalf {
  /// What left; `Node.none` when this watch did not see it there.
  var node: NodeID
  var from: Place
  /// Nanoseconds, monotonic: when it is asked whether the other can still come.
  var deadline: Int64
  /// Whether all records of the rename had been made at `deadline`.
  var isAlone = false
  /// How often that was asked in vain.
  var tries = 0
}

/// After an exchange was recognised by its first rename, the records of the second change nothing.
struct ExchangeEcho {
  var from: Place
  var cookie: UInt32?
}
