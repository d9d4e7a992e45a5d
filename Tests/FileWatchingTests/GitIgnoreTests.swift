import FileEvents
import FileWatching
import Foundation
import Testing

@Suite("A watch with gitignore")
struct GitIgnoreTests {
  /// What is to be seen of a directory, by looking at the disk from the root downwards.
  private struct Oracle {
    let disk: Disk
    var own = IgnoreList()

    func visible() -> [[UInt8]: FileType] {
      var found: [[UInt8]: FileType] = [:]
      look([], lists: [], &found)
      return found
    }

    private func look(
      _ directory: [UInt8], lists: [(depth: Int, list: IgnoreList)],
      _ found: inout [[UInt8]: FileType]
    ) {
      var lists = lists
      let file = directory + (directory.isEmpty ? [] : [0x2F]) + Array(".gitignore".utf8)
      if disk.type(file) == .file,
        let data = FileManager.default.contents(
          atPath: String(decoding: disk.root + [0x2F] + file, as: UTF8.self))
      {
        let depth = directory.isEmpty ? 0 : directory.count + 1
        lists.insert((depth, IgnoreList(file: Array(data))), at: 0)
      }
      for name in disk.names(in: directory) where name != Array(".git".utf8) {
        let path = directory.isEmpty ? name : directory + [0x2F] + name
        let type = disk.type(path)
        let isDirectory = type == .directory
        let verdict =
          own.verdict(path: path.span, isDirectory: isDirectory)
          ?? lists.lazy.compactMap { entry in
            Array(path[entry.depth...]).withVerdict(of: entry.list, isDirectory)
          }.first
        guard verdict != true else { continue }
        found[path] = type
        if isDirectory { look(path, lists: lists, &found) }
      }
    }
  }

  @Test("whatever happens to tree and patterns, the sum of changes is what git would not ignore")
  func convergence() throws {
    let tree = try WatchedTree()
    defer { tree.close() }
    let disk = Disk(root: tree.root)
    var random: any RandomNumberGenerator = SeededGenerator(seed: RandomTests.seed)
    var operations = RandomOperations(seed: RandomTests.seed, disk: disk)
    operations.run(200)
    edit(disk, &random)
    var spec = WatchSpec(root: tree.root)
    spec.gitignore = true
    var oracle = Oracle(disk: disk)
    let status = try tree.watch(spec)
    let first = try tree.listing(status.number)
    try #require(first == oracle.visible(), "seed \(RandomTests.seed), at first")
    var client = ModelClient(first)
    var applied = tree.batches.count
    for round in 0..<60 {
      if round % 5 == 4 { tree.service.pauseReading() }
      operations.run(40)
      for _ in 0..<3 { edit(disk, &random) }
      operations.run(10)
      if round % 10 == 9 {
        var patch = WatchPatch()
        patch.ignore = [["!a"], ["b/", "*~"], []].randomElement(using: &random)!
        oracle.own = try IgnoreList(patch.ignore!)
        let _: Result<WatchStatus, WatchProblem>? = try tree.answer { reply in
          tree.service.patch(id: status.id, patch, reply: reply)
        }
      }
      tree.service.resumeReading()
      guard round % 3 == 2 else { continue }
      try tree.settle()
      let batches = tree.batches
      for batch in batches[applied...] { client.apply(batch, watch: status.number) }
      applied = batches.count
      let visible = oracle.visible()
      let when = "seed \(RandomTests.seed), round \(round)"
      let listed = try tree.listing(status.number)
      try #require(difference(listed, visible).isEmpty, "\(when): \(difference(listed, visible))")
      let told = difference(client.entries, visible)
      try #require(told.isEmpty, "\(when), told: \(told)")
      #expect(client.surprises.isEmpty, "\(when): \(client.surprises.prefix(5))")
      let directories = visible.values.count { $0 == .directory }
      #expect(try tree.status(status.number)?.kernelWatches == directories + 1, "\(when)")
    }
  }

  private func difference(_ one: [[UInt8]: FileType], _ other: [[UInt8]: FileType]) -> [String] {
    Set(one.keys).union(other.keys).filter { one[$0] != other[$0] }
      .map { "\(ChangeWords.shown([$0])): \(one[$0] as Any) and not \(other[$0] as Any)" }.sorted()
  }

  /// Writes, replaces or removes the file of some directory.
  private func edit(_ disk: Disk, _ random: inout any RandomNumberGenerator) {
    let directories = [[]] + disk.everything().filter { $0.value == .directory }.keys
    let directory = directories.randomElement(using: &random)!
    let file = directory + (directory.isEmpty ? [] : [0x2F]) + Array(".gitignore".utf8)
    let lines = ["a", "/b", "c/", "!a", "d/e\u{301}", "**/f f", "a/*", "!b", "*~", ""]
    let text = (0..<Int.random(in: 1...3, using: &random))
      .map { _ in lines.randomElement(using: &random)! }.joined(separator: "\n")
    switch Int.random(in: 0..<4, using: &random) {
    case 0: try? disk.remove(file)
    case 1:
      try? disk.write(file + [0x7E], Array(text.utf8))
      try? disk.move(file + [0x7E], file)
    default: try? disk.write(file, Array(text.utf8))
    }
  }
}

extension [UInt8] {
  fileprivate func withVerdict(of list: IgnoreList, _ isDirectory: Bool) -> Bool? {
    list.verdict(path: span, isDirectory: isDirectory)
  }
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
