import FileEvents
import Syscalls
import SystemPackage

/// The directories that watching a tree needs: each costs one watch of the kernel.
struct DirectoryCensus: Codable, Equatable {
  /// The root counts, too.
  var directories = 0
  /// False when the time was up first: then there are more.
  var isComplete = true
  var milliseconds = 0
  /// Directories that this user may not read.
  var unreadable = 0
  /// The first of them, below the root.
  var unreadableExample: String?

  init(directories: Int, isComplete: Bool, milliseconds: Int) {
    self.directories = directories
    self.isComplete = isComplete
    self.milliseconds = milliseconds
  }

  /// Counts below the open `root`, for at most `limit`. Symbolic links are not followed.
  init(below root: OpenFile, limit: Duration) {
    let start = Clock.monotonic()
    let deadline = start + Int64(limit / .nanoseconds(1))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    defer { buffer.deallocate() }
    var waiting: [[UInt8]] = [Array(".".utf8)]
    while let path = waiting.popLast() {
      directories += 1
      guard Clock.monotonic() < deadline else {
        directories += waiting.count
        isComplete = false
        break
      }
      do throws(Errno) {
        try Self.eachDirectory(in: path, below: root, buffer) { waiting.append($0) }
      } catch {
        guard error == .permissionDenied || error == .notPermitted else { continue }
        unreadable += 1
        if unreadableExample == nil { unreadableExample = String(decoding: path, as: UTF8.self) }
      }
    }
    milliseconds = Int((Clock.monotonic() - start) / 1_000_000)
  }

  private static func eachDirectory(
    in path: [UInt8], below root: OpenFile, _ buffer: UnsafeMutableRawBufferPointer,
    _ body: ([UInt8]) -> Void
  ) throws(Errno) {
    let directory = try withName(path) { name throws(Errno) in
      try OpenFile.directory(beneath: root.descriptor, name)
    }
    while true {
      let count = try directory.readEntries(into: buffer)
      guard count > 0 else { return }
      var entries = DirectoryEntries(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      while let entry = entries.next() {
        let child = (path == Array(".".utf8) ? [] : path + [0x2F]) + Array(entry.name)
        let kind = entry.kind ?? kind(of: child, below: root)
        if kind == .directory { body(child) }
      }
    }
  }

  private static func kind(of path: [UInt8], below root: OpenFile) -> FileStatus.Kind? {
    try? withName(path) { name throws(Errno) in
      try FileStatus.at(root.descriptor, name)
    }.kind
  }

  private static func withName<Result>(
    _ path: [UInt8], _ body: (UnsafePointer<CChar>) throws(Errno) -> Result
  ) throws(Errno) -> Result {
    let name = path.map { CChar(bitPattern: $0) } + [0]
    do {
      return try name.withUnsafeBufferPointer { try body($0.baseAddress!) }
    } catch let error as Errno {
      throw error
    } catch {
      throw .ioError
    }
  }
}
