import FileEvents
import FileWatching
import Foundation
import Testing

@Suite("Random operations: a client that applies the changes has the disk's picture")
struct RandomTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var settle = 20
    var isOverflowing = false
    var testDescription: String { "settle \(settle)\(isOverflowing ? ", overflowing" : "")" }

    static let all = [
      Case(), Case(settle: 0), Case(settle: 3), Case(isOverflowing: true),
      Case(settle: 0, isOverflowing: true),
    ]
  }

  /// TIDINGS_SEED repeats a run; otherwise each is new.
  static let seed =
    ProcessInfo.processInfo.environment["TIDINGS_SEED"].flatMap(UInt64.init)
    ?? UInt64.random(in: 0...UInt64.max)

  /// In each eighth the kernel's queue may overflow; TIDINGS_ROUNDS makes fewer of them.
  static let rounds =
    ProcessInfo.processInfo.environment["TIDINGS_ROUNDS"].flatMap { Int($0) } ?? 40

  @Test(
    "whatever happens, the sum of changes is the truth",
    arguments: Case.all, WatchedTree.backends)
  func convergence(_ given: Case, _ backend: BackendChoice) throws {
    try Self.run(given, on: backend, in: FileManager.default.temporaryDirectory)
  }

  static func run(_ given: Case, on backend: BackendChoice, in place: URL) throws {
    let tree = try WatchedTree(in: place)
    defer { tree.close() }
    let disk = Disk(root: tree.root)
    print("random operations: TIDINGS_SEED=\(Self.seed)")
    var operations = RandomOperations(seed: Self.seed, disk: disk)
    operations.run(300)

    var spec = WatchSpec(root: tree.root)
    spec.settle = .milliseconds(given.settle)
    spec.backend = backend
    spec.pollInterval = .milliseconds(100)
    let status = try tree.watch(spec)
    let first = try tree.listing(status.number)
    #expect(first == disk.everything())
    var client = ModelClient(first)
    var applied = tree.batches.count

    for round in 0..<Self.rounds {
      // While polling nothing is lost; here it looks at times of its own, too.
      let isPaused = given.isOverflowing || round % 4 == 3
      if isPaused { tree.service.pauseReading() }
      operations.run(given.isOverflowing ? 100 : 50 + round * 5)
      if given.isOverflowing, round % 8 == 7 {
        try disk.walkOutside(17_000)
        operations.run(100)
      }
      if isPaused { tree.service.resumeReading() }
      guard round % 5 == 4 else { continue }
      try tree.settle()
      let batches = tree.batches
      for batch in batches[applied...] { client.apply(batch, watch: status.number) }
      applied = batches.count
      let listed = try tree.listing(status.number, limit: 50)
      #expect(listed == disk.everything(), "listing differs from disk")
      try compare(client, disk, "seed \(Self.seed), after \(operations.done) operations")
    }
    let counters = try #require(try tree.status(status.number)).counters
    #expect((given.isOverflowing && backend != .poll) == (counters.overflows > 0))
  }

  private static func compare(_ client: ModelClient, _ disk: Disk, _ when: String) throws {
    let truth = disk.everything()
    let missing = truth.filter { client.entries[$0.key] != $0.value }
    let extra = client.entries.filter { truth[$0.key] == nil }
    try #require(
      missing.isEmpty && extra.isEmpty,
      """
      \(when): missing \(missing.map { "\(ChangeWords.shown([$0.key])) \($0.value) not \(client.entries[$0.key] as Any)" }), \
      too many \(extra.map { "\(ChangeWords.shown([$0.key])) \($0.value)" })
      """)
    for (path, size) in client.sizes where truth[path] == .file {
      let onDisk = disk.size(path)
      #expect(size == onDisk, "\(when): size of \(ChangeWords.shown([path]))")
    }
    #expect(client.surprises.isEmpty, "\(when): \(client.surprises.prefix(5))")
  }
}
