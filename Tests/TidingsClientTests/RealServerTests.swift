import Foundation
import Synchronization
import Syscalls
import SystemPackage
import Testing

@testable import TidingsClient

/// The executable, watching a directory of its own.
private final class RealServer: Sendable {
  let directory: URL
  let port: UInt16
  private let process = Mutex<Process?>(nil)

  init() throws {
    directory = FileManager.default.temporaryDirectory.appending(path: "tc-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    // Free a moment ago; a restart needs the same one.
    let probe = try Socket.listening(at: .loopbackIPv4(port: 0), backlog: 1)
    port = try #require(try probe.localAddress().port)
  }

  var url: String { "http://127.0.0.1:\(port)" }

  func start() throws {
    let process = Process()
    process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent().appending(path: "tidings")
    process.arguments = ["daemon", "--root", directory.path, "--port", "\(port)", "--settle", "0"]
    process.standardError = FileHandle.nullDevice
    try process.run()
    self.process.withLock { $0 = process }
  }

  /// SIGKILL: no goodbye.
  func kill() {
    process.withLock { process in
      guard let process else { return }
      Foundation.kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
  }

  func write(_ name: String) throws {
    try Data("x".utf8).write(to: directory.appending(path: name))
  }

  func remove() {
    kill()
    try? FileManager.default.removeItem(at: directory)
  }
}

@Suite(.timeLimit(.minutes(2)))
struct RealServerTests {
  @Test("a client follows the real server through its death and its next life")
  func killAndRestart() async throws {
    let server = try RealServer()
    defer { server.remove() }
    try server.write("before")
    try server.start()
    var subscription = Subscription()
    subscription.initial = true
    let sequence = try Client.impatient(server.url).changes(subscription)
    var told: [String] = []
    var epochs: Set<String> = []
    for try await event in sequence {
      switch event {
      case .hello(let hello): epochs.formUnion([hello.epoch].compactMap { $0 })
      case .entry(let entry): told.append("entry \(entry.path)")
      case .synced:
        told.append("synced")
        try server.write(epochs.count == 1 ? "first" : "second")
      case .change(let change) where change.kind == .create:
        told.append("create \(change.path)")
        if change.path == "first" {
          server.kill()
          try server.start()
        }
      case .reset(let reset):
        told.append("reset \(reset.reason)")
        #expect(reset.scope.map(\.path) == [""])
      case .interrupted(let error, _): #expect(error.isRetriable)
      case .change, .bookmark, .watch, .bye: break
      }
      if told.last == "create second" { break }
    }
    #expect(
      told == [
        "entry before", "synced", "create first", "reset epoch", "synced", "create second",
      ])
    #expect(epochs.count == 2)
  }

  @Test("what the server refuses, it refuses in words")
  func refused() async throws {
    let server = try RealServer()
    defer { server.remove() }
    try server.start()
    let error = try await failure(Client.impatient(server.url).changes(path: "[z-"))
    #expect(error?.problem?.status == 422)
    #expect(error?.problem?.code == "invalid-glob")
    #expect(error?.isRetriable == false)
  }
}
