import Syscalls
import Testing

@Suite("What is mounted where")
struct MountTableTests {
  private func points(_ text: String) -> Set<String> {
    Set(MountTable.parse(Array(text.utf8)[...]).map { String(decoding: $0.point, as: UTF8.self) })
  }

  @Test(
    "a line names its place in the fifth field",
    arguments: [
      ("22 27 0:21 / /proc rw,relatime - proc proc rw\n", ["/proc"]),
      (
        "1 2 8:1 /sub /a rw - ext4 /dev/sda rw\n3 1 0:4 / /a/b rw shared:1 - tmpfs t rw\n",
        ["/a", "/a/b"]
      ),
      (#"1 2 8:1 / /with\040blank\011\134\012 rw - ext4 d rw"#, ["/with blank\t\\\n"]),
      (#"1 2 8:1 / /no\04 rw - ext4 d rw"#, [#"/no\04"#]),
      ("1 2 8:1 /\n\nnonsense\n", []),
    ])
  func parsed(_ text: String, _ expected: [String]) { #expect(points(text) == Set(expected)) }

  @Test(
    "the type follows the hyphen that ends the optional fields",
    arguments: [
      ("22 27 0:21 / /a rw,relatime - fuse.sshfs host: rw\n", "fuse.sshfs"),
      ("22 27 0:21 / /a rw shared:7 master:1 - nfs4 host:/ rw\n", "nfs4"),
      ("22 27 0:21 / /a rw shared:7\n", ""),
    ])
  func types(_ line: String, _ type: String) {
    let mounts = MountTable.parse(Array(line.utf8)[...])
    #expect(mounts.map { String(decoding: $0.type, as: UTF8.self) } == [type])
  }

  @Test(
    "who may have to wait for others is known by the type",
    arguments: [
      ("nfs", true), ("nfs4", true), ("cifs", true), ("9p", true), ("fuse", true),
      ("fuse.sshfs", true), ("autofs", true), ("ceph", true), ("ext4", false), ("tmpfs", false),
      ("overlay", false), ("fusectl", false), ("nfsd", false), ("proc", false), ("", false),
    ])
  func hanging(_ type: String, _ mayHang: Bool) {
    #expect(Filesystem.mayHang(Array(type.utf8)) == mayHang)
  }

  @Test("mounts at one place are told apart by what is mounted there, not by its options")
  func identity() {
    func mounts(_ line: String) -> Set<MountTable.Mount> {
      MountTable.parse(Array(line.utf8)[...])
    }
    let first = mounts("5 2 8:1 / /a rw - ext4 d rw")
    #expect(first == mounts("5 2 8:1 / /a ro shared:7 - ext4 d ro"))
    #expect(first != mounts("6 2 8:1 / /a rw - ext4 d rw"))
    #expect(first != mounts("5 2 8:2 / /a rw - ext4 d rw"))
    #expect(first != mounts("5 2 8:1 /d /a rw - ext4 d rw"))
  }
}
