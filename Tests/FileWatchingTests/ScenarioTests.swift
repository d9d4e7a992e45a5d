import CLinux
import FileEvents
import FileWatching
import Foundation
import Synchronization
import Syscalls
import Testing

@Suite("Scenarios on the real kernel")
struct ScenarioTests {
  @Test(
    "each tells what its file says", arguments: ScenarioScript.all, WatchedTree.backends)
  func scenario(_ name: String, _ backend: BackendChoice) throws {
    try ScenarioRun(ScenarioScript.named(name, for: backend), on: backend).run()
  }

  @Test("there are scenarios to run")
  func scenariosExist() { #expect(ScenarioScript.all.count >= 25) }
}

/// One scenario being run.
final class ScenarioRun {
  private let script: ScenarioScript
  private let backend: BackendChoice
  private let tree: WatchedTree
  private let disk: Disk
  private var watches: [String: WatchStatus] = [:]
  private var current = ""
  /// How many records had been checked, by watch.
  private var checked: [String: Int] = [:]
  private var held: Int32 = -1

  init(
    _ script: ScenarioScript, on backend: BackendChoice,
    in place: URL = FileManager.default.temporaryDirectory
  ) throws {
    self.script = script
    self.backend = backend
    let isUnprivileged = script.lines.contains { $0.text(0) == "as" }
    tree = try isUnprivileged ? Self.unprivileged(in: place) : WatchedTree(in: place)
    disk = Disk(root: tree.root)
  }

  /// Credentials belong to a thread, and the threads it starts inherit them: a thread that has given
  /// up root's file access starts a watcher without it, while the test goes on as root.
  private static func unprivileged(in place: URL) throws -> WatchedTree {
    let outcome = Outcome()
    let thread = try OwnThread(name: "unprivileged") {
      _ = setfsuid(65_534)
      outcome.tree.withLock { $0 = try? WatchedTree(in: place) }
    }
    thread.join()
    return try #require(outcome.tree.withLock { $0 })
  }

  private final class Outcome: Sendable {
    let tree = Mutex<WatchedTree?>(nil)
  }

  func run() throws {
    defer { tree.close() }
    var index = 0
    while index < script.lines.count {
      let line = script.lines[index]
      index += 1
      guard line.text(0) == "expect" else {
        try perform(line)
        continue
      }
      var expected = [line]
      while index < script.lines.count, script.lines[index].text(0) == "expect" {
        expected.append(script.lines[index])
        index += 1
      }
      try expectExactly(expected)
    }
  }

  private func perform(_ line: ScenarioScript.Line) throws {
    let words = line.words
    func path(_ index: Int) throws -> [UInt8] {
      guard index < words.count else { throw ScenarioScript.Malformed(line: line.number) }
      return words[index]
    }
    switch line.text(0) {
    case "as": break
    case "watch": try watch(line)
    case "patch": try patch(line)
    case "remove":
      let id = try #require(watches[line.text(1)]).id
      let isRemoved: Bool = try tree.answer { tree.service.remove(id: id, reply: $0) }
      #expect(isRemoved)
    case "use": current = line.text(1)
    case "mkdir":
      if line.text(1) == "-p" {
        try disk.makeDirectories(path(2))
      } else {
        try disk.makeDirectory(path(1))
      }
    case "write": try disk.write(path(1), path(2))
    case "append": try disk.append(path(1), path(2))
    case "touch": try disk.touch(path(1))
    case "read": try disk.read(path(1))
    case "rm":
      if line.text(1) == "-r" { try disk.removeAll(path(2)) } else { try disk.remove(path(1)) }
    case "mv": try disk.move(path(1), path(2))
    case "exchange": try disk.exchange(path(1), path(2))
    case "ln":
      if line.text(1) == "-s" {
        try disk.link(to: path(2), path(3))
      } else {
        try disk.hardLink(path(1), path(2))
      }
    case "chmod": try disk.changeMode(path(2), mode_t(line.text(1), radix: 8) ?? 0)
    case "utimes": try disk.setTimes(path(1), seconds: 1_000_000_000)
    case "store": try disk.storeByMapping(path(1), path(2)[0])
    case "open": held = try disk.open(path(1), O_WRONLY | O_APPEND)
    case "put": try disk.put(held, path(1))
    case "close": close(held)
    case "pause": tree.service.pauseReading()
    case "resume": tree.service.resumeReading()
    case "overflow": try overflow()
    case "settle": try tree.settle()
    case "repeat": try repeatLine(line)
    case "forget":
      try tree.settle()
      checked[current] = records(of: current).count
    default: try check(line)
    }
  }

