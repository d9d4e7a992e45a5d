import FileEvents
import FileWatching
import Foundation
import Synchronization
import Syscalls
import Testing

/// What is counted here holds on any machine, however slow: nothing is measured by the clock.
@Suite("Storms")
struct StormTests {
  private static let writers = 8

  /// Runs `body` on eight threads and waits for them.
  private func inParallel(_ body: @escaping @Sendable (Int) -> Void) throws {
    let threads = try (0..<Self.writers).map { number in
      try OwnThread(name: "writer") { body(number) }
    }
    for thread in threads { thread.join() }
  }

  private func changes(
    _ tree: WatchedTree, _ watch: WatchStatus
  ) -> [(record: JournalRecord, batch: ChangeBatch)] {
    tree.records.filter {
      $0.record.watch == watch.number && $0.record.subject == .change
    }
  }

  /// Where the disk was believed before the records at hand had been applied, half of the renames of
  /// each round were told as one `delete` and one `create`. Each round fits the kernel's queue, so that
  /// no record is lost; `TIDINGS_RENAMES=20000` makes them 160,000. With `settle` 0 nothing of ours may
  /// merge; polling sees only where a file is when it looks.
  @Test(
    "row 32: eight writers rename in eight directories, and each rename is told as one move",
    arguments: WatchedTree.backends)
  func renames(_ backend: BackendChoice) throws {
    let tree = try WatchedTree()
    defer { tree.close() }
    let disk = Disk(root: tree.root)
    for writer in 0..<Self.writers {
      try disk.makeDirectory(Array("\(writer)".utf8))
      try disk.touch(Array("\(writer)/0".utf8))
    }
    var spec = WatchSpec(root: tree.root)
    spec.backend = backend
    spec.settle = .zero
    let watch = try tree.watch(spec)
    var client = ModelClient(try tree.listing(watch.number))
    let environment = ProcessInfo.processInfo.environment
    let each = environment["TIDINGS_RENAMES"].flatMap { Int($0) } ?? 1_600
    var done = 0
    var applied = tree.batches.count
    while done < each {
      let round = done..<min(done + 800, each)
      try inParallel { writer in
        for step in round {
          try? disk.move(Array("\(writer)/\(step)".utf8), Array("\(writer)/\(step + 1)".utf8))
        }
      }
      done = round.upperBound
      try tree.settle()
      let batches = tree.batches
      for batch in batches[applied...] { client.apply(batch, watch: watch.number) }
      applied = batches.count
      #expect(client.entries == disk.everything(), "after \(done) renames by each")
    }
    let told = changes(tree, watch).map(\.record)
    #expect(told.allSatisfy { $0.kind == .move })
    if backend == .poll {
      #expect(told.count >= Self.writers)
    } else {
      #expect(told.count == each * Self.writers)
      #expect(try tree.status(watch.number)?.counters.overflows == 0)
    }
    #expect(client.surprises.isEmpty)
  }

  /// Polling looks as often as it does, and has nothing to count.
  @Test(
    "row 33: who never stops writing keeps nobody from being told",
    arguments: WatchedTree.backends.filter { $0 != .poll })
  func starvation(_ backend: BackendChoice) throws {
    let tree = try WatchedTree()
    defer { tree.close() }
    let disk = Disk(root: tree.root)
    for file in 0..<8 { try disk.touch(Array("\(file)".utf8)) }
    var spec = WatchSpec(root: tree.root)
    spec.backend = backend
    spec.settle = .milliseconds(20)
    spec.settleMax = .milliseconds(500)
    let watch = try tree.watch(spec)
    let isOver = Atomic(false)
    let writer = try OwnThread(name: "writer") { [disk] in
      var step = 0
      // 6,000 a second, and so each of the files every 1.3 ms.
      while !isOver.load(ordering: .relaxed) {
        try? disk.append(Array("\(step % 8)".utf8), [0x78])
        step += 1
        usleep(160)
      }
    }
    tree.wait("16 deliveries of every file") {
      var deliveries: [[UInt8]: Int] = [:]
      for (record, batch) in changes(tree, watch) {
        deliveries[Array(batch.path(of: record)), default: 0] += 1
      }
      return deliveries.count == 8 && deliveries.values.allSatisfy { $0 >= 16 }
    }
    isOver.store(true, ordering: .relaxed)
    writer.join()
    try tree.settle()
    let told = changes(tree, watch).map(\.record)
    #expect(told.allSatisfy { $0.kind == .modify })
    #expect(told.contains { $0.count > 5 }, "what is written meanwhile is merged")
  }

  /// The records of one kernel's queue had all of the time that a turn gives to records, where they never
  /// ended; those of the other queue then had none.
  @Test(
    "a storm on one backend keeps no watch on another from being told",
    .enabled(if: WatchedTree.backends.contains(.fanotify)))
  func otherBackend() throws {
    let tree = try WatchedTree()
    defer { tree.close() }
    let disk = Disk(root: tree.root)
    for name in ["busy", "quiet"] { try disk.makeDirectory(Array(name.utf8)) }
    func watch(_ name: String, _ backend: BackendChoice) throws -> WatchStatus {
      var spec = WatchSpec(root: tree.root + Array("/\(name)".utf8))
      spec.backend = backend
      spec.settle = .zero
      return try tree.watch(spec)
    }
    _ = try watch("busy", .inotify)
    let quiet = try watch("quiet", .fanotify)
    let isOver = Atomic(false)
    let writer = try OwnThread(name: "writer") { [disk] in
      let name = Array("busy/it".utf8)
      while !isOver.load(ordering: .relaxed) {
        try? disk.touch(name)
        try? disk.remove(name)
      }
    }
    for number in 1...20 {
      try disk.touch(Array("quiet/\(number)".utf8))
      tree.wait("file \(number)") {
        changes(tree, quiet).count(where: { $0.record.kind == .create }) == number
      }
    }
    isOver.store(true, ordering: .relaxed)
    writer.join()
  }

  @Test(
    "row 36: the answer to sync comes after every write that was done when it was asked",
    arguments: WatchedTree.backends)
  func syncs(_ backend: BackendChoice) throws {
    let tree = try WatchedTree()
    defer { tree.close() }
    let disk = Disk(root: tree.root)
    var spec = WatchSpec(root: tree.root)
    spec.backend = backend
    let watch = try tree.watch(spec)
    let written = Atomic(0)
    let writer = try OwnThread(name: "writer") { [disk] in
      for number in 0..<1_000 {
        try? disk.write(Array("\(number)".utf8), Array("x".utf8))
        written.store(number + 1, ordering: .releasing)
      }
    }
    var asked = 0
    while asked < 1_000 {
      asked = written.load(ordering: .acquiring)
      let outcome: SyncOutcome = try tree.answer { reply in
        tree.service.sync(
          SyncRequest(id: watch.id, deadline: Clock.monotonic() + 20_000_000_000, answer: reply))
      }
      guard case .done(let sequence) = outcome else {
        Issue.record("\(outcome)")
        break
      }
      var told: Set<[UInt8]> = []
      for batch in tree.batches where batch.first <= sequence {
        for record in batch.records where record.kind == .create {
          told.insert(Array(batch.path(of: record)))
        }
      }
      let missing = (0..<asked).filter { !told.contains(Array("\($0)".utf8)) }
      try #require(missing.isEmpty, "of \(asked): \(missing.prefix(5))")
    }
    writer.join()
  }
}
