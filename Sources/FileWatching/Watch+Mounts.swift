internal import FileEvents
internal import Syscalls
internal import SystemPackage

/// Mounts come and go without a record: a mark stands on a directory, not on what a path leads to.
extension Watch {
  /// Something was mounted or unmounted at `points`: what stands there now is compared with what is
  /// known, the root among it.
  func mountsChanged(at points: Set<[UInt8]>) {
    isRootDoubtful = true
    guard state != .gone else { return }
    guard soleName == nil else {
      if points.contains(root), let soleName { doubt(place(soleName, in: Node.root)) }
      return
    }
    let below = root == [0x2F] ? root : root + [0x2F]
    let within = points.filter { $0.count > below.count && $0.starts(with: below) }
    for point in within.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      _ = rescan(Array(point[below.count...]), .unmounted)
    }
  }

  /// The base, opened again where it was let go; nil when another stands in its place, or none.
  func openBase() -> OpenFile? {
    if let base { return base }
    guard state != .gone else { return nil }
    if let found = reopenedBase() {
      base = found
      return found
    }
    guard let opened = try? OpenedRoot(spec), isSameRoot(opened) else {
      isRootDoubtful = true
      return nil
    }
    base = opened.base
    return base
  }

  /// The base where it was before, which takes a fraction of finding the root by the way it was named.
  private func reopenedBase() -> OpenFile? {
    guard let basePath, let place = try? OpenFile.place(basePath),
      let status = try? FileStatus.of(place.descriptor), isBase(status)
    else { return nil }
    return place
  }

  func isSameRoot(_ opened: OpenedRoot) -> Bool {
    opened.soleName == soleName && isBase(opened.status)
  }

  private func isBase(_ status: FileStatus) -> Bool {
    status.inode == baseStatus.inode && status.birthTime == baseStatus.birthTime
      && status.device == baseStatus.device
  }

  /// An open file keeps its filesystem from being unmounted: while there is nothing to do, none is
  /// kept open below a mount of its own.
  func letGoOfBase() {
    guard let base, isSettled, baseMount != Self.mountOfEverything else { return }
    if basePath == nil { basePath = (try? base.currentPath()).map(FilePath.init(bytes:)) }
    self.base = nil
  }

  /// That of `/`, which nobody unmounts.
  private static let mountOfEverything =
    (try? OpenFile.place("/")).flatMap { try? FileStatus.mount(of: $0.descriptor) }
}
