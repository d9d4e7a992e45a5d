internal import CLinux
internal import Glibc
package import SystemPackage

/// The mounts this process sees, as proc_pid_mountinfo(5) lists them, and the word that they have
/// changed. Confined to one thread. What was unmounted and mounted again as it was between two looks
/// is not noticed.
package final class MountTable {
  /// One mount. Equal when all that tells mounts apart is: ids, device, what of it stands where.
  package struct Mount: Hashable, Sendable {
    /// The fields of its line that never change while it is mounted there.
    package let identity: [UInt8]
    /// The path it stands at, exact bytes.
    package let point: [UInt8]
    /// The type it was mounted as, ASCII: `ext4`, `fuse.sshfs`; empty where the line does not say.
    package let type: [UInt8]
  }

  private let file: OpenFile
  /// As they were when last read.
  package private(set) var mounts: Set<Mount>

  /// Throws ENOENT where there is no /proc.
  package init() throws(Errno) {
    let opened = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)
    guard opened >= 0 else { throw Errno(rawValue: errno) }
    file = OpenFile(descriptor: opened)
    mounts = []
    mounts = try read()
  }

  /// Urgent (POLLPRI) once, when something was mounted or unmounted since it was last waited for.
  package var descriptor: Int32 { file.descriptor }

  /// Reads anew. Returns where something was mounted or unmounted since the last time.
  package func changes() throws(Errno) -> Set<[UInt8]> {
    let new = try read()
    defer { mounts = new }
    return Set(new.symmetricDifference(mounts).map(\.point))
  }

  private func read() throws(Errno) -> Set<Mount> {
    var text: [UInt8] = []
    while true {
      let piece = try file.read(count: 64 << 10, at: text.count)
      if piece.isEmpty { return Self.parse(text[...]) }
      text += piece
    }
  }

  /// The mounts in a mountinfo file. Pure: no system call. A line that has too few fields is passed
  /// over.
  package static func parse(_ text: ArraySlice<UInt8>) -> Set<Mount> {
    var mounts: Set<Mount> = []
    for line in text.split(separator: 0x0A) {
      // id, id of the mount it stands on, device, which of its directories, where
      let fields = line.split(separator: 0x20, maxSplits: 5)
      guard fields.count > 5 else { continue }
      let point = fields[4]
      mounts.insert(
        Mount(
          identity: Array(line[line.startIndex..<point.endIndex]), point: unescaped(point),
          type: type(in: fields[5])))
    }
    return mounts
  }

  /// The field behind the lone hyphen that ends the optional ones.
  private static func type(in rest: ArraySlice<UInt8>) -> [UInt8] {
    let fields = rest.split(separator: 0x20)
    guard let hyphen = fields.firstIndex(of: [0x2D]), hyphen + 1 < fields.count else { return [] }
    return Array(fields[hyphen + 1])
  }

  /// Blanks and backslashes are written as three octal digits.
  private static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
    guard field.contains(0x5C) else { return Array(field) }
    var bytes: [UInt8] = []
    var rest = field
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == 0x5C, digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) {
        bytes.append(digits.reduce(0) { $0 &<< 3 | ($1 - 0x30) })
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return bytes
  }
}
