internal import Syscalls
internal import SystemPackage

/// Bytes accepted for one client but not yet taken by its socket, and a file that follows them.
/// Confined to its loop. Holds no memory while empty.
struct OutputBuffer {
  /// What came of a flush.
  enum Flushed {
    case all
    /// The socket takes no more now.
    case blocked
    /// The file ended before the length that was announced: the connection cannot be kept.
    case fileEnded
  }

  /// What the kernel takes in one send from nearly every client.
  private static let shortFile = 16 << 10

  private var bytes: [UInt8] = []
  private var sent = 0
  private var file: OpenFile?
  private var fileOffset = 0
  private var fileLeft = 0

  var isEmpty: Bool { bytes.isEmpty && file == nil }

  /// Whether a file comes last: nothing can be appended until it has been sent.
  var endsInFile: Bool { file != nil }

  /// What waits, in bytes.
  var count: Int { bytes.count - sent + fileLeft }

  /// Appends to what goes out; not while a file is being sent.
  mutating func withBytes(_ body: (inout [UInt8]) -> Void) {
    precondition(file == nil, "bytes cannot follow a file that is being sent")
    body(&bytes)
  }

  /// The file follows what has been appended. A short one is read now, to go out with that in one
  /// send, which costs ten times what reading it does; one that has become shorter than `length` stays
  /// a file, whose end the flush finds.
  mutating func append(file: OpenFile, offset: Int, length: Int) {
    precondition(self.file == nil, "one file at a time")
    guard length > 0 else { return }
    if length <= Self.shortFile, let content = try? file.read(count: length, at: offset),
      content.count == length
    {
      bytes += content
      return
    }
    self.file = file
    fileOffset = offset
    fileLeft = length
  }

  /// Sends `fresh` behind what waits, in one write when nothing waits, and keeps what the socket
  /// did not take.
  mutating func send(_ fresh: [UInt8], to socket: borrowing Socket) throws(Errno) -> Flushed {
    guard isEmpty, !fresh.isEmpty else {
      if !fresh.isEmpty { withBytes { $0 += fresh } }
      return try flush(to: socket)
    }
    let taken = try Self.write(fresh, from: 0, to: socket)
    if taken == fresh.count { return .all }
    bytes = Array(fresh[taken...])
    return .blocked
  }

  private mutating func flush(to socket: borrowing Socket) throws(Errno) -> Flushed {
    if !bytes.isEmpty {
      sent += try Self.write(bytes, from: sent, to: socket)
      guard sent == bytes.count else { return .blocked }
      bytes = []
      sent = 0
    }
    while let file {
      switch try socket.write(file: file, offset: fileOffset, length: fileLeft) {
      case .wouldBlock: return .blocked
      case .bytes(0): return .fileEnded
      case .bytes(let count):
        fileOffset += count
        fileLeft -= count
        if fileLeft == 0 { self.file = nil }
      }
    }
    return .all
  }

  private static func write(
    _ bytes: [UInt8], from start: Int, to socket: borrowing Socket
  ) throws(Errno) -> Int {
    guard start < bytes.count else { return 0 }
    switch try socket.write(bytes, from: start) {
    case .wouldBlock: return 0
    case .bytes(let count): return count
    }
  }
}
