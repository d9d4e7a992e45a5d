internal import FileEvents
internal import Syscalls
internal import SystemPackage

extension FileWatcher {
  /// What is told, and how soon. The defaults tell every alteration of the tree, 20 ms after a path
  /// has come to rest.
  public struct Options: Sendable, Hashable {
    /// The ways in which changes are found.
    public enum Backend: Sendable, Hashable {
      /// Polling on a remote filesystem, where others make changes that this kernel is not told of;
      /// inotify elsewhere.
      case auto
      /// inotify(7): records in order, one kernel watch for each directory.
      case inotify
      /// fanotify(7) with marks on directories, Linux 5.17 and later, for every user: writes that
      /// repeat merge in the kernel, and what is moved out is known at once.
      case fanotify
      /// fanotify(7) with one mark for a whole filesystem: takes CAP_SYS_ADMIN.
      case fanotifyFilesystem
      /// Looking every ``Options/pollInterval``.
      case poll

      var choice: BackendChoice {
        switch self {
        case .auto: .auto
        case .inotify: .inotify
        case .fanotify: .fanotify
        case .fanotifyFilesystem: .fanotifyFilesystem
        case .poll: .poll
        }
      }
    }

    /// How changes are found. One that this kernel or this filesystem refuses is an error,
    /// ``FileWatcherError/Code/unsupported``; nothing else is taken in its place.
    public var backend = Backend.auto
    /// How often what no record tells of is looked at: all that is there with ``Backend/poll``, and
    /// directories beyond the number of watches the kernel gives. From 100 ms to an hour; less often
    /// where looking takes more than a tenth of the time.
    public var pollInterval = Duration.seconds(2)
    /// What is told. ``FileChange/Kind/open``, ``FileChange/Kind/access`` and
    /// ``FileChange/Kind/close`` come only when named, and include what this process itself does;
    /// on a remote filesystem they are not to be had.
    public var kinds = FileChange.Kind.standard
    /// gitignore(5) patterns, relative to the root. An ignored directory costs no kernel watch.
    public var ignore: [String] = []
    /// Globs (`**/*.swift`) that a path must match one of; none given: every path.
    public var include: [String] = []
    /// Whether names that begin with a dot are seen.
    public var hidden = true
    /// Whether directories below the root are followed, too.
    public var recursive = true
    /// Whether files are remembered (size, times, identity: some 120 bytes and the name each), so
    /// that lost records are made up for by naming what changed. Without it the answer is a
    /// ``FileChange/Kind/reset``.
    public var index = true
    /// The quiet a path must have before its change is told; zero: every record at once, unmerged.
    public var settle = Duration.milliseconds(20)
    /// The longest a change may wait for quiet.
    public var settleMax = Duration.milliseconds(500)
    /// Changes kept for whoever reads them. Beyond that they are dropped, and one
    /// ``FileChange/Kind/reset`` of the root says so.
    public var backlog = 65_536

    /// The defaults.
    public init() {}

    func spec(for root: FilePath) throws(FileWatcherError) -> WatchSpec {
      guard WatchSpec.pollIntervals.contains(pollInterval) else {
        throw FileWatcherError(
          WatchProblem(.malformed, detail: "pollInterval must be from 100 ms to an hour"),
          root: root)
      }
      var spec = WatchSpec(root: try Self.absolute(root))
      spec.backend = backend.choice
      spec.pollInterval = pollInterval
      spec.kinds = kinds.reduce(into: []) { $0.formUnion($1.asked) }
      spec.ignore = ignore
      spec.include = include
      spec.hidden = hidden
      spec.recursive = recursive
      spec.index = index
      spec.settle = settle
      spec.settleMax = Swift.max(settle, settleMax)
      return spec
    }

    private static func absolute(_ root: FilePath) throws(FileWatcherError) -> [UInt8] {
      guard root.isRelative else { return root.bytes }
      do throws(Errno) {
        let base = FilePath(bytes: try OpenFile.place(".").currentPath())
        return base.appending(root.components).bytes
      } catch {
        throw FileWatcherError(
          WatchProblem(
            .internalError, errno: error.rawValue,
            detail: "the working directory cannot be reached: \(error)"), root: root)
      }
    }
  }
}

extension FilePath {
  /// Exact bytes, no NUL.
  var bytes: [UInt8] {
    withPlatformString { start in
      (0..<length).map { UInt8(bitPattern: start[$0]) }
    }
  }
}
