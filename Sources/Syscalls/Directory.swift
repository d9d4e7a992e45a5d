internal import CLinux
internal import Glibc
package import SystemPackage

extension OpenFile {
  /// Opens the directory at `path` below the open `base` for listing. No component may be a symbolic
  /// link and none may lead out of `base`. `path` ends with NUL and is not empty. The C function is
  /// `openat2` with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS (where it is refused, `openat` with
  /// O_NOFOLLOW, which looks at the last component only). Throws ENOENT, ENOTDIR, ELOOP (vanished or
  /// replaced), EACCES, EMFILE, ENFILE, ENOMEM.
  package static func directory(
    beneath base: Int32, _ path: UnsafePointer<CChar>
  ) throws(Errno) -> OpenFile {
    let flags = O_RDONLY | tidings_o_directory | tidings_o_nofollow | O_CLOEXEC | O_NONBLOCK
    let resolve = UInt64(RESOLVE_BENEATH) | UInt64(RESOLVE_NO_SYMLINKS)
    var opened: Int32
    repeat {
      opened = tidings_openat2(base, path, UInt64(flags), resolve)
    } while opened < 0 && (errno == EAGAIN || errno == EINTR)
    if opened < 0 && (errno == ENOSYS || errno == EPERM) { opened = openat(base, path, flags) }
    guard opened >= 0 else { throw Errno(rawValue: errno) }
    return OpenFile(descriptor: opened)
  }

  /// A place, not its content: what a path leads to, symbolic links followed, for use as a base. The
  /// C function is `open` with O_PATH. Throws ENOENT, ENOTDIR, ELOOP, EACCES.
  package static func place(_ path: FilePath) throws(Errno) -> OpenFile {
    let opened = path.withPlatformString { Glibc.open($0, tidings_o_path | O_CLOEXEC) }
    guard opened >= 0 else { throw Errno(rawValue: errno) }
    return OpenFile(descriptor: opened)
  }

  /// A place that stays below `base` whatever its components are: links that lead out, `..` above
  /// the base and magic links are refused with EXDEV or ELOOP. The C function is `openat2` with
  /// RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS.
  package static func place(_ path: FilePath, beneath base: Int32) throws(Errno) -> OpenFile {
    let flags = UInt64(tidings_o_path | O_CLOEXEC)
    let resolve = UInt64(RESOLVE_BENEATH) | UInt64(RESOLVE_NO_MAGICLINKS)
    let opened = path.withPlatformString { name in
      var opened: Int32
      repeat {
        opened = tidings_openat2(base, name, flags, resolve)
      } while opened < 0 && (errno == EAGAIN || errno == EINTR)
      return opened
    }
    guard opened >= 0 else { throw Errno(rawValue: errno) }
    return OpenFile(descriptor: opened)
  }

  /// What the symbolic link at `path` holds, exact bytes. Throws EINVAL for what is no link, ENOENT,
  /// ENOTDIR, EACCES. The C function is `readlink`.
  package static func linkTarget(of path: FilePath) throws(Errno) -> [UInt8] {
    let target = path.withPlatformString { readLink($0) }
    guard let target else { throw Errno(rawValue: errno) }
    return target
  }

  private static func readLink(_ path: UnsafePointer<CChar>) -> [UInt8]? {
    var length = -1
    let target = [UInt8](unsafeUninitializedCapacity: 4096) { space, count in
      length = readlink(
        path, UnsafeMutableRawPointer(space.baseAddress!).assumingMemoryBound(to: CChar.self), 4096)
      count = max(0, length)
    }
    return length < 0 ? nil : target
  }

  /// The path by which the kernel knows this open file now, canonical: no links, no `..`. Exact
  /// bytes; ends in " (deleted)" when it has no name any more. The C function is `readlink` on
  /// /proc/self/fd.
  package func currentPath() throws(Errno) -> [UInt8] {
    let path = "/proc/self/fd/\(descriptor)".withCString { Self.readLink($0) }
    guard let path else { throw Errno(rawValue: errno) }
    return path
  }

  /// The first 4,096 bytes of a file: enough for a number under /proc. The C functions are `open` and
  /// `read`.
  package static func content(of path: FilePath) throws(Errno) -> [UInt8] {
    let opened = path.withPlatformString { Glibc.open($0, O_RDONLY | O_CLOEXEC) }
    guard opened >= 0 else { throw Errno(rawValue: errno) }
    let file = OpenFile(descriptor: opened)
    var length = -1
    let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { space, count in
      length = Glibc.read(file.descriptor, space.baseAddress, 4096)
      count = max(0, length)
    }
    guard length >= 0 else { throw Errno(rawValue: errno) }
    return bytes
  }

  /// The first `limit` bytes of a regular file. With `directory`, `path` is a name in that open
  /// directory and no symbolic link. Never waits for a FIFO's writer. Throws ENOENT, ELOOP, EACCES,
  /// EINVAL for what is no regular file. The C functions are `openat` and `pread`.
  package static func content(
    of path: FilePath, in directory: Int32? = nil, limit: Int
  ) throws(Errno) -> [UInt8] {
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    let opened = path.withPlatformString { name in
      directory.map { openat($0, name, flags | tidings_o_nofollow) } ?? Glibc.open(name, flags)
    }
    guard opened >= 0 else { throw Errno(rawValue: errno) }
    let file = OpenFile(descriptor: opened)
    let status = try FileStatus.of(opened)
    guard status.kind == .file else { throw .invalidArgument }
    return try file.read(count: min(limit, Int(clamping: status.size)), at: 0)
  }

  /// Takes the next entries of a directory opened for listing, as the kernel's records, and returns
  /// their bytes' count; 0 at the end. The C function is `getdents64`. Throws ENOENT when the
  /// directory has been removed meanwhile.
  package func readEntries(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    let count = tidings_getdents64(descriptor, buffer.baseAddress, UInt(buffer.count))
    guard count >= 0 else { throw Errno(rawValue: errno) }
    return count
  }
}

/// The entries in what `readEntries` returned, `.` and `..` left out. Pure: no system call. The
/// record is `struct linux_dirent64` of getdents(2).
package struct DirectoryEntries: Sequence, IteratorProtocol {
  package struct Entry {
    /// Without the NUL that follows it in the buffer.
    package let name: UnsafeRawBufferPointer
    /// What stands there, where the filesystem tells in its listing.
    package let kind: FileStatus.Kind?
  }

  private let bytes: UnsafeRawBufferPointer
  private var offset = 0

  /// `bytes` must stay valid while this value and its entries are used.
  package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  package mutating func next() -> Entry? {
    let nameOffset = 19
    while offset + nameOffset < bytes.count {
      let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 16, as: UInt16.self))
      let type = bytes[offset + 18]
      let start = offset + nameOffset
      var end = start
      while bytes[end] != 0 { end += 1 }
      let isSelfOrParent =
        bytes[start] == 0x2E && (end - start == 1 || (end - start == 2 && bytes[start + 1] == 0x2E))
      offset += length
      guard !isSelfOrParent else { continue }
      let kind: FileStatus.Kind? =
        switch type {
        case 0: nil  // DT_UNKNOWN
        case 4: .directory  // DT_DIR
        case 8: .file  // DT_REG
        case 10: .symlink  // DT_LNK
        default: .other
        }
      return Entry(name: UnsafeRawBufferPointer(rebasing: bytes[start..<end]), kind: kind)
    }
    return nil
  }
}
