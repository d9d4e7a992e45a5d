/// One record of a fanotify queue: `struct fanotify_event_metadata` of fanotify(7) with the
/// information records behind it. Handles and names are ranges of the bytes they were found in.
package struct FanotifyEvent: Sendable, Equatable {
  /// A name in a directory.
  package struct Entry: Sendable, Equatable {
    /// The directory's filesystem id and `struct file_handle`: see `ObjectHandle(record:)`.
    package let directory: Range<Int>
    /// Without its NUL; empty when the record is about the directory itself.
    package let name: Range<Int>
  }

  /// Everything that happened to the entry since the record was begun: later events of the same
  /// object under the same name are merged into it, whatever came between.
  package var mask: FanotifyMask
  /// Where it happened; nil for a rename, and on `queueOverflow`.
  package var entry: Entry?
  /// What a rename left; nil where that directory is not marked.
  package var from: Entry?
  /// What a rename reached; nil where that directory is not marked.
  package var to: Entry?
  /// Who did it; 0 where the group was made without CAP_SYS_ADMIN, and on `queueOverflow`.
  package var process: Int32 = 0
}

/// The records in `bytes`, which must be what one or more reads returned, whole. A record cut short
/// or of another version ends the sequence. Pure: no system call.
package struct FanotifyEvents: Sequence, IteratorProtocol {
  /// Bytes of the longest record: a rename with two names of 255 bytes and three handles of 128.
  package static let longest = 24 + 2 * (20 + 128 + 256) + (20 + 128) + 16

  private static let version: UInt8 = 3
  private static let metadataSize = 24

  private let bytes: UnsafeRawBufferPointer
  private var offset = 0

  /// `bytes` must stay valid while this value is used.
  package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next record, or nil at the end.
  package mutating func next() -> FanotifyEvent? {
    guard offset + Self.metadataSize <= bytes.count else { return nil }
    let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    let header = Int(bytes.loadUnaligned(fromByteOffset: offset + 6, as: UInt16.self))
    guard bytes[offset + 4] == Self.version, header >= Self.metadataSize, header <= length,
      length <= bytes.count - offset
    else { return nil }
    let mask = bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
    var event = FanotifyEvent(mask: FanotifyMask(rawValue: mask))
    event.process = bytes.loadUnaligned(fromByteOffset: offset + 20, as: Int32.self)
    var information = offset + header
    let end = offset + length
    offset = end
    while information + 4 <= end {
      let size = Int(bytes.loadUnaligned(fromByteOffset: information + 2, as: UInt16.self))
      guard size >= 4, size <= end - information else { break }
      let record = information..<information + size
      switch bytes[information] {
      case 2: event.entry = entry(in: record)  // FAN_EVENT_INFO_TYPE_DFID_NAME
      case 10: event.from = entry(in: record)  // _OLD_DFID_NAME
      case 12: event.to = entry(in: record)  // _NEW_DFID_NAME
      default: break  // _FID: what the object is; others are not asked for
      }
      information += size
    }
    return event
  }

  /// `struct fanotify_event_info_fid` with a name behind its handle.
  private func entry(in record: Range<Int>) -> FanotifyEvent.Entry? {
    let start = record.lowerBound + 4
    guard start + 16 <= record.upperBound else { return nil }
    let size = Int(bytes.loadUnaligned(fromByteOffset: start + 8, as: UInt32.self))
    guard size <= record.upperBound - start - 16 else { return nil }
    let name = start + 16 + size
    var end = name
    while end < record.upperBound, bytes[end] != 0 { end += 1 }
    let isItself = end == name + 1 && bytes[name] == 0x2E
    return FanotifyEvent.Entry(directory: start..<name, name: name..<(isItself ? name : end))
  }
}
