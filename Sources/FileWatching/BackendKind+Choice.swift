internal import FileEvents
internal import Syscalls

extension BackendKind {
  /// What a watch stands on: the backend it names or, left to choose, polling where others can change
  /// files without this kernel being told, inotify elsewhere. Throws `.unsupported`.
  init(for spec: WatchSpec, on filesystem: Filesystem) throws(WatchProblem) {
    switch spec.backend {
    case .auto: self = filesystem.isRemote ? .poll : .inotify
    case .inotify: self = .inotify
    case .fanotify: self = .fanotify
    case .fanotifyFilesystem: self = .fanotifyFilesystem
    case .poll: self = .poll
    }
    try check(spec, on: filesystem)
  }

  /// Throws `.unsupported` for kinds that cannot be told: who looks now and then sees what has
  /// changed, not who has read.
  func check(_ spec: WatchSpec, on filesystem: Filesystem) throws(WatchProblem) {
    let unseen: [ChangeKind] = [.open, .access, .close].filter { spec.kinds.contains($0) }
    guard self == .poll, !unseen.isEmpty else { return }
    let names = unseen.map(\.name).joined(separator: ", ")
    throw WatchProblem(
      .unsupported,
      detail: spec.backend == .poll
        ? "kinds: the backend poll cannot tell \(names)"
        : "kinds: \(filesystem.name) is remote and polled, which cannot tell \(names); the backend "
          + "inotify tells what is done from this machine")
  }
}
