/// How compressed bytes are wrapped.
package enum CompressionFormat: Sendable, Equatable {
  /// Deflate blocks alone (RFC 1951), as permessage-deflate has them: a window of two to the power
  /// of `windowBits` bytes, 9 to 15. (zlib's own deflate cannot keep to 8.)
  case raw(windowBits: Int)
  /// What HTTP calls `deflate` (RFC 1950).
  case zlib
  /// RFC 1952.
  case gzip

  /// As deflateInit2 and inflateInit2 take it; the latter with `.full`, which reads all.
  func windowBits(_ memory: Deflater.Memory) -> Int32 {
    let usual: Int32 = memory == .full ? 15 : 11
    switch self {
    case .raw(let bits):
      precondition((9...15).contains(bits), "zlib deflates with 9 to 15 bits")
      return -Int32(bits)
    case .zlib: return usual
    case .gzip: return usual + 16
    }
  }
}
