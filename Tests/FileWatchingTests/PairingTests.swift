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
    #expect(kinds.count { $0 == .move } == 100 && kinds.count == 100, "\(kinds)")
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
    let told = tree.records[before...].map { ChangeWords.describe($0.record, in: $0.batch) }
    #expect(told.map(ChangeWords.shown) == ["move here -> there directory"])
  }
}
