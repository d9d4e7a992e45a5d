import Inotify
import SystemPackage
import Testing

@Suite("Records of inotify(7), read from bytes")
struct InotifyEventsTests {
  private func record(
    _ watch: Int32, _ mask: UInt32, cookie: UInt32 = 0, name: [UInt8] = [], padding: Int = 0
  ) -> [UInt8] {
    func bytes(_ word: UInt32) -> [UInt8] { (0..<4).map { UInt8(word >> (8 * $0) & 0xFF) } }
    let padded = name + Array(repeating: 0, count: padding)
    return bytes(UInt32(bitPattern: watch)) + bytes(mask) + bytes(cookie)
      + bytes(UInt32(padded.count)) + padded
  }

  private func parse(_ bytes: [UInt8]) -> [(InotifyEvent, [UInt8])] {
    bytes.withUnsafeBytes { raw in
      InotifyEvents(raw).map { ($0, Array(raw[$0.name])) }
    }
  }

  @Test("a name ends where its padding begins, whatever bytes it has")
  func names() {
    let odd: [UInt8] = [0xFF, 0x0A, 0x22]
    let bytes =
      record(1, 0x100, name: odd, padding: 13) + record(2, 0x4000_0200, name: Array("x".utf8))
    let events = parse(bytes)
    #expect(events.map(\.1) == [odd, Array("x".utf8)])
    #expect(events.map(\.0.mask) == [.create, [.delete, .isDirectory]])
    #expect(events.map(\.0.watch.rawValue) == [1, 2])
  }

  @Test("both halves of a rename carry one cookie")
  func cookies() {
    let bytes =
      record(1, 0x40, cookie: 77, name: [97], padding: 15)
      + record(1, 0x80, cookie: 77, name: [98], padding: 15)
    let events = parse(bytes)
    #expect(events.map(\.0.cookie) == [77, 77])
    #expect(events.map(\.0.mask) == [.movedFrom, .movedTo])
  }

  @Test("a record cut short is no record", arguments: 1..<32)
  func cut(_ missing: Int) {
    let whole = record(1, 0x2, name: Array("abc".utf8), padding: 13)
    let events = parse(whole + whole.dropLast(missing))
    #expect(events.count == 1)
  }

  @Test(
    "a mask prints as the names of its members",
    arguments: [
      (0x4000_0100, "create|isDirectory"), (0, "none"), (0x8000_0002, "modify|oneShot"),
      (0x0010_0001, "access|0x100000"),
    ] as [(UInt32, String)])
  func printing(bits: UInt32, text: String) {
    #expect(InotifyMask(rawValue: bits).description == text)
  }

  @Test(
    "every flag has the bit of linux/inotify.h and a name of its own",
    arguments: [
      (.access, 0x1, "access"), (.modify, 0x2, "modify"), (.attrib, 0x4, "attrib"),
      (.closeWrite, 0x8, "closeWrite"), (.closeNoWrite, 0x10, "closeNoWrite"),
      (.open, 0x20, "open"), (.movedFrom, 0x40, "movedFrom"), (.movedTo, 0x80, "movedTo"),
      (.create, 0x100, "create"), (.delete, 0x200, "delete"), (.deleteSelf, 0x400, "deleteSelf"),
      (.moveSelf, 0x800, "moveSelf"), (.unmount, 0x2000, "unmount"),
      (.queueOverflow, 0x4000, "queueOverflow"), (.ignored, 0x8000, "ignored"),
      (.onlyDirectory, 0x100_0000, "onlyDirectory"), (.doNotFollow, 0x200_0000, "doNotFollow"),
      (.excludeUnlinked, 0x400_0000, "excludeUnlinked"), (.mustBeNew, 0x1000_0000, "mustBeNew"),
      (.addToMask, 0x2000_0000, "addToMask"), (.isDirectory, 0x4000_0000, "isDirectory"),
      (.oneShot, 0x8000_0000, "oneShot"), (.close, 0x18, "closeWrite|closeNoWrite"),
      (.move, 0xC0, "movedFrom|movedTo"),
    ] as [(InotifyMask, UInt32, String)])
  func flags(mask: InotifyMask, bits: UInt32, name: String) {
    #expect(mask.rawValue == bits)
    #expect(mask.description == name)
  }

  @Test("all events are the twelve that can happen")
  func allEvents() {
    #expect(InotifyMask.allEvents.rawValue == 0xFFF)
  }

  @Test("events with names of their own are the same records")
  func owned() {
    let bytes =
      record(3, 0x4000_0100, name: Array("dir".utf8), padding: 13) + record(3, 0x400)
      + record(-1, 0x4000)
    let events = InotifyInstance.events(in: bytes)
    #expect(events.map(\.mask) == [[.create, .isDirectory], .deleteSelf, .queueOverflow])
    #expect(events.map(\.name) == ["dir", nil, nil])
    #expect(events.map(\.watch.rawValue) == [3, 3, -1])
    #expect(InotifyInstance.events(in: bytes.dropLast(1) + []).count == 2)
  }
}
