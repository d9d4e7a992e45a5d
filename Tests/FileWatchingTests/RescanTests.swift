import FileEvents
import FileWatching
import Foundation
import Syscalls
import Testing

@Suite("What a watch can be asked to do")
struct RescanTests {
  private let tree: WatchedTree
  private let disk: Disk

  init() throws {
    tree = try WatchedTree()
    disk = Disk(root: tree.root)
  }

  private func spec(_ change: (inout WatchSpec) -> Void = { _ in }) -> WatchSpec {
    var spec = WatchSpec(root: tree.root)
    change(&spec)
    return spec
  }

  private func sync(_ id: String, within seconds: Int64 = 20) throws -> SyncOutcome {
    try tree.answer { reply in
      tree.service.sync(
        SyncRequest(
          id: id, deadline: Clock.monotonic() + seconds * 1_000_000_000, answer: reply))
    }
  }

  private func rescan(_ id: String, _ path: String) throws -> RescanOutcome {
    try tree.answer { tree.service.rescan(id: id, path: Array(path.utf8), reply: $0) }
  }

  private var words: [String] {
    tree.records.filter { $0.record.subject != .watch }
      .map { ChangeWords.shown(ChangeWords.describe($0.record, in: $0.batch)) }
  }

  @Test("sync publishes every change made before it, whatever settle says")
  func syncPublishes() throws {
    defer { tree.close() }
    let watch = try tree.watch(
      spec {
        $0.settle = .seconds(600)
        $0.settleMax = .seconds(600)
      })
    try disk.makeDirectory(Array("d".utf8))
    for number in 0..<50 { try disk.write(Array("d/\(number)".utf8), Array("x".utf8)) }
    guard case .done(let sequence) = try sync(watch.id) else {
      Issue.record("not in time")
      return
    }
    #expect(words.count { $0.hasPrefix("create d/") } == 50)
    let last = try #require(tree.batches.last)
    #expect(sequence == last.end - 1)
  }

  @Test("sync gives up at its deadline, and knows the watches there are")
  func syncGivesUp() throws {
    defer { tree.close() }
    let watch = try tree.watch(spec())
    tree.service.pauseReading()
    try disk.touch(Array("a".utf8))
    #expect(try sync(watch.id, within: 0) == .late)
    tree.service.resumeReading()
    #expect(try sync("nobody") == .noSuchWatch)
  }

  @Test(
    "a rescan finds what no record told of, at and below its path",
    arguments: [("", true), ("d", true), ("d/f", true), ("e", false)])
  func rescanFinds(_ path: String, _ isFound: Bool) throws {
    defer { tree.close() }
    for name in ["d", "e"] { try disk.makeDirectory(Array(name.utf8)) }
    try disk.write(Array("d/f".utf8), Array("x".utf8))
    let watch = try tree.watch(spec())
    let before = words.count
    let file = try disk.storeSilently(Array("d/f".utf8))
    defer { close(file) }
    try tree.settle()
    #expect(words.count == before)
    #expect(try rescan(watch.id, path) == .begun)
    try tree.settle()
    #expect(Array(words.dropFirst(before)) == (isFound ? ["modify d/f file rescan"] : []))
    #expect(try tree.status(watch.number)?.counters.rescans == 1)
  }

  @Test(
    "a rescan of what is not there, or not seen, is refused",
    arguments: ["nothing", "nothing/below", "d/..", "d/.", "f/below", "seen.log"])
  func rescanOfNothing(_ path: String) throws {
    defer { tree.close() }
    try disk.makeDirectory(Array("d".utf8))
    for name in ["f", "seen.log"] { try disk.touch(Array(name.utf8)) }
    let watch = try tree.watch(spec { $0.ignore = ["*.log"] })
    #expect(try rescan(watch.id, path) == .noSuchPath)
    #expect(try rescan("nobody", path) == .noSuchWatch)
  }

  @Test("without an index a rescan is a reset of its path", arguments: ["", "d", "d/f"])
  func rescanWithoutIndex(_ path: String) throws {
    defer { tree.close() }
    try disk.makeDirectory(Array("d".utf8))
    try disk.touch(Array("d/f".utf8))
    let watch = try tree.watch(spec { $0.index = false })
    #expect(try rescan(watch.id, path) == .begun)
    try tree.settle()
    #expect(words == ["reset rescan \(path.isEmpty ? "\"\"" : path)"])
  }
}
