internal import CZlib

/// One stream being compressed, without I/O. Confined to whoever made it. Costs 268 KB from `init`
/// until it is released; with a smaller window less, 22 KB with 11 bits.
package final class Deflater {
  package enum Flush: Sendable {
    /// zlib keeps what it likes for better matches.
    case none
    /// Everything given so far can be decoded from what came out; ends with 00 00 FF FF.
    case sync
    /// The same, and what follows refers to nothing before it: a decoder may start there.
    case full
    /// The stream ends.
    case finish

    fileprivate var code: Int32 {
      switch self {
      case .none: Z_NO_FLUSH
      case .sync: Z_SYNC_FLUSH
      case .full: Z_FULL_FLUSH
      case .finish: Z_FINISH
      }
    }
  }

  /// How hard to look for matches, 1 to 9. 6 is where zlib's own curve bends.
  package static let standardLevel = 6

  /// On the heap, because zlib's state points back at it.
  private let stream: UnsafeMutablePointer<z_stream>

  /// Traps when there is no memory, as an array does.
  package init(_ format: CompressionFormat, level: Int = standardLevel) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let result = deflateInit2_(
      stream, Int32(level), Z_DEFLATED, format.windowBits, format.memoryLevel,
      Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(result == Z_OK, "deflateInit2: \(result)")
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  /// Compresses `input` and appends what comes of it. After `.finish` only `reset` may follow.
  package func compress(_ input: RawSpan, _ flush: Flush, into output: inout [UInt8]) {
    input.withUnsafeBytes { compress($0, flush, into: &output) }
  }

  private func compress(
    _ input: UnsafeRawBufferPointer, _ flush: Flush, into output: inout [UInt8]
  ) {
    stream.pointee.next_in = .init(
      mutating: input.bindMemory(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(input.count)
    let room = 4 << 10
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room) { piece in
      // As long as deflate fills all the room it is given, it has more to say.
      repeat {
        stream.pointee.next_out = piece.baseAddress
        stream.pointee.avail_out = UInt32(room)
        let result = deflate(stream, flush.code)
        precondition(result != Z_STREAM_ERROR, "deflate after its end")
        output.append(contentsOf: piece[..<(room - Int(stream.pointee.avail_out))])
      } while stream.pointee.avail_out == 0
    }
    stream.pointee.next_in = nil
  }

  /// Begins a new stream of the same kind in the same memory.
  package func reset() { deflateReset(stream) }

  /// `input` as one finished stream.
  package static func compressed(
    _ input: [UInt8], _ format: CompressionFormat, level: Int = standardLevel
  ) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(input.count / 3)
    let deflater = Deflater(format, level: level)
    deflater.compress(input.span.bytes, .finish, into: &output)
    return output
  }
}
