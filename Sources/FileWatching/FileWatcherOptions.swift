internal import FileEvents
internal import Syscalls
internal import SystemPackage

extension FileWatcher {
  /// What is told, and how soon. The defaults tell every alteration of the tree, 20 ms after a path
  /// has come to rest.
  public struct Options: Sendable, Hashable {
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
      var spec = WatchSpec(root: try Self.absolute(root))
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
