internal import CLinux
internal import Glibc
package import SystemPackage

/// What stands behind an open descriptor; from statx(2) on the descriptor itself, so it cannot
/// speak of another object than the one that was opened.
package struct OpenedFile: Sendable {
  package let file: OpenFile
  /// Bytes, when it was opened; a writer may have changed it since.
  package let size: Int
  /// Nanoseconds since 1970 (UTC).
  package let modified: Int64
  package let inode: UInt64
}

/// What came of opening a name somebody else chose.
package enum BeneathOutcome: Sendable {
  /// A regular file, open for reading.
  case file(OpenedFile)
  case directory
  /// A socket, a FIFO, a device: nothing that has a content to hand out.
  case special
  /// Nothing stands there, or only a way out of the directory (a symlink that leaves it, a magic
  /// link, a symlink loop).
  case missing
  /// It is there, but not for this process (EACCES, EPERM).
  case forbidden
}

/// A directory, open for as long as this value lives, whose contents are opened by names that come
/// from outside. Whatever the name, symlink or race, nothing above the directory is ever reached:
/// the kernel resolves, and refuses. Any thread. The C function is `openat2` with RESOLVE_BENEATH
/// and RESOLVE_NO_MAGICLINKS (openat2(2), Linux 5.6).
package struct BeneathDirectory: Sendable {
  private let directory: OpenFile

  /// Opens `path` (exact bytes, without NUL). Errors: the kernel's errno, ENOTDIR for a file, and
  /// ENOSYS or EPERM at once where openat2 is missing or refused, not at the first request.
  package init(path: [UInt8]) throws(Errno) {
    let descriptor = Self.terminated(path) {
      Glibc.open($0, O_RDONLY | O_CLOEXEC | tidings_o_directory)
    }
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    directory = OpenFile(descriptor: descriptor)
    let probe = openBeneath([UInt8(ascii: ".")])
    guard probe >= 0 else { throw Errno(rawValue: errno) }
    _ = close(probe)
  }

  /// Opens `name`, a path relative to the directory (exact bytes, without NUL), for reading. Never
  /// waits for a FIFO's writer. Errors: what is neither the name's fault nor the file's (EMFILE,
  /// ENFILE, EIO, ENOMEM).
  package func open(_ name: [UInt8]) throws(Errno) -> BeneathOutcome {
    let descriptor = openBeneath(name)
    guard descriptor >= 0 else {
      switch errno {
      case ENOENT, ENOTDIR, ELOOP, EXDEV, ENAMETOOLONG: return .missing
      case EACCES, EPERM: return .forbidden
      case ENXIO, ENODEV: return .special
      default: throw Errno(rawValue: errno)
      }
    }
    let file = OpenFile(descriptor: descriptor)
    var facts = tidings_stat()
    guard tidings_statx(descriptor, "", tidings_at_empty_path, &facts) == 0 else {
      throw Errno(rawValue: errno)
    }
    switch facts.mode & UInt32(Glibc.S_IFMT) {
    case UInt32(Glibc.S_IFDIR): return .directory
    case UInt32(Glibc.S_IFREG):
      return .file(
        OpenedFile(
          file: file, size: Int(clamping: facts.size), modified: facts.mtime_ns,
          inode: facts.inode))
    default: return .special
    }
  }

  /// A rename somewhere on the way makes the kernel give up with EAGAIN; it then asks to be asked
  /// again, and after a few refusals the name is as good as missing.
  private func openBeneath(_ name: [UInt8]) -> Int32 {
    let flags = UInt64(O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
    let resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)
    return Self.terminated(name) { path in
      for _ in 0..<Self.attempts {
        let descriptor = tidings_openat2(directory.descriptor, path, flags, resolve)
        if descriptor >= 0 || errno != EAGAIN && errno != EINTR { return descriptor }
      }
      errno = ENOENT
      return -1
    }
  }

  private static let attempts = 8

  private static func terminated(
    _ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Int32
  ) -> Int32 {
    (bytes + [0]).withUnsafeBytes { body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
  }
}

extension OpenFile {
  /// Up to `count` bytes from `offset`; fewer where the file ends earlier. The C function is
  /// `pread`; EINTR is retried.
  package func read(count: Int, at offset: Int) throws(Errno) -> [UInt8] {
    var bytes: [UInt8] = []
    try read(count: count, at: offset, appendingTo: &bytes)
    return bytes
  }

  /// The same, behind what `bytes` holds. After an error they hold what had been read until then.
  package func read(
    count: Int, at offset: Int, appendingTo bytes: inout [UInt8]
  ) throws(Errno) {
    var failure: Errno?
    bytes.append(addingCapacity: count) { span in
      span.withUnsafeMutableBufferPointer { buffer, filled in
        while filled < count {
          let read = pread(
            descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset + filled))
          if read > 0 {
            filled += read
          } else if read == 0 {
            return
          } else if errno != EINTR {
            failure = Errno(rawValue: errno)
            return
          }
        }
      }
    }
    if let failure { throw failure }
  }
}
