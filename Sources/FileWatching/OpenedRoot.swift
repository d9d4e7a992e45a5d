internal import FileEvents
internal import Syscalls
internal import SystemPackage

/// A root as it was found on the disk.
struct OpenedRoot {
  /// Canonical path, exact bytes.
  var path: [UInt8]
  /// The root, or the directory that holds it when it is a file.
  var base: OpenFile
  /// Of a file: its name in `base`.
  var soleName: [UInt8]?
  /// Of `base`.
  var status: FileStatus
  /// By which `base` was opened; 0 where the kernel does not say.
  var mount: UInt64
  var filesystem: Filesystem
  /// Whether the root is not there: then `base` is the nearest directory that is.
  var isAwaited = false

  /// Opens what the spec names, never outside of `confinedTo`. Throws `.noSuchPath`,
  /// `.permissionDenied`, `.pathNotAllowed`.
  init(_ spec: WatchSpec) throws(WatchProblem) {
    do {
      let place = try Self.open(spec.root, confinedTo: spec.confinedTo)
      var status = try FileStatus.of(place.descriptor)
      path = try place.currentPath()
      base = place
      if status.kind != .directory {
        let slash = path.lastIndex(of: 0x2F) ?? 0
        soleName = Array(path[(slash + 1)...])
        base = try Self.open(
          slash == 0 ? [0x2F] : Array(path[..<slash]), confinedTo: spec.confinedTo)
        status = try FileStatus.of(base.descriptor)
      }
      self.status = status
      mount = try FileStatus.mount(of: base.descriptor)
      filesystem = try Filesystem(of: base.descriptor)
    } catch {
      throw Self.problem(error, root: spec.root)
    }
  }

  /// As above; where nothing is there and the spec says so, what can be said of a root to come.
  init(orAwaited spec: WatchSpec) throws(WatchProblem) {
    do throws(WatchProblem) {
      self = try OpenedRoot(spec)
    } catch {
      guard spec.awaitsRoot, error.code == .noSuchPath else { throw error }
      var nearest = spec
      nearest.root = RootWay(to: spec.root).places.last { $0 != spec.root } ?? [0x2F]
      self = try OpenedRoot(nearest)
      isAwaited = true
      path = spec.root
      soleName = nil
    }
  }

  /// What can be said of a root of which nothing was to be found out.
  init(awaiting spec: WatchSpec) throws(WatchProblem) {
    var top = spec
    top.root = [0x2F]
    top.confinedTo = nil
    self = try OpenedRoot(top)
    isAwaited = true
    path = spec.root
  }

  private static func open(_ path: [UInt8], confinedTo: [UInt8]?) throws(Errno) -> OpenFile {
    guard let confinedTo else { return try OpenFile.place(FilePath(bytes: path)) }
    let allowed = try OpenFile.place(FilePath(bytes: confinedTo))
    // Either the allowed directory as it was named, or as it is called without links.
    for prefix in [confinedTo, try allowed.currentPath()] {
      if path == prefix { return allowed }
      let below = prefix.last == 0x2F ? prefix : prefix + [0x2F]
      if path.starts(with: below) {
        return try OpenFile.place(
          FilePath(bytes: Array(path[below.count...])), beneath: allowed.descriptor)
      }
    }
    throw .improperLink
  }

  private static func problem(_ error: Errno, root: [UInt8]) -> WatchProblem {
    let shown = String(decoding: root, as: UTF8.self)
    return switch error {
    case .noSuchFileOrDirectory, .notDirectory:
      WatchProblem(.noSuchPath, errno: error.rawValue, detail: "\(shown) does not exist")
    case .permissionDenied:
      WatchProblem(
        .permissionDenied, errno: error.rawValue, detail: "\(shown) cannot be reached: \(error)")
    case .improperLink, .tooManySymbolicLinkLevels:
      WatchProblem(
        .pathNotAllowed, errno: error.rawValue,
        detail: "\(shown) leads out of the directories that may be watched")
    default:
      WatchProblem(.internalError, errno: error.rawValue, detail: "\(shown): \(error)")
    }
  }
}

extension FilePath {
  /// A path of exact bytes, whatever their encoding.
  init(bytes: [UInt8]) {
    self = (bytes + [0]).withUnsafeBufferPointer { buffer in
      buffer.withMemoryRebound(to: CInterop.PlatformChar.self) {
        FilePath(platformString: $0.baseAddress!)
      }
    }
  }
}
