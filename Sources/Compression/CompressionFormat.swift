/// How compressed bytes are wrapped.
package enum CompressionFormat: Sendable, Hashable {
  /// Deflate blocks alone (RFC 1951), as permessage-deflate has them: a window of two to the power
  /// of `windowBits` bytes, 9 to 15. (zlib's own deflate cannot keep to 8.)
  case raw(windowBits: Int)
  /// What HTTP calls `deflate` (RFC 1950).
  case zlib
  /// RFC 1952.
  case gzip

  /// As deflateInit2 and inflateInit2 take it.
  var windowBits: Int32 {
    switch self {
    case .raw(let bits):
      precondition((9...15).contains(bits), "zlib deflates with 9 to 15 bits")
      return -Int32(bits)
    case .zlib: return 15
    case .gzip: return 15 + 16
    }
  }

  /// As deflateInit2 takes it: what is looked up in grows with the window, since zlib goes through
  /// all of it each time the window moves. (A window of 9 bits and the usual memory: 30 times the
  /// time.)
  var memoryLevel: Int32 {
    let bits = if case .raw(let bits) = self { Int32(bits) } else { Int32(15) }
    return max(4, bits - 7)
  }
}
