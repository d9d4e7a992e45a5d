import FileEvents
import Foundation
import Syscalls
import Testing

import struct SystemPackage.FilePath

/// A mark on a filesystem tells of everything that happens on it: these run one after the other, and
/// where no other test writes.
@Suite(
  "A mark on a whole filesystem", .serialized,
  .enabled(if: QuietFilesystem.isMarkable, "takes CAP_SYS_ADMIN and a tmpfs at /dev/shm"))
struct FilesystemMarkTests {
  @Test("each scenario tells what its file says", arguments: ScenarioScript.all)
  func scenario(_ name: String) throws {
    try ScenarioRun(ScenarioScript.named(name), on: .fanotifyFilesystem, in: QuietFilesystem.place)
      .run()
  }

  @Test(
    "whatever happens, the sum of changes is the truth",
    arguments: [RandomTests.Case(settle: 3), RandomTests.Case(settle: 0, isOverflowing: true)])
  func convergence(_ given: RandomTests.Case) throws {
    try RandomTests.run(given, on: .fanotifyFilesystem, in: QuietFilesystem.place)
  }

  @Test("a change says which process made it, and what happens elsewhere is not told")
  func process() throws {
    let tree = try WatchedTree(in: QuietFilesystem.place)
    defer { tree.close() }
    var spec = WatchSpec(root: tree.root)
    spec.backend = .fanotifyFilesystem
    let root = String(decoding: tree.root, as: UTF8.self)
    let status = try tree.watch(spec)
    #expect(status.backend == "fanotify-filesystem")
    let before = tree.records.count
    let maker = Process()
    maker.executableURL = URL(filePath: "/bin/sh")
    maker.arguments = ["-c", "echo > '\(root)/../elsewhere'; echo > '\(root)/made'"]
    try maker.run()
    maker.waitUntilExit()
    try tree.settle()
    let changes = tree.records[before...].filter { $0.record.subject == .change }
    #expect(
      changes.map { String(decoding: $0.batch.path(of: $0.record), as: UTF8.self) } == ["made"])
    #expect(changes.map(\.record.process) == [maker.processIdentifier])
  }
}

/// Where hardly anybody writes.
private enum QuietFilesystem {
  static let place = URL(filePath: "/dev/shm")

  static let isMarkable: Bool = {
    guard let directory = try? OpenFile.place(FilePath(place.path)) else { return false }
    return (try? FanotifyProbe.run(on: directory.descriptor, .filesystem)) != nil
  }()
}
