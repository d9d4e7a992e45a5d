internal import CLinux
internal import Glibc
package import SystemPackage

/// What statx(2) tells of one inode, in plain numbers. Times are nanoseconds since 1970 (UTC).
package struct FileStatus: Sendable, Equatable {
  package var mode: UInt32
  package var inode: UInt64
  package var device: UInt64
  package var size: UInt64
  package var mtime: Int64
  package var ctime: Int64
  /// When the inode was made; 0 when the filesystem keeps no such time.
  package var birthTime: Int64

  package enum Kind: Sendable { case file, directory, symlink, other }

  package var kind: Kind {
    switch mode & 0o170000 {
    case 0o100000: .file
    case 0o040000: .directory
    case 0o120000: .symlink
    default: .other
    }
  }

  /// The inode at `path` below the open `directory`; a symbolic link at its end is not followed.
  /// `path` ends with NUL. The C function is `statx` with AT_SYMLINK_NOFOLLOW; throws ENOENT,
  /// ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, ESTALE.
  package static func at(
    _ directory: Int32, _ path: UnsafePointer<CChar>
  ) throws(Errno) -> FileStatus {
    var found = tidings_stat()
    guard tidings_statx(directory, path, AT_SYMLINK_NOFOLLOW, &found) == 0 else {
      throw Errno(rawValue: errno)
    }
    return FileStatus(found)
  }

  /// The inode `descriptor` stands on. The C function is `statx` with AT_EMPTY_PATH.
  package static func of(_ descriptor: Int32) throws(Errno) -> FileStatus {
    var found = tidings_stat()
    guard tidings_statx(descriptor, "", tidings_at_empty_path, &found) == 0 else {
      throw Errno(rawValue: errno)
    }
    return FileStatus(found)
  }

  /// The mount by which `descriptor` was opened; 0 where the kernel does not say (before Linux 5.8).
  /// The C function is `statx` with STATX_MNT_ID.
  package static func mount(of descriptor: Int32) throws(Errno) -> UInt64 {
    var found = tidings_stat()
    guard tidings_statx(descriptor, "", tidings_at_empty_path, &found) == 0 else {
      throw Errno(rawValue: errno)
    }
    return found.mount_id
  }

  private init(_ found: tidings_stat) {
    mode = found.mode
    inode = found.inode
    device = found.device
    size = found.size
    mtime = found.mtime_ns
    ctime = found.ctime_ns
    birthTime = found.btime_ns
  }
}
