internal import Syscalls
internal import SystemPackage

/// What a stream of HTTP/2 was given and its window has not taken: bytes, then a file. A value. Holds
/// no memory while empty.
struct WaitingContent {
  private var bytes: [UInt8] = []
  private var taken = 0
  private var file: (file: OpenFile, offset: Int, left: Int)?

  var isEmpty: Bool { count == 0 }

  /// Bytes.
  var count: Int { bytes.count - taken + (file?.left ?? 0) }

  mutating func give(_ body: Response.Body) {
    switch body {
    case .empty: break
    case .bytes(let given): bytes = given
    case .file(let opened, let offset, let length): file = (opened, offset, length)
    }
  }

  /// Appends to the bytes; not while a file follows them.
  mutating func append(_ content: (inout [UInt8]) -> Void) { content(&bytes) }

  /// Takes back what `output` has beyond `end`; only while nothing waits.
  mutating func keepExcess(of output: inout [UInt8], from end: Int) {
    guard output.count > end else { return }
    bytes = Array(output[end...])
    output.removeSubrange(end...)
  }

  /// Moves at most `limit` bytes. Errors of pread(2), and EIO for a file that has become shorter than
  /// was said.
  mutating func take(into output: inout [UInt8], limit: Int) throws(Errno) {
    if !bytes.isEmpty {
      let end = min(bytes.count, taken + limit)
      output += bytes[taken..<end]
      taken = end
      guard end == bytes.count else { return }
      bytes = []
      taken = 0
    } else if let file {
      let start = output.count
      try file.file.read(count: min(limit, file.left), at: file.offset, appendingTo: &output)
      let count = output.count - start
      guard count > 0 else { throw .ioError }
      let left = file.left - count
      self.file = left > 0 ? (file.file, file.offset + count, left) : nil
    }
  }
}
