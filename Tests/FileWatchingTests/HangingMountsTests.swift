import Foundation
import Syscalls
import Testing

@testable import FileWatching

@Suite("Which roots may hang")
final class HangingMountsTests {
  /// What nothing may touch is only in the table: a path that were looked at would not be there.
  private let place: String

  init() throws {
    let made = FileManager.default.temporaryDirectory
      .appendingPathComponent("tidings-mounts-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: made.appendingPathComponent("local/deep"), withIntermediateDirectories: true)
    place = made.path
    for (name, target) in [
      ("to-far", "\(place)/far/x"), ("local/up", "../far"), ("to-local", "local"),
      ("to-link", "to-far"), ("loop", "loop"),
    ] {
      try FileManager.default.createSymbolicLink(
        atPath: "\(place)/\(name)", withDestinationPath: target)
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: place) }

  private func mounts(_ points: [(point: String, type: String)]) -> HangingMounts {
    let lines = points.enumerated().map { index, mount in
      "\(index) 1 0:\(index) / \(mount.point) rw - \(mount.type) what rw\n"
    }
    return HangingMounts(MountTable.parse(Array(lines.joined().utf8)[...]))
  }

  private func bytes(_ path: String) -> [UInt8] { Array(path.utf8) }

  @Test(
    "those on, beyond and above one, whatever leads there",
    arguments: [
      ("far", true), ("far/a/b", true), ("to-far", true), ("to-far/y", true), ("to-link", true),
      ("local/up", true), ("local/up/a", true), ("to-local/up", true), ("local/../far", true),
      ("", true), ("local", false), ("local/deep", false), ("to-local/deep", false),
      ("farther", false), ("not-there/at/all", false), ("loop", false),
    ])
  func around(_ path: String, _ mayHang: Bool) {
    let mounts = mounts([("/", "ext4"), ("\(place)/far", "nfs4")])
    let found = mounts.first(around: bytes(path.isEmpty ? place : "\(place)/\(path)"))
    #expect((found != nil) == mayHang)
    #expect(found.map(\.type) == (mayHang ? "nfs4" : nil))
    #expect(found.map(\.point) == (mayHang ? bytes("\(place)/far") : nil))
  }

  @Test("where everything lies on a remote filesystem, what is mounted over it need not")
  func remoteTop() {
    let mounts = mounts([("/", "nfs"), ("\(place)/local", "tmpfs")])
    #expect(mounts.first(around: bytes("\(place)/local/deep")) == nil)
    #expect(mounts.first(around: bytes("\(place)/to-local")) == nil)
    #expect(mounts.first(around: bytes(place))?.type == "nfs")
  }

  @Test("one is called by its canonical path as far as that can be known")
  func names() {
    let mounts = mounts([("/", "ext4"), ("\(place)/far", "fuse.sshfs")])
    #expect(mounts.name(of: bytes("\(place)/to-far/y")) == bytes("\(place)/far/x/y"))
    #expect(mounts.name(of: bytes("\(place)/local/up")) == bytes("\(place)/far"))
    #expect(mounts.name(of: bytes("\(place)/local")) == nil)
    #expect(mounts.name(of: bytes(place)) == nil)
  }

  @Test("without any, no path is looked at")
  func none() {
    #expect(mounts([("/", "ext4")]).first(around: bytes("\(place)/far")) == nil)
  }
}
