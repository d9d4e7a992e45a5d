import CLinux
import FileEvents
import Foundation
import Syscalls
import Testing

@testable import FileWatching

@Suite("When what is polled is looked at again")
struct PollingTests {
  private static let second: Int64 = 1_000_000_000

  @Test("a round begins one interval after the one before began")
  func interval() {
    var polling = Polling(interval: 2 * Self.second)
    polling.schedule(Self.second)
    #expect(polling.due == 3 * Self.second)
    polling.begin(3 * Self.second)
    #expect(polling.isRunning)
    polling.end(3 * Self.second + 5)
    #expect(polling.due == 5 * Self.second)
    polling.stop()
    #expect(polling.due == nil)
  }

  @Test("a round that took long is followed by a longer rest")
  func stretched() throws {
    var polling = Polling(interval: 1)
    polling.schedule(0)
    polling.begin(10)
    polling.spend(since: Clock.monotonic() - Self.second)
    polling.end(20)
    #expect(try #require(polling.due) >= 10 + 10 * Self.second)
  }

  @Test("who waits is served by a round that began later")
  func hurried() {
    var polling = Polling(interval: Self.second)
    polling.schedule(0)
    polling.begin(Self.second)
    let round = polling.hurry(Self.second + 1)
    polling.end(Self.second + 2)
    #expect(polling.ended < round && !polling.isCaughtUp)
    #expect(polling.due == Self.second + 2)
    polling.begin(Self.second + 2)
    polling.end(Self.second + 3)
    #expect(polling.ended == round && polling.isCaughtUp)
  }

  @Test("a round that others keep going is ended", arguments: [(5, false), (6, true)])
  func overdue(seconds: Int64, isOverdue: Bool) {
    var polling = Polling(interval: Self.second)
    polling.begin(Self.second)
    #expect(polling.isOverdue(Self.second * (1 + seconds)) == isOverdue)
  }

  @Test("where nothing is polled any more nobody waits")
  func stopped() {
    var polling = Polling(interval: Self.second)
    let round = polling.hurry(0)
    polling.stop()
    #expect(polling.ended >= round && polling.isCaughtUp)
  }
}

@Suite("What polling finds")
struct PolledTreeTests {
  private let tree: WatchedTree
  private let disk: Disk

  init() throws {
    tree = try WatchedTree()
    disk = Disk(root: tree.root)
  }

  private func watch(_ change: (inout WatchSpec) -> Void = { _ in }) throws -> WatchStatus {
    var spec = WatchSpec(root: tree.root)
    spec.backend = .poll
    spec.pollInterval = .milliseconds(100)
    change(&spec)
    return try tree.watch(spec)
  }

  private var words: [String] {
    tree.records.filter { $0.record.subject != .watch }
      .map { ChangeWords.shown(ChangeWords.describe($0.record, in: $0.batch)) }
  }

  @Test("nobody need ask: it is found within the interval")
  func unasked() throws {
    defer { tree.close() }
    let status = try watch()
    #expect(status.backend == "poll")
    try disk.write(Array("f".utf8), Array("x".utf8))
    tree.wait("the change") { words == ["create f file rescan"] }
    #expect(try tree.status(status.number)?.kernelWatches == 0)
  }

  @Test("a file that keeps its size and time is told apart by its content")
  func sameStep() throws {
    defer { tree.close() }
    let path = Array("f".utf8)
    try disk.write(path, Array("a".utf8))
    let status = try watch { $0.pollInterval = .seconds(3600) }
    let before = words.count
    // A page that is dirty already is stored to without another time of modification.
    let file = try disk.open(path, O_RDWR)
    defer { close(file) }
    let memory = try #require(mmap(nil, 1, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0))
    defer { munmap(memory, 1) }
    memory.storeBytes(of: UInt8(ascii: "b"), as: UInt8.self)
    try tree.settle()
    let told = words.dropFirst(before)
    let time = try #require(disk.status(path)).st_mtim
    memory.storeBytes(of: UInt8(ascii: "c"), as: UInt8.self)
    let isSameStep = time.tv_nsec == disk.status(path)?.st_mtim.tv_nsec
    try tree.settle()
    #expect(told == ["modify f file rescan"])
    if isSameStep {
      #expect(words.dropFirst(before) == ["modify f file rescan", "modify f file rescan"])
    }
    try tree.settle()
    let rest = words.count
    try tree.settle()
    #expect(words.count == rest)
    #expect(try tree.status(status.number)?.state == .live)
  }

  @Test("of objects that change places in a circle one is told anew, the others as moved")
  func circle() throws {
    defer { tree.close() }
    for name in ["a", "b", "c"] {
      try disk.makeDirectory(Array(name.utf8))
      try disk.write(Array("\(name)/in-\(name)".utf8), Array("x".utf8))
    }
    let status = try watch()
    var client = ModelClient(try tree.listing(status.number))
    let before = tree.batches.count
    for (from, to) in [("a", "x"), ("c", "a"), ("b", "c"), ("x", "b")] {
      try disk.move(Array(from.utf8), Array(to.utf8))
    }
    try tree.settle()
    for batch in tree.batches[before...] { client.apply(batch, watch: status.number) }
    #expect(client.entries == disk.everything())
    #expect(client.surprises.isEmpty)
    #expect(words.count { $0.hasPrefix("move ") } == 2, "\(words)")
  }

  @Test("other modes of directories are told, of the root too", arguments: [true, false])
  func modes(isRecursive: Bool) throws {
    defer { tree.close() }
    try disk.makeDirectory(Array("d".utf8))
    _ = try watch { $0.recursive = isRecursive }
    try disk.changeMode(Array("d".utf8), 0o700)
    try disk.changeMode([UInt8(ascii: ".")], 0o711)
    try tree.settle()
    #expect(Set(words) == ["attrib d directory rescan", "attrib \"\" directory rescan"])
    try tree.settle()
    #expect(words.count == 2)
  }

  @Test("without an index what has changed is to be read again, directory by directory")
  func withoutIndex() throws {
    defer { tree.close() }
    try disk.makeDirectories(Array("d/e".utf8))
    try disk.write(Array("d/f".utf8), Array("x".utf8))
    _ = try watch { $0.index = false }
    try tree.settle()
    #expect(words == [])
    try disk.append(Array("d/f".utf8), Array("y".utf8))
    try tree.settle()
    #expect(words == ["reset unwatchable d"])
    try disk.write(Array("d/e/new".utf8), Array("x".utf8))
    try tree.settle()
    #expect(words.contains("reset unwatchable d/e"))
  }

  @Test("one of two names of a file is a link, not a move")
  func link() throws {
    defer { tree.close() }
    try disk.write(Array("f".utf8), Array("x".utf8))
    _ = try watch()
    try disk.hardLink(Array("f".utf8), Array("g".utf8))
    try tree.settle()
    #expect(Set(words) == ["create g file rescan", "attrib f file rescan"])
  }
}
