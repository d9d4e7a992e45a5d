import Foundation
import Inotify
import SystemPackage
import Testing

@Suite("An inotify instance of the real kernel")
final class InotifyInstanceTests {
  private let directory: URL
  private let instance: InotifyInstance

  init() throws {
    directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("tidings-inotify-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    instance = try InotifyInstance()
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  private func readAll() throws -> [(mask: InotifyMask, name: String)] {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 8)
    defer { buffer.deallocate() }
    let count = try instance.read(into: buffer)
    let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
    return InotifyEvents(bytes).map { ($0.mask, String(decoding: bytes[$0.name], as: UTF8.self)) }
  }

  @Test("a file made, written and closed comes as three records")
  func life() throws {
    _ = try instance.addWatch(FilePath(directory.path), [.create, .modify, .closeWrite])
    try Data("x".utf8).write(to: directory.appendingPathComponent("f"))
    let events = try readAll()
    #expect(events.map(\.mask) == [.create, .modify, .closeWrite])
    #expect(events.map(\.name) == ["f", "f", "f"])
  }

  @Test("nothing waiting is no records, not an error")
  func nothing() throws {
    _ = try instance.addWatch(FilePath(directory.path), .create)
    #expect(try readAll().isEmpty)
  }

  @Test("an opened directory is watched wherever its name has gone")
  func opened() throws {
    let moved = directory.appendingPathComponent("moved")
    let made = directory.appendingPathComponent("made")
    try FileManager.default.createDirectory(at: made, withIntermediateDirectories: false)
    let descriptor = try FileDescriptor.open(FilePath(made.path), .readOnly)
    defer { try? descriptor.close() }
    try FileManager.default.moveItem(at: made, to: moved)
    _ = try instance.addWatch(opened: descriptor, .create)
    try Data().write(to: moved.appendingPathComponent("f"))
    #expect(try readAll().map(\.name) == ["f"])
  }

  @Test("a watch removed says so in a last record, and is then unknown")
  func removal() throws {
    let watch = try instance.addWatch(FilePath(directory.path), .create)
    #expect(instance.removeWatch(watch))
    #expect(try readAll().map(\.mask) == [.ignored])
    #expect(!instance.removeWatch(watch))
  }

  @Test("what cannot be watched is refused with its errno")
  func refusals() throws {
    let absent = FilePath(directory.appendingPathComponent("absent").path)
    #expect(throws: Errno.noSuchFileOrDirectory) { try instance.addWatch(absent, .create) }
    _ = try instance.addWatch(FilePath(directory.path), .create)
    #expect(throws: Errno.fileExists) {
      try instance.addWatch(FilePath(directory.path), [.create, .mustBeNew])
    }
  }

  @Test("read waits for the first record and returns all that wait, with their names")
  func reading() throws {
    let watch = try instance.addWatch(FilePath(directory.path), [.create, .closeWrite])
    try Data("x".utf8).write(to: directory.appendingPathComponent("f"))
    let events = try instance.read(timeout: .seconds(10))
    #expect(events.map(\.mask) == [.create, .closeWrite])
    #expect(events.map(\.name) == ["f", "f"])
    #expect(events.allSatisfy { $0.watch == watch && $0.cookie == 0 })
    #expect(try instance.read(timeout: .zero).isEmpty)
  }

  @Test("read is woken by what happens while it waits")
  func waking() async throws {
    _ = try instance.addWatch(FilePath(directory.path), .create)
    let writer = Thread { [directory] in
      try? Data().write(to: directory.appendingPathComponent("late"))
    }
    writer.start()
    let events = try instance.read(timeout: .seconds(20))
    #expect(events.map(\.name) == ["late"])
  }

  @Test("a delay lets the kernel merge what repeats, and nothing else is lost by it")
  func merging() throws {
    _ = try instance.addWatch(FilePath(directory.path), [.modify, .create])
    let file = try FileDescriptor.open(
      FilePath(directory.appendingPathComponent("f").path), .writeOnly, options: .create,
      permissions: .ownerReadWrite)
    defer { try? file.close() }
    for _ in 0..<100 { _ = try file.writeAll([1]) }
    let events = try instance.read(timeout: .seconds(10), delay: .milliseconds(5))
    #expect(events.map(\.mask) == [.create, .modify])
  }

  @Test("both halves of a rename come with one cookie, which is not 0")
  func renaming() throws {
    let old = directory.appendingPathComponent("old")
    try Data().write(to: old)
    _ = try instance.addWatch(FilePath(directory.path), .move)
    try FileManager.default.moveItem(at: old, to: directory.appendingPathComponent("new"))
    let events = try instance.read(timeout: .seconds(10))
    #expect(events.map(\.mask) == [.movedFrom, .movedTo])
    #expect(events.map(\.name) == ["old", "new"])
    #expect(events.first?.cookie != 0)
    #expect(Set(events.map(\.cookie)).count == 1)
  }

  @Test("a watch for one record ends with it")
  func oneShot() throws {
    _ = try instance.addWatch(FilePath(directory.path), [.create, .oneShot])
    try Data().write(to: directory.appendingPathComponent("a"))
    try Data().write(to: directory.appendingPathComponent("b"))
    #expect(try instance.read(timeout: .seconds(10)).map(\.mask) == [.create, .ignored])
  }

  @Test("a second mask replaces the first, or is added to it where that is asked")
  func masks() throws {
    let path = FilePath(directory.path)
    let first = try instance.addWatch(path, .create)
    #expect(try instance.addWatch(path, [.delete, .addToMask]) == first)
    let file = directory.appendingPathComponent("f")
    try Data().write(to: file)
    #expect(try instance.addWatch(path, .delete) == first)
    try Data().write(to: directory.appendingPathComponent("g"))
    try FileManager.default.removeItem(at: file)
    #expect(try instance.read(timeout: .seconds(10)).map(\.mask) == [.create, .delete])
  }

  @Test("a name that is not UTF-8 keeps its bytes")
  func names() throws {
    _ = try instance.addWatch(FilePath(directory.path), .create)
    let bytes: [CInterop.PlatformChar] = [0x61, -1, 0x0A, 0]
    let name = try #require(
      bytes.withUnsafeBufferPointer {
        FilePath.Component(platformString: $0.baseAddress!)
      })
    try FileDescriptor.open(
      FilePath(directory.path).appending(name), .writeOnly, options: .create,
      permissions: .ownerReadWrite
    ).close()
    #expect(try instance.read(timeout: .seconds(10)).map(\.name) == [name])
  }
}