  private func repeatLine(_ line: ScenarioScript.Line) throws {
    for round in 0..<(Int(line.text(1)) ?? 0) {
      let words = line.words.dropFirst(2).map { word in
        Array(
          String(decoding: word, as: UTF8.self).replacingOccurrences(of: "{i}", with: "\(round)")
            .utf8)
      }
      try perform(ScenarioScript.Line(number: line.number, words: Array(words)))
    }
  }

  /// A file beside the root goes through names that are all different, so that nothing merges: what
  /// guards the root is told of each.
  private func overflow() throws {
    let limits = try ["inotify", "fanotify"].compactMap { name in
      Int(
        try String(contentsOfFile: "/proc/sys/fs/\(name)/max_queued_events", encoding: .utf8)
          .trimmingCharacters(in: .whitespacesAndNewlines))
    }
    try disk.walkOutside((limits.max() ?? 16_384) + 100)
  }

  private func watch(_ line: ScenarioScript.Line) throws {
    var spec = WatchSpec(root: tree.root)
    spec.backend = backend
    var name = ""
    for word in line.words.dropFirst().map({ String(decoding: $0, as: UTF8.self) }) {
      guard let equals = word.firstIndex(of: "=") else {
        name = word
        continue
      }
      let value = String(word[word.index(after: equals)...])
      let list = value.split(separator: ",").map(String.init)
      switch word[..<equals] {
      case "settle": spec.settle = .milliseconds(Int(value)!)
      case "settle-max": spec.settleMax = .milliseconds(Int(value)!)
      case "index": spec.index = value == "yes"
      case "hidden": spec.hidden = value == "yes"
      case "recursive": spec.recursive = value == "yes"
      case "gitignore": spec.gitignore = value == "yes"
      case "ignore": spec.ignore = list
      case "include": spec.include = list
      case "kinds": spec.kinds = Self.kinds(list)
      case "root": spec.root = tree.root + [0x2F] + Array(value.utf8)
      default: throw ScenarioScript.Malformed(line: line.number)
      }
    }
    if !name.isEmpty { spec.id = name }
    watches[name] = try tree.watch(spec)
    current = name
    checked[name] = records(of: name).count
  }

  private static func kinds(_ names: [String]) -> ChangeKinds {
    names.reduce(into: []) { $0.formUnion(ChangeKinds(ChangeKind(name: $1)!)) }
  }

  private func patch(_ line: ScenarioScript.Line) throws {
    var patch = WatchPatch()
    for word in line.words.dropFirst().map({ String(decoding: $0, as: UTF8.self) }) {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { throw ScenarioScript.Malformed(line: line.number) }
      let list = parts[1].split(separator: ",").map(String.init)
      switch parts[0] {
      case "ignore": patch.ignore = list
      case "include": patch.include = list
      case "hidden": patch.hidden = parts[1] == "yes"
      case "kinds": patch.kinds = Self.kinds(list)
      case "settle": patch.settle = .milliseconds(Int(parts[1])!)
      default: throw ScenarioScript.Malformed(line: line.number)
      }
    }
    let id = try #require(watches[current]).id
    let result: Result<WatchStatus, WatchProblem>? = try tree.answer { reply in
      tree.service.patch(id: id, patch, reply: reply)
    }
    _ = try #require(result).get()
  }

  // MARK: Checks

  private func records(of name: String) -> [(record: JournalRecord, batch: ChangeBatch)] {
    guard let number = watches[name]?.number else { return [] }
    return tree.records.filter { $0.record.watch == number }
  }

