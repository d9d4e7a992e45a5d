/// The number the kernel gave a watch. Unique in the life of its instance until two billion watches
/// have been added (inotify(7), BUGS).
public struct WatchDescriptor: RawRepresentable, Sendable, Hashable {
  /// The kernel's number.
  public let rawValue: Int32

  /// A number the kernel gave.
  public init(rawValue: Int32) { self.rawValue = rawValue }
}

/// One record of the kernel's queue: `struct inotify_event` of inotify(7). Its name is a range of
/// the bytes it was found in, which it keeps no hold on.
public struct InotifyEvent: Sendable, Equatable {
  /// Whose record this is; -1 on `queueOverflow`.
  public let watch: WatchDescriptor
  /// What happened: one event, and `isDirectory` where the subject is one.
  public let mask: InotifyMask
  /// The same number on both halves of a rename; 0 on everything else.
  public let cookie: UInt32
  /// Where the entry's name stands in the buffer, without the padding NULs; empty when the record is
  /// about the watched inode itself.
  public let name: Range<Int>
}

/// The records in `bytes`, which must be what one or more reads returned, whole. A record cut short
/// ends the sequence. Pure: no system call.
public struct InotifyEvents: Sequence, IteratorProtocol {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0

  /// Bytes of `struct inotify_event` before the name.
  static let headerSize = 16

  /// `bytes` must stay valid while this value is used.
  public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next record, or nil at the end.
  @inlinable
  public mutating func next() -> InotifyEvent? { advance() }

  @usableFromInline
  mutating func advance() -> InotifyEvent? {
    guard offset + Self.headerSize <= bytes.count else { return nil }
    let watch = bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)
    let mask = bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
    let cookie = bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self)
    let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
    let start = offset + Self.headerSize
    guard length <= bytes.count - start else { return nil }
    var end = start + length
    // The name is padded with NULs so that the next record is aligned: at most 16 of them.
    while end > start, bytes[end - 1] == 0 { end -= 1 }
    offset = start + length
    return InotifyEvent(
      watch: WatchDescriptor(rawValue: watch), mask: InotifyMask(rawValue: mask), cookie: cookie,
      name: start..<end)
  }
}
