import Foundation
import SystemPackage
import Testing

@Suite("The example programs do what they are there to show", .serialized)
final class ExamplesTests {
  private let directory: String

  init() throws {
    let place = FileManager.default.temporaryDirectory
      .appendingPathComponent("tidings-examples-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    directory = place.path
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  private func write(_ text: String, to name: String) throws {
    let file = try FileDescriptor.open(
      FilePath("\(directory)/\(name)"), .writeOnly, options: [.create, .truncate],
      permissions: .ownerReadWrite)
    try file.closeAfter { _ = try file.writeAll(text.utf8) }
  }

  @Test("print-events prints every event with its flags, and ends with the last watch")
  func printEvents() throws {
    let program = try ExampleProgram("print-events", [directory])
    try write("x", to: "f")
    try FileManager.default.moveItem(atPath: "\(directory)/f", toPath: "\(directory)/g")
    try FileManager.default.removeItem(atPath: directory)
    let lines = program.lines(until: "\(directory): ignored")
    #expect(lines.contains("\(directory)/f: create"))
    #expect(lines.contains("\(directory)/f: modify"))
    #expect(lines.contains("\(directory)/f: closeWrite"))
    #expect(lines.contains { $0.hasPrefix("\(directory)/f: movedFrom cookie ") })
    #expect(lines.contains { $0.hasPrefix("\(directory)/g: movedTo cookie ") })
    #expect(lines.contains("\(directory): deleteSelf"))
    #expect(lines.last == "\(directory): ignored")
    #expect(program.status() == 0)
  }

  @Test("follow-tree follows into directories that are made while it runs, and ends with the tree")
  func followTree() throws {
    let program = try ExampleProgram("follow-tree", [directory])
    try FileManager.default.createDirectory(
      atPath: "\(directory)/a/b", withIntermediateDirectories: true)
    try write("x", to: "a/b/f")
    let made = program.lines(until: "create \(directory)/a/b/f")
    #expect(
      made == ["a", "a/b", "a/b/f"].map { "create \(directory)/\($0)" })
    try FileManager.default.moveItem(atPath: "\(directory)/a", toPath: "\(directory)/c")
    #expect(program.line() == "\(directory)/a is now \(directory)/c")
    try FileManager.default.removeItem(atPath: directory)
    #expect(program.lines(until: "delete \(directory)").last == "delete \(directory)")
    #expect(program.status() == 0)
  }

  @Test("run-on-close runs its command once a file has been written and closed, and not before")
  func runOnClose() throws {
    let program = try ExampleProgram("run-on-close", [directory, "**/*.csv", "cat"])
    try write("not asked for\n", to: "a.txt")
    let path = "\(directory)/a.csv"
    let file = try FileDescriptor.open(
      FilePath(path), .writeOnly, options: .create, permissions: .ownerReadWrite)
    try file.closeAfter {
      _ = try file.writeAll("half, ".utf8)
      _ = try file.writeAll("whole\n".utf8)
    }
    #expect(program.line() == "half, whole")
    #expect(program.isRunning)
  }
}