  /// What has come since the last check, and marks it checked.
  private func newWords() throws -> [[[UInt8]]] {
    try tree.settle()
    let all = records(of: current)
    let new = all.dropFirst(checked[current] ?? 0)
    checked[current] = all.count
    return new.map(describe)
  }

  private func describe(_ one: (record: JournalRecord, batch: ChangeBatch)) -> [[UInt8]] {
    told(ChangeWords.describe(one.record, in: one.batch))
  }

  /// A change, or an expected one, as far as the backend can tell.
  private func told(_ words: [[UInt8]]) -> [[UInt8]] {
    backend == .poll ? ChangeWords.polled(words) : words
  }

  /// In the order in which they are compared: polling finds what happened, not in which order.
  private func ordered(_ changes: [[[UInt8]]]) -> [[[UInt8]]] {
    guard backend == .poll else { return changes }
    return changes.sorted { ChangeWords.shown($0) < ChangeWords.shown($1) }
  }

  private func expectExactly(_ lines: [ScenarioScript.Line]) throws {
    let came = ordered(try newWords())
    let expected = ordered(lines.map { told(Array($0.words.dropFirst())) })
    let isSame =
      came.count == expected.count && zip(came, expected).allSatisfy { ChangeWords.matches($0, $1) }
    #expect(
      isSame,
      """
      line \(lines[0].number): expected
      \(expected.map(ChangeWords.shown).joined(separator: "\n"))
      but there came
      \(came.map(ChangeWords.shown).joined(separator: "\n"))
      """)
  }

  private func check(_ line: ScenarioScript.Line) throws {
    switch line.text(0) {
    case "expect-none":
      let came = try newWords()
      #expect(
        came.isEmpty,
        "line \(line.number): \(came.map(ChangeWords.shown).joined(separator: "\n"))")
    case "expect-some":
      try tree.settle()
      let came = records(of: current).dropFirst(checked[current] ?? 0).map(describe)
      let expected = told(Array(line.words.dropFirst()))
      #expect(
        came.contains { ChangeWords.matches($0, expected) },
        """
        line \(line.number): \(ChangeWords.shown(expected)) is not among
        \(came.map(ChangeWords.shown).joined(separator: "\n"))
        """)
    case "expect-count":
      try tree.settle()
      let came = records(of: current).dropFirst(checked[current] ?? 0).map(describe)
      let count = came.count { $0[0] == line.words[2] }
      #expect(
        count == Int(line.text(1)),
        "line \(line.number): \(came.map(ChangeWords.shown).joined(separator: "\n"))")
    case "expect-listing": try expectListing(line)
    case "expect-listing-of":
      try tree.settle()
      let listed = try tree.listing(try #require(watches[current]).number)
      let paths = listed.keys.sorted { $0.lexicographicallyPrecedes($1) }
      let expected = line.words.dropFirst().sorted { $0.lexicographicallyPrecedes($1) }
      #expect(paths == expected, "line \(line.number): \(ChangeWords.shown(paths))")
    case "expect-marks":
      try tree.settle()
      let status = try tree.status(try #require(watches[current]).number)
      #expect(status?.kernelWatches == Int(line.text(1)), "line \(line.number)")
    case "expect-state":
      try tree.settle()
      let number = try #require(watches[current]).number
      let found = try tree.status(number)
      let status = try #require(found)
      #expect(status.state.name == line.text(1), "line \(line.number)")
      if line.words.count > 2 {
        #expect(status.reason?.code.rawValue == line.text(2), "line \(line.number)")
        #expect(status.reason?.path == line.words[3], "line \(line.number)")
      }
    default: throw ScenarioScript.Malformed(line: line.number)
    }
  }

  private func expectListing(_ line: ScenarioScript.Line) throws {
    try tree.settle()
    let status = try #require(watches[current])
    let listed = try tree.listing(status.number, limit: 7)
    let onDisk = Disk(root: status.root).everything()
    let missing = onDisk.filter { listed[$0.key] != $0.value }.map { ChangeWords.shown([$0.key]) }
    let extra = listed.filter { onDisk[$0.key] == nil }.map { ChangeWords.shown([$0.key]) }
    #expect(missing.isEmpty && extra.isEmpty, "line \(line.number): -\(missing) +\(extra)")
  }
}
