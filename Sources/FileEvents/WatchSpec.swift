/// What a watch is asked to do, with every default filled in (wire contract, section 3).
package struct WatchSpec: Sendable, Equatable {
  /// Absolute path of the directory or file, exact bytes, no trailing slash (but "/").
  package var root: [UInt8]
  /// The directory `root` must stay beneath, opened first; `root` is then resolved by
  /// openat2(2) with RESOLVE_BENEATH. Nil: `root` is opened as it is.
  package var confinedTo: [UInt8]?
  /// Whether a root that is not there is waited for from the start; else it is an error.
  package var awaitsRoot = false
  /// `[a-z0-9][a-z0-9._-]{0,63}`; nil: made from the root.
  package var id: String?
  package var recursive = true
  /// gitignore patterns.
  package var ignore: [String] = []
  /// Globs a path must match to be seen; empty: all.
  package var include: [String] = []
  package var gitignore = false
  /// Whether names that start with a dot are seen.
  package var hidden = true
  package var kinds = ChangeKinds.standard
  package var backend = BackendChoice.auto
  /// How often what is polled is looked at; less often where looking takes more than a tenth of it.
  package var pollInterval = Duration.seconds(2)
  /// The quiet a path must have before its change is sent; zero: no merging.
  package var settle = Duration.milliseconds(20)
  /// The longest a change may wait.
  package var settleMax = Duration.milliseconds(500)
  package var followSymlinks = false
  /// Whether files are remembered (handle, size, times), so that a rescan tells what changed.
  package var index = true
  package var label: String?
  package var ephemeral = false

  /// Shorter would be all looking; longer is what `rescan` is for.
  package static let pollIntervals: ClosedRange<Duration> = .milliseconds(100)...(.seconds(3600))

  package init(root: [UInt8]) { self.root = root }
}

/// The backends a spec may name.
package enum BackendChoice: String, Sendable, CaseIterable {
  case auto, inotify, fanotify
  case fanotifyFilesystem = "fanotify-filesystem"
  case poll
}

/// One watch as a client sees it (wire contract, section 3, "State").
package struct WatchStatus: Sendable {
  package struct Crawl: Sendable {
    package var directories = 0
    package var files = 0
    package var seconds = 0.0
    package var done = false

    package init() {}
  }

  package struct Counters: Sendable {
    /// Kernel records that reached this watch.
    package var events: UInt64 = 0
    /// Changes published.
    package var changes: UInt64 = 0
    package var overflows: UInt64 = 0
    package var rescans: UInt64 = 0

    package init() {}
  }

  /// The number its journal records carry.
  package var number: UInt32
  package var id: String
  package var root: [UInt8]
  package var state: WatchState
  /// Why it is not `live`, for people; nil when it is.
  package var reason: WatchProblem?
  /// "inotify", "fanotify", "poll".
  package var backend: String
  package var filesystemType: String
  package var filesystemIsRemote: Bool
  package var crawl = Crawl()
  package var kernelWatches = 0
  package var counters = Counters()
  package var spec: WatchSpec

  package init(
    number: UInt32, id: String, root: [UInt8], state: WatchState, backend: String,
    filesystemType: String, filesystemIsRemote: Bool, spec: WatchSpec
  ) {
    self.number = number
    self.id = id
    self.root = root
    self.state = state
    self.backend = backend
    self.filesystemType = filesystemType
    self.filesystemIsRemote = filesystemIsRemote
    self.spec = spec
  }
}

/// Something that went wrong while watching: what, where, with which errno, and what mends it.
package struct WatchProblem: Error, Sendable, Equatable {
  package enum Code: String, Sendable {
    case noSuchPath = "no-such-path"
    case pathNotAllowed = "path-not-allowed"
    case permissionDenied = "permission-denied"
    case watchLimit = "inotify-watch-limit"
    case instanceLimit = "inotify-instance-limit"
    case watchConflict = "watch-conflict"
    /// What is asked for contradicts itself.
    case malformed
    case invalidGlob = "invalid-glob"
    case unsupported = "unsupported"
    case rootGone = "root-gone"
    /// Looking at the disk does not come back.
    case notResponding = "not-responding"
    case internalError = "internal"
  }

  package var code: Code
  /// The kernel's errno, 0 when none.
  package var errno: Int32
  /// One sentence with the numbers in it.
  package var detail: String
  /// What to type to mend it.
  package var hint: String?
  /// Exact bytes of the directory concerned, relative to the root.
  package var path: [UInt8]
  /// Of a limit: how much of it this process has, and how much there is.
  package var used: Int?
  package var maximum: Int?
  /// Of a limit that a watch goes on with: how many directories it leaves unwatched.
  package var directories: Int?

  package init(
    _ code: Code, errno: Int32 = 0, detail: String, hint: String? = nil, path: [UInt8] = []
  ) {
    self.code = code
    self.errno = errno
    self.detail = detail
    self.hint = hint
    self.path = path
  }
}
