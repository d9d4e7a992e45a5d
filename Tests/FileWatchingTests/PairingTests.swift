import FileEvents
import FileWatching
import Testing

/// A test of names failed once in ten runs: it renamed a directory back as soon as it was told of the
/// first rename, which was just when the audit after that rename looked at the disk.
@Suite("Both halves of a rename")
struct PairingTests {
  @Test(
    "whoever is told of a directory's rename and at once makes the next is told of a rename again",
    arguments: WatchedTree.backends.filter { $0 != .poll })
  func backAndForth(_ backend: BackendChoice) throws {
    let tree = try WatchedTree()
    defer { tree.close() }
    let disk = Disk(root: tree.root)
    try disk.makeDirectory(Array("here".utf8))
    var spec = WatchSpec(root: tree.root)
    spec.backend = backend
    spec.settle = .zero
    try tree.watch(spec)
    let before = tree.records.count
    for step in 0..<100 {
      let names = step.isMultiple(of: 2) ? ("here", "there") : ("there", "here")
      try disk.move(Array(names.0.utf8), Array(names.1.utf8))
      tree.wait("the rename to \(names.1)") { tree.records.count > before + step }
    }
    try tree.settle()
    let kinds = tree.records[before...].map(\.record.kind)
    #expect(kinds.count == 100 && kinds.allSatisfy { $0 == .move }, "\(kinds)")
  }

  /// What is done next is done in answer to what was told, while whatever the watch does after telling
  /// is going on: nothing of that may see the disk ahead of the records and tell in its own words.
  @Test(
    "one thing done at a time, each as soon as the one before was told, is told as that thing",
    arguments: WatchedTree.backends.filter { $0 != .poll })
  func oneByOne(_ backend: BackendChoice) throws {
    let tree = try WatchedTree()
    defer { tree.close() }
    print("one by one: TIDINGS_SEED=\(RandomTests.seed)")
    var moves = SingleMoves(seed: RandomTests.seed, disk: Disk(root: tree.root))
    var spec = WatchSpec(root: tree.root)
    spec.backend = backend
    spec.settle = .zero
    try tree.watch(spec)
    var odd: [String] = []
    for _ in 0..<300 {
      let before = tree.records.count
      let expected = try moves.next()
      tree.wait(expected) { tree.records.count > before }
      var told: [String] { tree.records[before...].map(words) }
      if told != [expected] {
        try tree.settle()
        odd.append("\(expected): \(told)")
      }
    }
    #expect(odd.isEmpty, "\(odd)")
  }

  /// The audit after it told of every file as if it were new.
  @Test(
    "without an index, a directory's rename tells nothing of the files beside it",
    arguments: WatchedTree.backends.filter { $0 != .poll })
  func besideFiles(_ backend: BackendChoice) throws {
    let tree = try WatchedTree()
    defer { tree.close() }
    let disk = Disk(root: tree.root)
    try disk.makeDirectory(Array("here".utf8))
    for name in ["a", "b", "c"] { try disk.touch(Array(name.utf8)) }
    var spec = WatchSpec(root: tree.root)
    spec.backend = backend
    spec.index = false
    try tree.watch(spec)
    let before = tree.records.count
    try disk.move(Array("here".utf8), Array("there".utf8))
    tree.wait("the rename") { tree.records.count > before }
    try tree.settle()
    #expect(tree.records[before...].map(words) == ["move here -> there directory"])
  }

  private func words(_ told: (record: JournalRecord, batch: ChangeBatch)) -> String {
    ChangeWords.shown(ChangeWords.describe(told.record, in: told.batch))
  }
}

/// Single things to do to a directory, in random order: each is one change.
private struct SingleMoves {
  private var random: SeededGenerator
  private let disk: Disk
  private var directories: [String] = []
  private var links: [String] = []
  private var names = 0

  init(seed: UInt64, disk: Disk) {
    random = SeededGenerator(seed: seed)
    self.disk = disk
  }

  /// Does the next and says how it is to be told.
  mutating func next() throws -> String {
    switch Int.random(in: 0..<8, using: &random) {
    case 0 where directories.count < 8:
      let path = newPath()
      try disk.makeDirectory(Array(path.utf8))
      directories.append(path)
      return "create \(path) directory"
    case 1...3 where !directories.isEmpty:
      let from = directories.randomElement(using: &random)!
      let to = newPath(outside: from)
      try disk.move(Array(from.utf8), Array(to.utf8))
      directories = directories.map { renamed($0, from, to) }
      links = links.map { renamed($0, from, to) }
      return "move \(from) -> \(to) directory"
    case 4 where !links.isEmpty:
      let path = links.remove(at: Int.random(in: 0..<links.count, using: &random))
      try disk.remove(Array(path.utf8))
      return "delete \(path) symlink"
    case 5 where !links.isEmpty, 6 where !links.isEmpty:
      let index = Int.random(in: 0..<links.count, using: &random)
      let to = newPath()
      let from = links[index]
      try disk.move(Array(from.utf8), Array(to.utf8))
      links[index] = to
      return "move \(from) -> \(to) symlink"
    default:
      let path = newPath()
      try disk.link(to: Array("nowhere".utf8), Array(path.utf8))
      links.append(path)
      return "create \(path) symlink"
    }
  }

  private mutating func newPath(outside directory: String? = nil) -> String {
    names += 1
    let places = directories.filter { place in
      directory.map { place != $0 && !place.hasPrefix($0 + "/") } ?? true
    }
    let place = ([""] + places).randomElement(using: &random)!
    return place.isEmpty ? "n\(names)" : "\(place)/n\(names)"
  }

  private func renamed(_ path: String, _ from: String, _ to: String) -> String {
    path == from || path.hasPrefix(from + "/") ? to + path.dropFirst(from.count) : path
  }
}
