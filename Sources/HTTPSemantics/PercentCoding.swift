internal import Bytes

/// Percent-decoding, once (RFC 3986 §2.1).
package enum PercentCoding {
  /// A percent sign without two hexadecimal digits after it.
  package struct Malformed: Error, Sendable, Equatable {
    /// Bytes before the sign in what was given.
    package var offset: Int
  }

  /// The bytes `text` stands for. `plusIsSpace` as in forms and their queries.
  package static func decode(
    _ text: Span<UInt8>, plusIsSpace: Bool = false
  ) throws(Malformed) -> [UInt8] {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(text.count)
    var offset = 0
    while offset < text.count {
      let byte = text[offset]
      if byte == UInt8(ascii: "%") {
        guard offset + 2 < text.count, let high = ASCII.hexValue(text[offset + 1]),
          let low = ASCII.hexValue(text[offset + 2])
        else { throw Malformed(offset: offset) }
        decoded.append(high << 4 | low)
        offset += 3
      } else {
        decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? ASCII.space : byte)
        offset += 1
      }
    }
    return decoded
  }

  // unreserved (RFC 3986 §2.3) and the slash.
  private static let plain = ASCIISet(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")

  /// `path` with everything encoded that is not unreserved or a slash: for Location and links.
  package static func encode(path: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var text: [UInt8] = []
    for byte in path {
      if plain.contains(byte) {
        text.append(byte)
      } else {
        text += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
