import FileEvents
import FileWatching
import Foundation
import SystemPackage
import Testing

@Suite("A FileWatcher, as another program sees it")
final class FileWatcherTests {
  private let root: FilePath

  init() throws {
    let place = FileManager.default.temporaryDirectory
      .appendingPathComponent("tidings-watcher-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    root = FilePath(place.path)
  }

  deinit { try? FileManager.default.removeItem(atPath: root.string) }

  private func write(_ text: String, to name: String) throws {
    let file = try FileDescriptor.open(
      root.appending(name), .writeOnly, options: [.create, .truncate],
      permissions: .ownerReadWrite)
    try file.closeAfter { _ = try file.writeAll(text.utf8) }
  }

  private func makeDirectory(_ name: String) throws {
    try FileManager.default.createDirectory(
      atPath: root.appending(name).string, withIntermediateDirectories: true)
  }

  /// Changes up to the first that `isLast`; ends with the deadline, too.
  private func changes(
    of watcher: FileWatcher, until isLast: (FileChange) -> Bool
  ) -> [FileChange] {
    var changes: [FileChange] = []
    while let change = watcher.next(timeout: .seconds(20)) {
      changes.append(change)
      if isLast(change) { break }
    }
    return changes
  }

  @Test("every change made after the watcher was made is told, with its whole path")
  func changes() throws {
    try write("old", to: "old")
    let watcher = try FileWatcher(root)
    try write("x", to: "f")
    try makeDirectory("a/b")
    try write("y", to: "a/b/g")
    let told = changes(of: watcher) { $0.path == self.root.appending("a/b/g") }
    #expect(told.map(\.relativePath) == ["f", "a", "a/b", "a/b/g"])
    #expect(told.allSatisfy { $0.kind == .create && $0.root == root })
    #expect(told.first?.isClosed == true)
    #expect(told.first?.size == 1)
    #expect(told.map(\.type) == [.file, .directory, .directory, .file])
  }

  @Test("a move is one change with both paths")
  func moves() throws {
    try makeDirectory("a")
    let watcher = try FileWatcher(root)
    try FileManager.default.moveItem(
      atPath: root.appending("a").string, toPath: root.appending("b").string)
    let change = try #require(watcher.next(timeout: .seconds(20)))
    #expect(change.kind == .move)
    #expect(change.from == root.appending("a"))
    #expect(change.path == root.appending("b"))
    #expect(change.description == "move \(root)/a -> \(root)/b")
  }

  @Test("a name that is not UTF-8 keeps its bytes")
  func bytes() throws {
    let watcher = try FileWatcher(root)
    let bytes: [CInterop.PlatformChar] = [0x61, -1, 0]
    let name = try #require(
      bytes.withUnsafeBufferPointer { FilePath.Component(platformString: $0.baseAddress!) })
    let file = try FileDescriptor.open(
      root.appending(name), .writeOnly, options: .create, permissions: .ownerReadWrite)
    try file.close()
    #expect(watcher.next(timeout: .seconds(20))?.path == root.appending(name))
  }

  @Test("for await takes changes as they come and ends when the watcher is stopped")
  func iterating() async throws {
    let watcher = try await FileWatcher.watching(root)
    try write("x", to: "f")
    var iterator = watcher.makeAsyncIterator()
    #expect(await iterator.next()?.relativePath == "f")
    let waiting = Task {
      var rest: [FileChange] = []
      for await change in watcher { rest.append(change) }
      return rest
    }
    watcher.stop()
    #expect(await waiting.value.isEmpty)
    #expect(await iterator.next() == nil)
  }

  @Test("a cancelled task stops waiting, and the next one goes on")
  func cancelling() async throws {
    let watcher = try await FileWatcher.watching(root)
    let waiting = Task {
      for await _ in watcher { return false }
      return Task.isCancelled
    }
    waiting.cancel()
    #expect(await waiting.value)
    try write("x", to: "f")
    var iterator = watcher.makeAsyncIterator()
    #expect(await iterator.next()?.relativePath == "f")
  }

  @Test("only the kinds asked for are told, and nothing that is ignored")
  func options() throws {
    var options = FileWatcher.Options()
    options.kinds = [.delete]
    options.ignore = ["*.tmp"]
    for name in ["a.tmp", "a", "b"] { try write("x", to: name) }
    let watcher = try FileWatcher(root, options: options)
    for name in ["a.tmp", "a", "b"] {
      try write("xy", to: name)
      try FileManager.default.removeItem(atPath: root.appending(name).string)
    }
    let told = changes(of: watcher) { $0.relativePath == "b" }
    #expect(told.map(\.relativePath) == ["a", "b"])
    #expect(told.map(\.kind) == [.delete, .delete])
  }

