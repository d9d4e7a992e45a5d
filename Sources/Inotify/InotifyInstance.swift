internal import CLinux
internal import Glibc
public import SystemPackage

/// One inotify instance: a kernel queue of records about the inodes added to it. Closes itself when
/// the last owner lets go. Any thread may add, remove and read; the kernel orders them.
public final class InotifyInstance: Sendable {
  /// For a poll of one's own: readable when records wait. Non-blocking, closed on exec.
  public let descriptor: FileDescriptor

  /// The C function is `inotify_init1`. Throws EMFILE (fs.inotify.max_user_instances, or the
  /// process's limit of descriptors), ENFILE, ENOMEM.
  public init() throws(Errno) {
    let opened = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
    guard opened >= 0 else { throw Errno(rawValue: errno) }
    descriptor = FileDescriptor(rawValue: opened)
  }

  deinit { _ = close(descriptor.rawValue) }

  /// Watches the inode at `path`. An inode that is watched already keeps its descriptor and has its
  /// mask replaced (see `.addToMask`, `.mustBeNew`). The C function is `inotify_add_watch`; throws
  /// EACCES, ENOENT, ENOTDIR, EEXIST, ENAMETOOLONG, ENOSPC (fs.inotify.max_user_watches), ENOMEM.
  public func addWatch(_ path: FilePath, _ mask: InotifyMask) throws(Errno) -> WatchDescriptor {
    let added = path.withPlatformString {
      inotify_add_watch(descriptor.rawValue, $0, mask.rawValue)
    }
    guard added >= 0 else { throw Errno(rawValue: errno) }
    return WatchDescriptor(rawValue: added)
  }

  /// Watches exactly the inode that `opened` stands on, whatever its name is by now: no path is
  /// walked. Errors as for a path; `.doNotFollow` must not be asked (the way leads through
  /// /proc/self/fd, a symbolic link).
  public func addWatch(
    opened: FileDescriptor, _ mask: InotifyMask
  ) throws(Errno) -> WatchDescriptor {
    let added = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { path in
      var end = 0
      for byte in "/proc/self/fd/".utf8 {
        path[end] = CChar(bitPattern: byte)
        end += 1
      }
      var divisor: Int32 = 1
      while opened.rawValue / divisor >= 10 { divisor *= 10 }
      while divisor > 0 {
        path[end] = CChar(0x30 + opened.rawValue / divisor % 10)
        end += 1
        divisor /= 10
      }
      path[end] = 0
      return inotify_add_watch(descriptor.rawValue, path.baseAddress!, mask.rawValue)
    }
    guard added >= 0 else { throw Errno(rawValue: errno) }
    return WatchDescriptor(rawValue: added)
  }

  /// Ends a watch. Records of it that are queued already still come, then one with `.ignored`. The C
  /// function is `inotify_rm_watch`; false when the kernel had removed it before (EINVAL).
  @discardableResult
  public func removeWatch(_ watch: WatchDescriptor) -> Bool {
    inotify_rm_watch(descriptor.rawValue, watch.rawValue) == 0
  }

  /// Takes waiting records, whole ones only, and returns their bytes' count; 0 when none wait. The C
  /// function is `read`; throws EINVAL when `buffer` is too small for the next record (272 bytes
  /// always suffice).
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    while true {
      let count = Glibc.read(descriptor.rawValue, buffer.baseAddress!, buffer.count)
      if count >= 0 { return count }
      switch errno {
      case EAGAIN: return 0
      case EINTR: continue
      default: throw Errno(rawValue: errno)
      }
    }
  }
}
