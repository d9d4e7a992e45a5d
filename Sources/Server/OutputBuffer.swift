internal import Syscalls
internal import SystemPackage

/// Bytes accepted for one client but not yet taken by its socket, and a file that follows them.
/// Confined to its loop. There is none while all has been taken.
final class OutputBuffer {
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

  /// Whether a file comes last: nothing can be appended until it has been sent.
  var endsInFile: Bool { file != nil }

  /// What waits, in bytes.
  var count: Int { bytes.count - sent + fileLeft }

  /// Appends to what goes out; not while a file is being sent.
  func withBytes(_ body: (inout [UInt8]) -> Void) {
    precondition(file == nil, "bytes cannot follow a file that is being sent")
    body(&bytes)
  }

  /// The file follows what has been appended. A short one is read now, to go out with that in one
  /// send, which costs ten times what reading it does; one that has become shorter than `length` stays
  /// a file, whose end the flush finds.
  func append(file: OpenFile, offset: Int, length: Int) {
    precondition(self.file == nil, "one file at a time")
    guard length > 0 else { return }
    if length <= Self.shortFile {
      let start = bytes.count
      try? file.read(count: length, at: offset, appendingTo: &bytes)
      if bytes.count == start + length { return }
      bytes.removeSubrange(start...)
    }
    self.file = file
    fileOffset = offset
    fileLeft = length
  }

  /// Gives the socket what it takes.
  func flush(to socket: borrowing Socket) throws(Errno) -> Flushed {
    if !bytes.isEmpty {
      sent += try socket.take(bytes, from: sent)
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
}

extension Socket {
  /// How many bytes from `start` on the socket took; 0 when it takes none now.
  func take(_ bytes: [UInt8], from start: Int) throws(Errno) -> Int {
    switch try write(bytes, from: start) {
    case .wouldBlock: 0
    case .bytes(let count): count
    }
  }
}
