internal import CLinux
internal import Glibc
package import SystemPackage

/// The filesystem something lies on, as statfs(2) tells.
package struct Filesystem: Sendable, Equatable {
  /// "ext4", "nfs", …; the magic number in hexadecimal when it has no name here.
  package let name: String
  /// Whether others can change it without this kernel being told.
  package let isRemote: Bool

  /// Throws ENOENT, EACCES, EIO. The C function is `fstatfs`.
  package init(of descriptor: Int32) throws(Errno) {
    var found = statfs()
    guard fstatfs(descriptor, &found) == 0 else { throw Errno(rawValue: errno) }
    self.init(magic: UInt32(truncatingIfNeeded: found.f_type))
  }

  /// What `f_type` of statfs(2) says.
  package init(magic: UInt32) {
    let known = Self.table[magic]
    name = known?.name ?? "0x" + String(magic, radix: 16)
    isRemote = known?.remote ?? false
  }

  /// Whether a filesystem mounted as `type` (the word of mount(8), ASCII) may let whoever looks at it
  /// wait for somebody else: another machine, a program, or what mounts it on the first look.
  package static func mayHang(_ type: [UInt8]) -> Bool {
    let name = String(decoding: type, as: UTF8.self)
    return name.hasPrefix("fuse.") || waiting.contains(name)
  }

  private static let waiting: Set<String> = [
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse", "fuseblk", "virtiofs", "ceph", "afs",
    "coda", "vboxsf", "ocfs2", "gfs2", "lustre", "beegfs", "gpfs", "orangefs", "pvfs2", "ncpfs",
    "prl_fs", "vmhgfs", "autofs",
  ]

  /// Magic numbers of linux/magic.h and statfs(2). virtiofs has that of fuse; which of the fuse
  /// filesystems are local, nobody can tell.
  private static let table: [UInt32: (name: String, remote: Bool)] = [
    0xEF53: ("ext4", false), 0x0102_1994: ("tmpfs", false), 0x794C_7630: ("overlay", false),
    0x9123_683E: ("btrfs", false), 0x5846_5342: ("xfs", false), 0xF2F5_2010: ("f2fs", false),
    0x2FC1_2FC1: ("zfs", false), 0xCA45_1A4E: ("bcachefs", false), 0x4D44: ("vfat", false),
    0x2011_BAB0: ("exfat", false), 0x7366_746E: ("ntfs3", false), 0x7371_7368: ("squashfs", false),
    0xE0F5_E1E2: ("erofs", false), 0x8584_58F6: ("ramfs", false), 0x9FA0: ("proc", false),
    0x6265_6572: ("sysfs", false), 0x6969: ("nfs", true), 0xFF53_4D42: ("cifs", true),
    0xFE53_4D42: ("smb2", true), 0x517B: ("smb", true), 0x0102_1997: ("9p", true),
    0x6573_5546: ("fuse", true), 0x00C3_6400: ("ceph", true), 0x5346_414F: ("afs", true),
    0x6B41_4653: ("afs", true), 0x7375_7245: ("coda", true), 0x786F_4256: ("vboxsf", true),
    0x7461_636F: ("ocfs2", true), 0x0116_1970: ("gfs2", true), 0x0BD0_0BD0: ("lustre", true),
  ]
}
