internal import FileEvents
public import SystemPackage

/// What could not be watched, and why.
public struct FileWatcherError: Error, Sendable, Hashable {
  /// What to do differently depends on this; `errno` says what the kernel said.
  public enum Code: Sendable, Hashable {
    /// Nothing stands there.
    case noSuchPath
    /// This user may not read it.
    case permissionDenied
    /// The kernel has no more watches for this user.
    case watchLimit
    /// The kernel has no more instances for this user, or the process no more descriptors.
    case instanceLimit
    /// A pattern of the options is none.
    case invalidPattern
    /// The options ask for something that is not to be had here.
    case unsupported
    /// Looking at the disk does not come back: a remote filesystem whose server is gone.
    case notResponding
    /// Anything else that the system refuses.
    case system
  }

  /// What kind of trouble it is.
  public let code: Code
  /// What the kernel said; nil when it was not asked.
  public let errno: Errno?
  /// The directory or file concerned: the root as it was named, and what follows.
  public let directory: FilePath
  /// One sentence, with the numbers in it.
  public let detail: String
  /// What to type to mend it, where that is known.
  public let hint: String?

  init(_ problem: WatchProblem, root: FilePath) {
    code =
      switch problem.code {
      case .noSuchPath, .rootGone: .noSuchPath
      case .permissionDenied, .pathNotAllowed: .permissionDenied
      case .watchLimit: .watchLimit
      case .instanceLimit: .instanceLimit
      case .invalidGlob: .invalidPattern
      case .unsupported, .malformed, .watchConflict: .unsupported
      case .notResponding: .notResponding
      case .internalError: .system
      }
    errno = problem.errno == 0 ? nil : Errno(rawValue: problem.errno)
    directory = root.appending(FilePath(bytes: problem.path).components)
    detail = problem.detail
    hint = problem.hint
  }
}

extension FileWatcherError: CustomStringConvertible {
  /// The sentence, and what to type.
  public var description: String { detail + (hint.map { "; try: \($0)" } ?? "") }
}
