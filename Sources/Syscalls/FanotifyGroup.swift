internal import CLinux
internal import Glibc
package import SystemPackage

/// What a fanotify mark asks for and a record tells: FAN_* of fanotify_mark(2).
package struct FanotifyMask: OptionSet, Sendable {
  package let rawValue: UInt64

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  package static let access = FanotifyMask(rawValue: 0x1)
  package static let modify = FanotifyMask(rawValue: 0x2)
  package static let attrib = FanotifyMask(rawValue: 0x4)
  package static let closeWrite = FanotifyMask(rawValue: 0x8)
  package static let closeNoWrite = FanotifyMask(rawValue: 0x10)
  package static let open = FanotifyMask(rawValue: 0x20)
  package static let create = FanotifyMask(rawValue: 0x100)
  package static let delete = FanotifyMask(rawValue: 0x200)
  package static let deleteSelf = FanotifyMask(rawValue: 0x400)
  package static let moveSelf = FanotifyMask(rawValue: 0x800)
  /// Records were lost.
  package static let queueOverflow = FanotifyMask(rawValue: 0x4000)
  /// Asked for: what happens to the entries of the directory, too.
  package static let onChildren = FanotifyMask(rawValue: 0x0800_0000)
  /// One record with both ends (Linux 5.17).
  package static let rename = FanotifyMask(rawValue: 0x1000_0000)
  /// Asked for: directories, too. Told: the subject is one.
  package static let onDirectory = FanotifyMask(rawValue: 0x4000_0000)

  /// Everything a mark of ours may hold.
  fileprivate static let all: FanotifyMask = [
    .access, .modify, .attrib, .closeWrite, .closeNoWrite, .open, .create, .delete, .deleteSelf,
    .moveSelf, .onChildren, .rename, .onDirectory,
  ]
}

/// One fanotify group whose records name directory and entry: a kernel queue about the directories
/// marked in it. Needs no privilege. Closes itself when the last owner lets go, and all its marks
/// end. Any thread; the kernel orders calls.
package final class FanotifyGroup: Sendable {
  /// Readable when records wait. Non-blocking, closed on exec.
  package let descriptor: Int32

  /// The C function is `fanotify_init` with FAN_REPORT_DFID_NAME_TARGET. Throws EMFILE
  /// (fs.fanotify.max_user_groups, or descriptors), EPERM (before Linux 5.13, or a container's
  /// policy), EINVAL (before 5.17), ENOSYS, ENOMEM.
  package init() throws(Errno) {
    // FAN_CLOEXEC, FAN_NONBLOCK; FAN_REPORT_FID, _DIR_FID, _NAME, _TARGET_FID.
    descriptor = fanotify_init(0x1 | 0x2 | 0x200 | 0x400 | 0x800 | 0x1000, 0)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
  }

  deinit { _ = close(descriptor) }

  /// Adds `mask` to the mark of exactly the opened directory. One that is open as a place only
  /// (O_PATH) must let itself be searched. The C function is `fanotify_mark` with FAN_MARK_ADD and
  /// FAN_MARK_ONLYDIR. Throws EACCES, ENOTDIR, ENOSPC (fs.fanotify.max_user_marks), ENOMEM;
  /// EOPNOTSUPP, ENODEV, EXDEV where the filesystem has no file handles.
  package func mark(_ directory: Int32, _ mask: FanotifyMask) throws(Errno) {
    guard change(0x1 | 0x8, mask, directory) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Ends the mark of the opened directory. Records of it that are queued already still come.
  package func unmark(_ directory: Int32) { _ = change(0x2 | 0x8, .all, directory) }

  /// Ends all marks. The C function is `fanotify_mark` with FAN_MARK_FLUSH.
  package func unmarkAll() { _ = fanotify_mark(descriptor, 0x80, 0, AT_FDCWD, nil) }

  /// Adds `mask` to the mark of the whole filesystem that `place` is on. The C function is
  /// `fanotify_mark` with FAN_MARK_ADD and FAN_MARK_FILESYSTEM. Throws EPERM without CAP_SYS_ADMIN in
  /// the first user namespace, ENODEV and EXDEV where the filesystem has no id of its own (overlayfs,
  /// a btrfs subvolume), EOPNOTSUPP where it has no file handles, ENOMEM.
  package func markFilesystem(of place: Int32, _ mask: FanotifyMask) throws(Errno) {
    guard change(0x1 | 0x100, mask, place) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Ends the marks of all filesystems. The C function is `fanotify_mark` with FAN_MARK_FLUSH and
  /// FAN_MARK_FILESYSTEM.
  package func unmarkAllFilesystems() {
    _ = fanotify_mark(descriptor, 0x80 | 0x100, 0, AT_FDCWD, nil)
  }

  private func change(_ flags: UInt32, _ mask: FanotifyMask, _ directory: Int32) -> Int32 {
    let outcome = fanotify_mark(descriptor, flags, mask.rawValue, directory, nil)
    guard outcome != 0, errno == EBADF else { return outcome }
    return fanotify_mark(descriptor, flags, mask.rawValue, directory, ".")  // O_PATH
  }

  /// Takes waiting records, whole ones only, and returns their bytes' count; 0 when none wait. The C
  /// function is `read`; throws EINVAL when `buffer` is too small for the next record
  /// (`FanotifyEvents.longest` always suffices).
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    while true {
      let count = Glibc.read(descriptor, buffer.baseAddress!, buffer.count)
      if count >= 0 { return count }
      switch errno {
      case EAGAIN: return 0
      case EINTR: continue
      default: throw Errno(rawValue: errno)
      }
    }
  }
}
