internal import CLinux
internal import Glibc
package import SystemPackage

/// Whether this kernel lets this process watch directories by fanotify(7) marks, with the names of
/// both ends of a rename. Found by trying: versions and container policies tell less.
package enum FanotifyProbe {
  /// Which call was refused, and why.
  package struct Refusal: Error, Sendable, Equatable {
    package let call: String
    package let error: Errno
  }

  /// Marks the open `directory` in a group of its own and gives both up again. The C functions are
  /// `fanotify_init` (Linux 5.13 without privilege; EPERM, ENOSYS, EINVAL, EMFILE) and
  /// `fanotify_mark` with FAN_RENAME (Linux 5.17; EINVAL, EXDEV, EOPNOTSUPP, ENODEV, ENOSPC).
  package static func run(on directory: Int32) throws(Refusal) {
    // FAN_CLOEXEC, FAN_NONBLOCK; FAN_REPORT_FID, _DIR_FID, _NAME, _TARGET_FID.
    let group = fanotify_init(0x1 | 0x2 | 0x200 | 0x400 | 0x800 | 0x1000, 0)
    guard group >= 0 else {
      throw Refusal(call: "fanotify_init", error: Errno(rawValue: errno))
    }
    defer { _ = close(group) }
    // FAN_CREATE, FAN_RENAME, FAN_ONDIR; FAN_MARK_ADD, FAN_MARK_ONLYDIR.
    let marked = fanotify_mark(group, 0x1 | 0x8, 0x100 | 0x1000_0000 | 0x4000_0000, directory, nil)
    guard marked == 0 else {
      throw Refusal(call: "fanotify_mark", error: Errno(rawValue: errno))
    }
  }
}
