internal import FileEvents
internal import Syscalls
internal import SystemPackage

/// Errors of the kernel as problems for people: what, where, how many of how many, what to type.
enum Limits {
  static func instanceProblem(_ error: Errno) -> WatchProblem {
    let limit = Limit.lower("fs.inotify.max_user_instances", "user.max_inotify_instances")
    guard error == .tooManyOpenFiles else {
      return WatchProblem(
        .internalError, errno: error.rawValue, detail: "inotify cannot be had: \(error)")
    }
    return WatchProblem(
      .instanceLimit, errno: error.rawValue,
      detail:
        "all \(limit.map { "\($0.maximum)" } ?? "allowed") inotify instances of this user are in use",
      hint: limit?.raised(to: 1_024))
  }

  /// `marksInUse` counts this process's watches: the kernel tells nobody how many others hold.
  static func watchProblem(_ error: Errno, marksInUse: Int, path: [UInt8]) -> WatchProblem {
    switch error {
    case .permissionDenied, .notPermitted:
      return WatchProblem(
        .permissionDenied, errno: error.rawValue, detail: "\(shown(path)) cannot be read: \(error)",
        path: path)
    case .noSpace:
      return full(
        .lower("fs.inotify.max_user_watches", "user.max_inotify_watches"), of: "watches",
        marksInUse: marksInUse, path: path)
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

  static func groupProblem(_ kind: BackendKind, _ error: Errno) -> WatchProblem {
    let limit = Limit.lower("fs.fanotify.max_user_groups", "user.max_fanotify_groups")
    guard error == .tooManyOpenFiles else { return refusal(kind, "fanotify_init", error) }
    return WatchProblem(
      .instanceLimit, errno: error.rawValue,
      detail:
        "all \(limit.map { "\($0.maximum)" } ?? "allowed") fanotify groups of this user are in use",
      hint: limit?.raised(to: 1_024))
  }

  /// The kernel, a container's policy or the filesystem does not let fanotify be used.
  static func refusal(
    _ kind: BackendKind, _ call: String, _ error: Errno
  ) -> WatchProblem {
    var reason = ""
    if kind == .fanotifyFilesystem {
      switch error {
      case .notPermitted: reason = "; it takes CAP_SYS_ADMIN, outside of any container"
      case .operationNotSupportedByDevice, .improperLink:  // ENODEV, EXDEV
        reason =
          "; the filesystem has no id of its own, as overlayfs and btrfs subvolumes have none"
      default: break
      }
    }
    return WatchProblem(
      .unsupported, errno: error.rawValue,
      detail: "backend: \(kind.rawValue) is refused here (\(call): \(error))\(reason); "
        + "use auto or inotify")
  }

  /// As `watchProblem`, of fanotify marks.
  static func markProblem(_ error: Errno, marksInUse: Int, path: [UInt8]) -> WatchProblem {
    guard error == .noSpace else {
      return watchProblem(error, marksInUse: marksInUse, path: path)
    }
    return full(
      .lower("fs.fanotify.max_user_marks", "user.max_fanotify_marks"), of: "fanotify marks",
      marksInUse: marksInUse, path: path)
  }

  /// ENOSPC: the user has as many as are allowed.
  private static func full(
    _ limit: Limit?, of what: String, marksInUse: Int, path: [UInt8]
  ) -> WatchProblem {
    var problem = WatchProblem(
      .watchLimit, errno: Errno.noSpace.rawValue,
      detail: "\(shown(path)) is not watched: \(marksInUse) of "
        + "\(limit.map { "\($0.maximum)" } ?? "the allowed") \(what) of this user are held here, "
        + "the rest by other programs",
      hint: limit?.raised(to: 524_288), path: path)
    problem.used = marksInUse
    problem.maximum = limit?.maximum
    return problem
  }

  /// Looking at `root` has not come back for `seconds`; `mount` is what it waits for.
  static func silenceProblem(
    root: [UInt8], mount: HangingMounts.Mount?, seconds: Int64
  ) -> WatchProblem {
    let shown = String(decoding: root, as: UTF8.self)
    guard let mount else {
      return WatchProblem(
        .notResponding,
        detail:
          "\(shown) is not responding: its disk has given no answer for \(seconds) s; the watch "
          + "goes on when it does")
    }
    let point = String(decoding: mount.point, as: UTF8.self)
    return WatchProblem(
      .notResponding,
      detail: "\(shown) is not responding: \(mount.type) at \(point) has given no answer for "
        + "\(seconds) s; the watch goes on when it does",
      hint: "sudo umount -f -l \(quoted(point))")
  }

  /// So many threads wait for filesystems that nobody watches any more.
  static func abandonedProblem(root: [UInt8], count: Int) -> WatchProblem {
    WatchProblem(
      .notResponding,
      detail:
        "\(String(decoding: root, as: UTF8.self)) is not looked at: \(count) threads still wait "
        + "for filesystems that do not respond, of watches that were removed; unmount those")
  }

  /// As a word of a shell.
  private static func quoted(_ path: String) -> String {
    let isPlain = path.utf8.allSatisfy { byte in
      (0x61...0x7A).contains(byte | 0x20) || (0x2D...0x39).contains(byte) || byte == 0x5F
    }
    return isPlain ? path : "'" + path.replacing("'", with: #"'\''"#) + "'"
  }

  static func shown(_ path: [UInt8]) -> String {
    path.isEmpty ? "the root" : String(decoding: path, as: UTF8.self)
  }
}

/// One number of sysctl(8).
private struct Limit {
  let name: String
  let maximum: Int

  /// Nil where it is not to be read.
  private init?(_ name: String) {
    let path = "/proc/sys/" + name.replacing(".", with: "/")
    guard let bytes = try? OpenFile.content(of: FilePath(path)),
      let maximum = Int(String(decoding: bytes.filter { $0 != 0x0A }, as: UTF8.self))
    else { return nil }
    self.name = name
    self.maximum = maximum
  }

  /// The one that is reached first: that of the system, or that of this user namespace
  /// (namespaces(7): both count, and a container may have been given less).
  static func lower(_ system: String, _ namespace: String) -> Limit? {
    let both = [Limit(system), Limit(namespace)].compactMap { $0 }
    return both.min { $0.maximum < $1.maximum }
  }

  /// What to type to have twice as many, and no fewer than `enough`.
  func raised(to enough: Int) -> String { "sudo sysctl \(name)=\(max(enough, maximum * 2))" }
}
