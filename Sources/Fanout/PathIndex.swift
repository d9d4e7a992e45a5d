internal import FileEvents

/// Finds the groups a path may concern: a hash table from literal places to groups, walked by the
/// path's directories. Costs the depth of the path and the candidates, not the groups there are.
/// Keys are hashes alone; a collision costs one look by the group's filter, which decides anyway.
final class PathIndex {
  /// Groups that may match anywhere.
  private var everywhere: [FilterGroup] = []
  /// Groups by the place their matches stand at or below.
  private var at: [PathHash: [FilterGroup]] = [:]
  /// Groups by each directory strictly above such a place: who hears of that directory. All are above
  /// the root's, so a group must come and go without a search.
  private var below: [PathHash: [ObjectIdentifier: FilterGroup]] = [:]

  var isEmpty: Bool { everywhere.isEmpty && at.isEmpty }

  func insert(_ group: FilterGroup) {
    guard let places = Self.places(of: group) else {
      everywhere.append(group)
      return
    }
    for key in Self.keys(at: places) { at[key, default: []].append(group) }
    for key in Self.keys(above: places) {
      below[key, default: [:]][ObjectIdentifier(group)] = group
    }
  }

  func remove(_ group: FilterGroup) {
    guard let places = Self.places(of: group) else {
      everywhere.removeAll { $0 === group }
      return
    }
    for key in Self.keys(at: places) {
      at[key]?.removeAll { $0 === group }
      if at[key]?.isEmpty == true { at[key] = nil }
    }
    for key in Self.keys(above: places) {
      below[key]?[ObjectIdentifier(group)] = nil
      if below[key]?.isEmpty == true { below[key] = nil }
    }
  }

  /// Calls `body` with every group that may see what happened at `path`; with one more than once when
  /// it has several places there.
  func forEachCandidate(
    at path: Span<UInt8>, mayBeDirectory: Bool, _ body: (FilterGroup) -> Void
  ) {
    for group in everywhere { body(group) }
    if at.isEmpty { return }
    var hash = PathHash()
    for index in path.indices {
      let byte = path[index]
      if byte == UInt8(ascii: "/"), let groups = at[hash] {
        for group in groups { body(group) }
      }
      hash.append(byte)
    }
    if let groups = at[hash] {
      for group in groups { body(group) }
    }
    if mayBeDirectory, let groups = below[hash] {
      for group in groups.values { body(group) }
    }
  }

  /// Calls `body` with every group; with one more than once when it has several places.
  func forEachGroup(_ body: (FilterGroup) -> Void) {
    for group in everywhere { body(group) }
    for groups in at.values {
      for group in groups { body(group) }
    }
  }

  /// Nil: anywhere.
  private static func places(of group: FilterGroup) -> Set<[UInt8]>? {
    let places = Set(group.selection.filter.paths.flatMap(\.places).map(\.bytes))
    return places.isEmpty || places.contains([]) ? nil : places
  }

  private static func keys(at places: Set<[UInt8]>) -> Set<PathHash> {
    Set(places.map { PathHash($0[...]) })
  }

  private static func keys(above places: Set<[UInt8]>) -> Set<PathHash> {
    var keys: Set<PathHash> = [PathHash()]
    for place in places {
      for (index, byte) in place.enumerated() where byte == UInt8(ascii: "/") {
        keys.insert(PathHash(place[..<index]))
      }
    }
    return keys
  }
}

/// FNV-1a of a path's bytes, 64 bits; extends as the path is walked.
struct PathHash: Hashable {
  private var value: UInt64 = 0xCBF2_9CE4_8422_2325

  init() {}

  init(_ path: ArraySlice<UInt8>) {
    for byte in path { append(byte) }
  }

  mutating func append(_ byte: UInt8) {
    value = (value ^ UInt64(byte)) &* 0x100_0000_01B3
  }
}
