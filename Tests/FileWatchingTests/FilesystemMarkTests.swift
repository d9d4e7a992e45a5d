import FileEvents
import Foundation
import Syscalls
import Testing

import struct SystemPackage.FilePath

/// A mark on a filesystem tells of everything that happens on it, so each of these has one of its own.
@Suite(
  "A mark on a whole filesystem",
  .enabled(if: OwnFilesystem.isMarkable, "takes CAP_SYS_ADMIN, to mount one and to mark it"))
struct FilesystemMarkTests {
  @Test("each scenario tells what its file says", arguments: ScenarioScript.all)
  func scenario(_ name: String) throws {
    let filesystem = try OwnFilesystem()
    defer { filesystem.unmount() }
    let script = try ScenarioScript.named(name, for: .fanotifyFilesystem)
    try ScenarioRun(script, on: .fanotifyFilesystem, in: filesystem.place).run()
  }

  @Test(
    "whatever happens, the sum of changes is the truth",
    arguments: [RandomTests.Case(settle: 3), RandomTests.Case(settle: 0, isOverflowing: true)])
  func convergence(_ given: RandomTests.Case) throws {
    let filesystem = try OwnFilesystem()
    defer { filesystem.unmount() }
    try RandomTests.run(given, on: .fanotifyFilesystem, in: filesystem.place)
  }

  @Test("a change says which process made it, and what happens elsewhere is not told")
  func process() throws {
    let filesystem = try OwnFilesystem()
    defer { filesystem.unmount() }
    let tree = try WatchedTree(in: filesystem.place)
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
    let paths = changes.map { String(decoding: $0.batch.path(of: $0.record), as: UTF8.self) }
    #expect(paths == ["made"])
    #expect(changes.map(\.record.process) == [maker.processIdentifier])
  }
}

/// A tmpfs that nobody else writes to.
private struct OwnFilesystem {
  let place: URL

  static let isMarkable: Bool = {
    guard let filesystem = try? OwnFilesystem() else { return false }
    defer { filesystem.unmount() }
    guard let directory = try? OpenFile.place(FilePath(filesystem.place.path)) else { return false }
    return (try? FanotifyProbe.run(on: directory.descriptor, .filesystem)) != nil
  }()

  init() throws {
    place = FileManager.default.temporaryDirectory
      .appendingPathComponent("tidings-mount-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: false)
    guard mount("tmpfs", place.path, "tmpfs", 0, nil) == 0 else {
      let refusal = POSIXError(POSIXErrorCode(rawValue: errno) ?? .EPERM)
      try? FileManager.default.removeItem(at: place)
      throw refusal
    }
  }

  /// Whatever is still open in it.
  func unmount() {
    umount2(place.path, CInt(MNT_DETACH))
    try? FileManager.default.removeItem(at: place)
  }
}
