internal import FileEvents
internal import Syscalls
internal import SystemPackage

/// Errors of the kernel as problems for people: what, where, how many of how many, what to type.
enum Limits {
  static func instanceProblem(_ error: Errno) -> WatchProblem {
    let maximum = readLimit("max_user_instances")
    guard error == .tooManyOpenFiles else {
      return WatchProblem(
        .internalError, errno: error.rawValue, detail: "inotify cannot be had: \(error)")
    }
    return WatchProblem(
      .instanceLimit, errno: error.rawValue,
      detail:
        "all \(maximum.map(String.init) ?? "allowed") inotify instances of this user are in use",
      hint: maximum.map { "sudo sysctl fs.inotify.max_user_instances=\(max(1_024, $0 * 2))" })
  }

  /// `marksInUse` counts this process's watches: the kernel tells nobody how many others hold.
  static func watchProblem(_ error: Errno, marksInUse: Int, path: [UInt8]) -> WatchProblem {
    switch error {
    case .permissionDenied, .notPermitted:
      return WatchProblem(
        .permissionDenied, errno: error.rawValue, detail: "\(shown(path)) cannot be read: \(error)",
        path: path)
    case .noSpace:
      let maximum = readLimit("max_user_watches")
      return WatchProblem(
        .watchLimit, errno: error.rawValue,
        detail: "\(shown(path)) is not watched: \(marksInUse) of "
          + "\(maximum.map(String.init) ?? "the allowed") watches of this user are held here, the "
          + "rest by other programs",
        hint: maximum.map { "sudo sysctl fs.inotify.max_user_watches=\(max(524_288, $0 * 2))" },
        path: path)
    case .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory:
      return WatchProblem(
        .watchLimit, errno: error.rawValue, detail: "\(shown(path)) is not watched: \(error)",
        hint: error == .tooManyOpenFiles ? "ulimit -n 65536" : nil, path: path)
    case .noSuchFileOrDirectory, .notDirectory:
      return WatchProblem(
        .noSuchPath, errno: error.rawValue, detail: "\(shown(path)) does not exist", path: path)
    default:
      return WatchProblem(
        .internalError, errno: error.rawValue, detail: "\(shown(path)): \(error)", path: path)
    }
  }

  static func shown(_ path: [UInt8]) -> String {
    path.isEmpty ? "the root" : String(decoding: path, as: UTF8.self)
  }

  /// A number under /proc/sys/fs/inotify; nil where that is not to be read.
  private static func readLimit(_ name: String) -> Int? {
    guard let bytes = try? OpenFile.content(of: FilePath("/proc/sys/fs/inotify/\(name)")) else {
      return nil
    }
    return Int(String(decoding: bytes.filter { $0 != 0x0A }, as: UTF8.self))
  }
}