  @Test("a root that is a file is told as itself")
  func file() throws {
    try write("x", to: "f")
    let watcher = try FileWatcher(root.appending("f"))
    try write("other", to: "g")
    try write("xy", to: "f")
    let change = try #require(watcher.next(timeout: .seconds(20)))
    #expect(change.kind == .modify)
    #expect(change.path == root.appending("f"))
    #expect(change.relativePath.isEmpty)
  }

  @Test("the end of the root is told, and its return is a reset")
  func rootGone() throws {
    try makeDirectory("r")
    let path = root.appending("r")
    let watcher = try FileWatcher(path)
    try FileManager.default.removeItem(atPath: path.string)
    #expect(changes(of: watcher) { $0.kind == .delete }.last?.path == path)
    try makeDirectory("r")
    let back = changes(of: watcher) { $0.kind == .reset }.last
    #expect(back?.resetReason == .rootReturned)
    #expect(back?.path == path)
  }

  @Test("what cannot be watched is refused with its errno and the directory")
  func refusals() throws {
    let absent = root.appending("absent")
    let error = try #require(throws: FileWatcherError.self) { try FileWatcher(absent) }
    #expect(error.code == .noSuchPath)
    #expect(error.errno == .noSuchFileOrDirectory)
    #expect(error.directory == absent)
    var options = FileWatcher.Options()
    options.include = ["[z-a"]
    let glob = try #require(throws: FileWatcherError.self) {
      try FileWatcher(self.root, options: options)
    }
    #expect(glob.code == .invalidPattern)
    #expect(glob.errno == nil)
  }

  /// By what this process watches the root, proc(5): `inotify`, `fanotify`, or nothing.
  private func marker() throws -> String? {
    let number = try #require(
      try FileManager.default.attributesOfItem(atPath: root.string)[.systemFileNumber] as? UInt64)
    for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fdinfo") {
      let text = try? String(contentsOfFile: "/proc/self/fdinfo/\(name)", encoding: .utf8)
      for line in (text ?? "").split(separator: "\n")
      where line.contains(" ino:\(String(number, radix: 16)) ") {
        return String(line.prefix { $0 != " " })
      }
    }
    return nil
  }

  @Test("a watcher that is let go ends its threads and gives its kernel watches back")
  func letGo() throws {
    var watcher: FileWatcher? = try FileWatcher(root)
    #expect(try marker() == "inotify")
    #expect(watcher?.root == root)
    watcher = nil
    #expect(try marker() == nil)
  }

  @Test(
    "the backend asked for finds the changes",
    arguments: [
      (BackendChoice.inotify, FileWatcher.Options.Backend.inotify, "inotify"),
      (.fanotify, .fanotify, "fanotify"), (.poll, .poll, nil),
    ] as [(BackendChoice, FileWatcher.Options.Backend, String?)])
  func backend(
    _ choice: BackendChoice, _ backend: FileWatcher.Options.Backend, _ expected: String?
  ) throws {
    guard WatchedTree.backends.contains(choice) else { return }
    var options = FileWatcher.Options()
    options.backend = backend
    options.pollInterval = .milliseconds(100)
    let watcher = try FileWatcher(root, options: options)
    #expect(try marker() == expected)
    try write("x", to: "f")
    #expect(watcher.next(timeout: .seconds(20))?.relativePath == "f")
  }

  @Test(
    "an interval that would be all looking, or none, is refused",
    arguments: [.milliseconds(99), .seconds(3601), .zero] as [Duration])
  func intervals(_ interval: Duration) throws {
    var options = FileWatcher.Options()
    options.pollInterval = interval
    let error = try #require(throws: FileWatcherError.self) {
      try FileWatcher(self.root, options: options)
    }
    #expect(error.code == .unsupported)
    #expect(error.detail.contains("pollInterval"))
  }

  @Test(
    "an unreadable directory is told as a reset with the error",
    .enabled(if: getuid() != 0, "root reads everything"))
  func unreadable() throws {
    try makeDirectory("locked")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0], ofItemAtPath: root.appending("locked").string)
    let watcher = try FileWatcher(root)
    let change = try #require(watcher.next(timeout: .seconds(20)))
    #expect(change.resetReason == .unwatchable)
    #expect(change.error?.errno == .permissionDenied)
    #expect(change.error?.directory == root.appending("locked"))
  }
}
