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

  var isEmpty: Bool { types.isEmpty }

  init(_ mounts: Set<MountTable.Mount> = []) {
    var types: [[UInt8]: String] = [:]
    for mount in mounts where Filesystem.mayHang(mount.type) {
      types[mount.point] = String(decoding: mount.type, as: UTF8.self)
    }
    self.types = types
    all = types.isEmpty ? [] : Set(mounts.map(\.point))
  }

  /// One of them to, through or above which `path` (absolute, exact bytes) leads; nil where there is
  /// none. Does not touch it: of every directory on the way it is known first that it is none.
  func first(around path: [UInt8]) -> Mount? {
    guard !types.isEmpty else { return nil }
    let way = RootWay(to: path) { types[$0] != nil }
    if let point = way.barrier { return mount(at: point) }
    let place = way.places[way.places.count - 1]
    let below = place == [0x2F] ? place : place + [0x2F]
    if way.isWhole, let point = types.keys.first(where: { $0.starts(with: below) }) {
      return mount(at: point)
    }
    // What `/` itself lies on counts only for what is on it, too: without it nothing works anyway.
    let isOnTop = way.places.dropFirst().contains(where: all.contains)
    return isOnTop ? nil : mount(at: [0x2F])
  }

  /// What `path` is called as far as can be said without touching any of them, where it leads to or
  /// through one; nil for every other path.
  func name(of path: [UInt8]) -> [UInt8]? {
    guard !types.isEmpty else { return nil }
    let way = RootWay(to: path) { types[$0] != nil }
    return way.barrier.map { way.beyond.reduce($0) { $0 + [0x2F] + $1 } }
  }

  private func mount(at point: [UInt8]) -> Mount? {
    types[point].map { Mount(point: point, type: $0) }
  }
}

/// Roots that must not be looked at by whoever cannot wait.
package enum HangingRoot {
  /// The canonical path of `path` (absolute, exact bytes) where that leads to or through a filesystem
  /// that may hang, as far as can be said without touching it; nil for every other path.
  package static func name(of path: [UInt8]) -> [UInt8]? {
    (try? MountTable()).flatMap { HangingMounts($0.mounts).name(of: path) }
  }
}
