internal import CZlib

/// One stream being decompressed, without I/O. Confined to whoever made it. Costs 7 KB, and the
/// window from the first bytes on, until it is released.
package final class Inflater {
  package enum Progress: Sendable, Equatable {
    /// All input was used, and the stream goes on.
    case needsMore
    /// The stream has ended; so many bytes of the input lie behind it.
    case ended(unused: Int)
  }

  package enum Failure: Error, Sendable, Equatable {
    /// These bytes are no such stream.
    case corrupt
    /// There would be more than the limit.
    case tooBig
  }

  /// Output asked for at a time: a bomb costs no more than this above the limit.
  private static let portion = 16 << 10

  private let stream: UnsafeMutablePointer<z_stream>

  /// Traps when there is no memory, as an array does.
  package init(_ format: CompressionFormat) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let result = inflateInit2_(
      stream, format.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(result == Z_OK, "inflateInit2: \(result)")
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Decompresses `input` and appends what comes of it, as long as `output` has no more than `limit`
  /// bytes: one more is a failure, found before it is stored.
  package func decompress(
    _ input: RawSpan, into output: inout [UInt8], limit: Int
  ) throws(Failure) -> Progress {
    try input.withUnsafeBytes { (input) throws(Failure) in
      try decompress(input, into: &output, limit: limit)
    }
  }

  private func decompress(
    _ input: UnsafeRawBufferPointer, into output: inout [UInt8], limit: Int
  ) throws(Failure) -> Progress {
    stream.pointee.next_in = .init(
      mutating: input.bindMemory(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(input.count)
    defer { stream.pointee.next_in = nil }
    while true {
      let room = min(Self.portion, limit - output.count + 1)
      guard room > 0 else { throw .tooBig }
      let result = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room) { piece in
        stream.pointee.next_out = piece.baseAddress
        stream.pointee.avail_out = UInt32(room)
        let result = inflate(stream, Z_SYNC_FLUSH)
        let size = min(room - Int(stream.pointee.avail_out), limit - output.count)
        output.append(contentsOf: piece[..<size])
        return size < room - Int(stream.pointee.avail_out) ? nil : result
      }
      guard let result else { throw .tooBig }
      switch result {
      case Z_OK where stream.pointee.avail_out == 0: continue
      // Z_BUF_ERROR: there was nothing left to do.
      case Z_OK, Z_BUF_ERROR: return .needsMore
      case Z_STREAM_END: return .ended(unused: Int(stream.pointee.avail_in))
      default: throw .corrupt
      }
    }
  }

  /// Goes on with a new stream of the same kind, which may refer to what the last one held.
  package func continueAfterEnd() { inflateResetKeep(stream) }
}
