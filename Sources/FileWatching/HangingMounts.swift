internal import Syscalls

/// Where looking may mean waiting for somebody else: another machine, a program. A plain value, made
/// from the table of mounts as it was last read.
struct HangingMounts {
  struct Mount: Sendable {
    /// Where it is mounted, exact bytes.
    var point: [UInt8]
    /// As mount(8) calls it.
    var type: String
  }

  private let types: [[UInt8]: String]
  /// Where anything is mounted.
  private let all: Set<[UInt8]>

  init(_ mounts: Set<MountTable.Mount> = []) {
    var types: [[UInt8]: String] = [:]
    for mount in mounts where Filesystem.mayHang(mount.type) {
      types[mount.point] = String(decoding: mount.type, as: UTF8.self)
    }
    self.types = types
    all = types.isEmpty ? [] : Set(mounts.map(\.point))
  }

  /// The first of them to or through which `path` (absolute, exact bytes) leads; nil when it leads to
  /// none. Does not touch it: of every directory on the way it is known first that it is none.
  func first(onTheWayTo path: [UInt8]) -> Mount? {
    guard !types.isEmpty else { return nil }
    let way = RootWay(to: path) { types[$0] != nil }
    if let point = way.barrier { return mount(at: point) }
    // What `/` itself lies on counts only for what is on it, too: without it nothing works anyway.
    let isOnTop = way.places.dropFirst().contains(where: all.contains)
    return isOnTop ? nil : mount(at: [0x2F])
  }

  private func mount(at point: [UInt8]) -> Mount? {
    types[point].map { Mount(point: point, type: $0) }
  }
}
