internal import Syscalls
internal import SystemPackage

/// The directories by which a path is reached, as they are now: whatever happens to one of them may
/// lead the path elsewhere. A plain value.
struct RootWay: Equatable {
  struct Link: Equatable {
    /// Canonical path of the directory that holds it.
    var directory: [UInt8]
    var name: [UInt8]
  }

  /// Canonical paths, `/` first. The last is what the path leads to; or, where that is not there, the
  /// last on the way that is.
  private(set) var places: [[UInt8]] = [[0x2F]]
  /// The symbolic links it goes through.
  private(set) var links: [Link] = []
  /// Whether something stands at its end.
  private(set) var isWhole = false
  /// What was not to be touched: the path was followed only as far as that.
  private(set) var barrier: [UInt8]?
  /// What of the path is left from there.
  private(set) var beyond: [[UInt8]] = []

  /// As many as the kernel follows, path_resolution(7).
  private static let linkLimit = 40

  /// `path` is absolute. What `isBarrier` says of a canonical path is not touched, nor what is beyond.
  init(to path: [UInt8], upTo isBarrier: (_ place: [UInt8]) -> Bool = { _ in false }) {
    var rest: [ArraySlice<UInt8>] = path.split(separator: 0x2F).reversed()
    while let name = rest.popLast() {
      if name == [0x2E] { continue }
      if name == [0x2E, 0x2E] {
        if places.count > 1 { places.removeLast() }
        continue
      }
      let directory = places[places.count - 1]
      let next = (directory == [0x2F] ? directory : directory + [0x2F]) + name
      guard !isBarrier(next) else {
        barrier = next
        beyond = rest.reversed().map(Array.init)
        return
      }
      do throws(Errno) {
        let target = try OpenFile.linkTarget(of: FilePath(bytes: next))
        links.append(Link(directory: directory, name: Array(name)))
        guard links.count <= Self.linkLimit else { return }
        if target.first == 0x2F { places.removeLast(places.count - 1) }
        rest += target.split(separator: 0x2F).reversed()
      } catch {
        guard error == .invalidArgument else { return }  // EINVAL: it is there, and no link
        places.append(next)
      }
    }
    isWhole = true
  }
}
