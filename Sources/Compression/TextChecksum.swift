internal import CZlib

/// What the end of a stream says about its text: a checksum that can be had of parts, and the length.
/// A value; of raw deflate, whose end says nothing, it costs nothing.
package struct TextChecksum: Sendable, Equatable {
  private enum Kind: Sendable, Equatable {
    case none
    /// Of gzip (RFC 1952 §2.3.1).
    case crc32
    /// Of zlib (RFC 1950 §8.2).
    case adler32
  }

  private let kind: Kind
  private var value: UInt32
  /// In bytes.
  private var length = 0

  /// Of no text.
  package init(for format: CompressionFormat) {
    switch format {
    case .raw: (kind, value) = (.none, 0)
    case .gzip: (kind, value) = (.crc32, 0)
    case .zlib: (kind, value) = (.adler32, 1)
    }
  }

  /// Of `text`.
  init(of text: [UInt8], for format: CompressionFormat) {
    self.init(for: format)
    length = text.count
    value = text.withUnsafeBytes { bytes in
      let start = bytes.bindMemory(to: UInt8.self).baseAddress
      // Without a place zlib answers the checksum of nothing, which is right: there is nothing.
      return switch kind {
      case .none: 0
      case .crc32: UInt32(crc32_z(UInt(value), start, bytes.count))
      case .adler32: UInt32(adler32_z(UInt(value), start, bytes.count))
      }
    }
  }

  /// The text of `next` follows.
  mutating func add(_ next: TextChecksum) {
    switch kind {
    case .none: break
    case .crc32: value = UInt32(crc32_combine(UInt(value), UInt(next.value), next.length))
    case .adler32: value = UInt32(adler32_combine(UInt(value), UInt(next.value), next.length))
    }
    length += next.length
  }

  /// Of what follows the text of `earlier`, with which this text begins.
  func since(_ earlier: TextChecksum) -> TextChecksum {
    var rest = self
    rest.length = length - earlier.length
    switch kind {
    case .none: break
    // The checksum of two texts is that of the second, and that of the first moved on by the length of
    // the second, added without carry: adding the first again leaves the second.
    case .crc32:
      rest.value = UInt32(crc32_combine(UInt(earlier.value), UInt(value), rest.length))
    case .adler32: rest.value = Adler32(value).since(Adler32(earlier.value), length: rest.length)
    }
    return rest
  }

  /// What the stream ends with, behind its last block.
  var trailer: [UInt8] {
    let size = UInt32(truncatingIfNeeded: length)
    return switch kind {
    case .none: []
    case .crc32: [value, size].flatMap { word in (0..<4).map { UInt8(word >> (8 * $0) & 0xFF) } }
    case .adler32: (0..<4).map { UInt8(value >> (24 - 8 * $0) & 0xFF) }
    }
  }
}

/// The two sums of an Adler-32 checksum: of the bytes, from 1, and of all values the first has had.
private struct Adler32 {
  private static let modulus = 65_521
  let bytes: Int
  let sums: Int

  init(_ value: UInt32) {
    bytes = Int(value & 0xFFFF)
    sums = Int(value >> 16)
  }

  func since(_ earlier: Adler32, length: Int) -> UInt32 {
    let shift = (length % Self.modulus) * (earlier.bytes - 1)
    let bytes = Self.reduced(bytes - earlier.bytes + 1)
    let sums = Self.reduced(sums - earlier.sums - shift)
    return UInt32(sums << 16 | bytes)
  }

  private static func reduced(_ number: Int) -> Int {
    let rest = number % modulus
    return rest < 0 ? rest + modulus : rest
  }
}
