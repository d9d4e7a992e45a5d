import Syscalls
import Testing

@Suite("Records of fanotify, byte by byte")
struct FanotifyEventsTests {
  /// `struct fanotify_event_metadata` with information records behind it.
  private static func event(_ mask: UInt64, _ information: [UInt8]..., version: UInt8 = 3)
    -> [UInt8]
  {
    let behind = information.flatMap { $0 }
    return bytes(UInt32(24 + behind.count)) + [version, 0] + bytes(UInt16(24)) + bytes(mask)
      + bytes(Int32(-1)) + bytes(Int32(4_711)) + behind
  }

  /// `struct fanotify_event_info_fid`: filesystem, handle, a name with its NUL, padding.
  private static func place(_ kind: UInt8, _ inode: UInt32, _ name: String?) -> [UInt8] {
    var body = bytes(UInt64(0x1122)) + bytes(UInt32(8)) + bytes(Int32(1)) + bytes(inode)
    body += bytes(UInt32(77)) + (name.map { Array($0.utf8) + [0] } ?? [])
    while body.count % 4 != 0 { body.append(0) }
    return [kind, 0] + bytes(UInt16(4 + body.count)) + body
  }

  private static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number) { Array($0) }
  }

  /// Mask and, for what it has of them, directory inode and name of entry, old end and new end.
  private static func read(_ bytes: [UInt8]) -> [String] {
    bytes.withUnsafeBytes { raw in
      func shown(_ entry: FanotifyEvent.Entry?) -> String {
        guard let entry else { return "-" }
        let directory = UnsafeRawBufferPointer(rebasing: raw[entry.directory])
        let inode = directory.loadUnaligned(fromByteOffset: 16, as: UInt32.self)
        return "\(inode)/\(String(decoding: raw[entry.name], as: UTF8.self))"
      }
      return FanotifyEvents(raw).map { event in
        let mask = String(event.mask.rawValue, radix: 16)
        return "\(mask) \(shown(event.entry)) \(shown(event.from)) \(shown(event.to))"
      }
    }
  }

  static let vectors: [(String, [UInt8], [String])] = [
    ("nothing", [], []),
    (
      "a file made and written, in one record, its own handle passed over",
      event(0x10A, place(2, 5, "index.html"), place(1, 9, nil)), ["10a 5/index.html - -"]
    ),
    (
      "two records, padded to four bytes",
      event(0x100, place(2, 5, "a")) + event(0x200, place(2, 6, "bcdef")),
      ["100 5/a - -", "200 6/bcdef - -"]
    ),
    (
      "a rename with both ends",
      event(0x1000_0000, place(10, 5, "old"), place(12, 6, "new"), place(1, 9, nil)),
      ["10000000 - 5/old 6/new"]
    ),
    ("a move out", event(0x1000_0000, place(10, 5, "old")), ["10000000 - 5/old -"]),
    ("a move in", event(0x5000_0000, place(12, 6, "new")), ["50000000 - - 6/new"]),
    (
      "a directory told of by itself has no name",
      event(0x4000_0004, place(2, 5, ".")), ["40000004 5/ - -"]
    ),
    ("a name that begins with a dot", event(0x2, place(2, 5, ".a")), ["2 5/.a - -"]),
    ("lost records", event(0x4000), ["4000 - - -"]),
    ("kinds that are not asked for", event(0x2, [99, 0, 8, 0, 1, 2, 3, 4]), ["2 - - -"]),
  ]

  @Test("each is what fanotify(7) says", arguments: vectors)
  func vector(_ what: String, _ bytes: [UInt8], _ expected: [String]) {
    #expect(Self.read(bytes) == expected, "\(what)")
  }

  @Test("a record cut short ends the sequence, wherever it is cut")
  func truncated() {
    let whole = Self.event(0x1000_0000, Self.place(10, 5, "old"), Self.place(12, 6, "new"))
    for count in 0..<whole.count { #expect(Self.read(Array(whole[..<count])).isEmpty) }
    #expect(Self.read(whole + whole.dropLast()).count == 1)
  }

  @Test("lengths that lie are not believed")
  func lies() {
    var event = Self.event(0x100, Self.place(2, 5, "a"))
    event[24 + 12] = 200  // bytes of the handle
    #expect(Self.read(event) == ["100 - - -"])
    event[24 + 2] = 0  // bytes of the information record
    #expect(Self.read(event) == ["100 - - -"])
    event[24 + 2] = 200
    #expect(Self.read(event) == ["100 - - -"])
    event[0] = 10  // bytes of the record
    #expect(Self.read(event).isEmpty)
    #expect(Self.read(Self.event(0x100, version: 4)).isEmpty)
  }

  @Test("handles of any length tell objects apart")
  func handles() {
    func handle(_ count: Int, last: UInt8) -> ObjectHandle {
      let bytes = [UInt8](repeating: 0, count: 16 + count - 1) + [last]
      return bytes.withUnsafeBytes { ObjectHandle(record: $0) }
    }
    for count in [1, 7, 8, 12, 23, 24, 25, 40, 128] {
      #expect(handle(count, last: 1) == handle(count, last: 1))
      #expect(handle(count, last: 1) != handle(count, last: 2))
      #expect(handle(count, last: 0) != handle(count + 1, last: 0))
    }
  }
}
