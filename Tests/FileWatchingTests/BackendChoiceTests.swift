import FileEvents
import Syscalls
import Testing

@testable import FileWatching

@Suite("Which backend a watch stands on")
struct BackendChoiceTests {
  /// linux/magic.h, statfs(2).
  private static let magics: [(UInt32, String, Bool)] = [
    (0x6969, "nfs", true), (0xFF53_4D42, "cifs", true), (0xFE53_4D42, "smb2", true),
    (0x517B, "smb", true), (0x0102_1997, "9p", true), (0x6573_5546, "fuse", true),
    (0x00C3_6400, "ceph", true), (0x5346_414F, "afs", true), (0x6B41_4653, "afs", true),
    (0x7375_7245, "coda", true), (0x786F_4256, "vboxsf", true), (0x7461_636F, "ocfs2", true),
    (0x0116_1970, "gfs2", true), (0x0BD0_0BD0, "lustre", true),
    (0xEF53, "ext4", false), (0x0102_1994, "tmpfs", false), (0x794C_7630, "overlay", false),
    (0x9123_683E, "btrfs", false), (0x5846_5342, "xfs", false), (0xF2F5_2010, "f2fs", false),
    (0x1234_5678, "0x12345678", false),
  ]

  private func kind(
    _ choice: BackendChoice, _ magic: UInt32, kinds: ChangeKinds = .standard
  ) throws -> BackendKind {
    var spec = WatchSpec(root: Array("/srv".utf8))
    spec.backend = choice
    spec.kinds = kinds
    return try BackendKind(for: spec, on: Filesystem(magic: magic))
  }

  @Test("left to choose, what others can change unseen is polled", arguments: magics)
  func auto(_ magic: UInt32, _ name: String, _ isRemote: Bool) throws {
    #expect(Filesystem(magic: magic).name == name)
    #expect(Filesystem(magic: magic).isRemote == isRemote)
    #expect(try kind(.auto, magic) == (isRemote ? .poll : .inotify))
  }

  @Test(
    "one that is named is taken, wherever it is",
    arguments: [
      (BackendChoice.inotify, BackendKind.inotify), (.fanotify, .fanotify), (.poll, .poll),
    ])
  func named(_ choice: BackendChoice, _ expected: BackendKind) throws {
    #expect(try kind(choice, 0x6969) == expected)
    #expect(try kind(choice, 0xEF53) == expected)
  }

  @Test("what polling cannot tell is refused by name", arguments: [BackendChoice.poll, .auto])
  func kinds(_ choice: BackendChoice) {
    let problem = #expect(throws: WatchProblem.self) {
      try kind(choice, 0x6969, kinds: [.create, .open, .close])
    }
    #expect(problem?.code == .unsupported)
    #expect(problem?.detail.contains("open, close") == true)
    #expect(throws: Never.self) { try kind(.auto, 0xEF53, kinds: [.open]) }
  }
}
