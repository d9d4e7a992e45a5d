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
    _ text: Substring.UTF8View, plusIsSpace: Bool = false
  ) throws(Malformed) -> [UInt8] {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(text.count)
    var rest = text
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%") {
        let digits = rest.prefix(2).compactMap(ASCII.hexValue)
        guard digits.count == 2 else { throw Malformed(offset: text.count - rest.count - 1) }
        decoded.append(digits[0] << 4 | digits[1])
        rest = rest.dropFirst(2)
      } else {
        decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? ASCII.space : byte)
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
