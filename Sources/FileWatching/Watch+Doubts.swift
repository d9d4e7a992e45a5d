internal import DequeModule
internal import FileEvents
internal import Syscalls

/// A name at which the disk is not as the tree has it, though records are on their way that may say
/// the same.
struct Puzzle {
  var place: Place
  /// What the tree had there when the disk was looked at.
  var node: NodeID
  var life: UInt32
  /// What the disk had; nil for nothing.
  var seen: FileStatus?
  /// When it had been looked at, and whoever had begun to change its directory by then was done, in
  /// nanoseconds of the monotonic clock.
  var time: Int64
  /// Goes into the changes found.
  var flags: ChangeFlags
}

/// Every doubt about a name ends by a look at the disk, which is ahead of the records: in a storm of
/// renames a file is not at the name it had by those at hand, and to tell that it is gone would tear
/// it from the renames to come. So the disk is believed where it still differs once all records made
/// before the look have been applied; and those that were to be made, by somebody who had changed the
/// directory and lost the processor before that was recorded.
extension Watch {
  var hasDoubts: Bool {
    !doubts.isEmpty || !suspects.isEmpty || !puzzles.isEmpty || !unproven.isEmpty
  }

  /// When doubts want a turn though no record comes; nil for never. What is merely unproven mostly is
  /// proven by the next records.
  var nextLook: Int64? {
    guard doubts.isEmpty, suspects.isEmpty, puzzles.isEmpty else { return ground.now + 1_000_000 }
    return unproven.isEmpty ? nil : doubtsDue ?? ground.now + 1_000_000
  }

  /// Ends what records of an earlier stretch of the queue have left unproven, and what is already known
  /// not to be in order.
  func proveNames() {
    guard !unproven.isEmpty else { return }
    guard ground.isInOrder(since: unproven.stretch) else { return suspectUnproven() }
    if unproven.stretch != ground.stretch { unproven.removeAll() }
  }

  private func suspectUnproven() {
    unproven.forEach { name, directory, life in
      suspects.append(Place(directory: directory, life: life, name: Array(name)))
    }
    unproven.removeAll()
  }

  func resolveDoubts() {
    while let puzzle = puzzles.first, puzzle.time <= ground.since {
      puzzles.removeFirst()
      solve(puzzle)
    }
    proveNames()
    guard !doubts.isEmpty || !suspects.isEmpty || !unproven.isEmpty else {
      doubtsDue = nil
      return
    }
    let due = doubtsDue ?? ground.now + Ground.doubtPatience
    doubtsDue = due
    guard ground.isDrained || due <= ground.now else { return }
    doubtsDue = nil
    suspectUnproven()
    let suspects = take(&suspects)
    let doubts = take(&doubts)
    glance(at: suspects, flags: [])
    glance(at: doubts, flags: .rescan)
  }

  private func take(_ places: inout [Place]) -> [Place] {
    defer { places.removeAll() }
    return places
  }

  private func glance(at places: [Place], flags: ChangeFlags) {
    var seen: Set<Place> = []
    let known = puzzles.count
    for place in places where seen.insert(place).inserted { glance(at: place, flags: flags) }
    awaitChanges(behind: known)
  }

  /// Has the puzzles from number `first` on wait for the records of what was being done when they were
  /// looked at.
  private func awaitChanges(behind first: Int) {
    var passed: Set<NodeID> = []
    for index in first..<puzzles.count {
      let directory = puzzles[index].place.directory
      if passed.insert(directory).inserted { _ = passThrough(directory) }
    }
    let now = Clock.monotonic()
    for index in first..<puzzles.count { puzzles[index].time = now }
  }

  private func glance(at place: Place, flags: ChangeFlags, after earlier: Puzzle? = nil) {
    guard isThere(place), isOfUse(place.directory), !isLeft(place) else { return }
    guard isAttached(place.directory) else { return doubts.append(place) }
    let node = node(at: place)
    let found = place.name.withUnsafeBytes { look(at: $0, in: place.directory) }
    let seen: FileStatus?
    switch found {
    case .failed: return
    case .absent: seen = nil
    case .found(let status): seen = status
    }
    if isExpected(seen, of: node) || earlier.map({ isSame(seen, $0.seen) }) == true {
      return believe(seen, at: place, flags: flags)
    }
    puzzles.append(
      Puzzle(
        place: place, node: node, life: tree[node].life, seen: seen, time: Clock.monotonic(),
        flags: flags))
  }

  /// No record made before the look is left to come: what has changed since explains it.
  private func solve(_ puzzle: Puzzle) {
    let node = node(at: puzzle.place)
    guard node == puzzle.node, tree[node].life == puzzle.life else { return }
    let known = puzzles.count
    glance(at: puzzle.place, flags: puzzle.flags, after: puzzle)
    awaitChanges(behind: known)
  }

  /// Whether the other half of a rename that has left this name may still come.
  private func isLeft(_ place: Place) -> Bool {
    halves.values.contains { $0.from == place }
  }

  private func isExpected(_ seen: FileStatus?, of node: NodeID) -> Bool {
    guard let seen, node != Node.none else { return seen == nil && node == Node.none }
    return tree[node].isKnown
      ? tree[node].isUnchanged(in: seen) : tree[node].isDirectory == (seen.kind == .directory)
  }

  private func isSame(_ one: FileStatus?, _ other: FileStatus?) -> Bool {
    one?.inode == other?.inode && one?.birthTime == other?.birthTime
  }
}
