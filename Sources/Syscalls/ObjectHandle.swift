internal import CLinux
internal import Glibc
package import SystemPackage

/// Which object of which filesystem: the handle of name_to_handle_at(2), inode number and generation
/// on most, never given to another object. A plain value; up to 24 bytes of handle, which is what
/// local filesystems have, need no memory of their own.
package struct ObjectHandle: Hashable, Sendable {
  /// The id of statfs(2).
  package let filesystem: UInt64
  private var typeAndCount: UInt64
  private var first: UInt64 = 0
  private var second: UInt64 = 0
  private var third: UInt64 = 0
  private var rest: [UInt8] = []

  /// What a record of fanotify(7) holds: a filesystem id and a `struct file_handle`. At least 16
  /// bytes.
  package init(record: UnsafeRawBufferPointer) {
    self.init(
      filesystem: record.loadUnaligned(as: UInt64.self),
      type: record.loadUnaligned(fromByteOffset: 12, as: UInt32.self),
      UnsafeRawBufferPointer(rebasing: record[16...]))
  }

  private init(filesystem: UInt64, type: UInt32, _ handle: UnsafeRawBufferPointer) {
    self.filesystem = filesystem
    typeAndCount = UInt64(type) << 32 | UInt64(handle.count)
    first = Self.word(handle, 0)
    second = Self.word(handle, 8)
    third = Self.word(handle, 16)
    if handle.count > 24 { rest = Array(handle[24...]) }
  }

  /// Of what `descriptor` stands on. The C functions are `name_to_handle_at` with AT_EMPTY_PATH
  /// (with AT_HANDLE_FID where a filesystem has handles for telling apart only) and `fstatfs`.
  /// Throws EOPNOTSUPP where the filesystem has none.
  package static func of(_ descriptor: Int32) throws(Errno) -> ObjectHandle {
    var found = statfs()
    guard fstatfs(descriptor, &found) == 0 else { throw Errno(rawValue: errno) }
    let filesystem = withUnsafeBytes(of: &found.f_fsid) { $0.loadUnaligned(as: UInt64.self) }
    return try withUnsafeTemporaryAllocation(byteCount: 4 + 128, alignment: 8) {
      space throws(Errno) in
      let start = space.baseAddress!.assumingMemoryBound(to: UInt8.self)
      let onlyToTell: Int32 = 0x200  // AT_HANDLE_FID, Linux 6.5
      var count = tidings_file_handle(descriptor, "", tidings_at_empty_path, start)
      if count < 0, errno == EOPNOTSUPP {
        count = tidings_file_handle(descriptor, "", tidings_at_empty_path | onlyToTell, start)
      }
      guard count >= 4 else { throw Errno(rawValue: errno) }
      return ObjectHandle(
        filesystem: filesystem, type: space.loadUnaligned(as: UInt32.self),
        UnsafeRawBufferPointer(rebasing: space[4..<Int(count)]))
    }
  }

  /// Filesystems make handles, not whoever could want two to meet: what tells most of them apart is
  /// enough.
  package func hash(into hasher: inout Hasher) {
    let high = (first ^ 0xA076_1D64_78BD_642F) &* 0x9E37_79B9_7F4A_7C15
    hasher.combine((high ^ high >> 32) &+ second &* 0xE703_7ED1_A0B4_28DB ^ third ^ filesystem)
  }

  /// Eight bytes at `offset`, zeroes where there are none.
  private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
    if offset + 8 <= bytes.count {
      return bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
    guard offset < bytes.count else { return 0 }
    return bytes[offset...].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
