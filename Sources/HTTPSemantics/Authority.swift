internal import Bytes

/// The authority of a request: a host and perhaps a port, as `Host`, `:authority`, an absolute
/// target and an origin carry it (RFC 3986 §3.2, without userinfo). Equal when it names the same
/// host and port, whatever the case of the name or the spelling of the address.
package struct Authority: Sendable, Hashable {
  package enum Host: Sendable, Hashable {
    /// A registered name in lower case, percent-encoding as received.
    case name(String)
    /// Four octets, the first in the highest byte.
    case ipv4(UInt32)
    /// Eight groups, the first in the highest 16 bits of `high`.
    case ipv6(high: UInt64, low: UInt64)
  }

  package var host: Host
  /// Nil when none was given (`host` and `host:` alike, RFC 3986 §3.2.3).
  package var port: UInt16?

  package init(host: Host, port: UInt16? = nil) {
    self.host = host
    self.port = port
  }

  /// Reads `host [":" port]`; nil when malformed: an empty host, userinfo, a character no name may
  /// have, an address that is none, a zone, IPvFuture, a port above 65535.
  package init?(_ text: String) {
    var text = text
    guard let authority = text.withUTF8({ Authority(UnsafeRawBufferPointer($0)) }) else {
      return nil
    }
    self = authority
  }

  /// The same from bytes.
  package init?(_ bytes: UnsafeRawBufferPointer) {
    guard let first = bytes.first else { return nil }
    let hostEnd: Int
    if first == UInt8(ascii: "[") {
      guard let close = bytes.firstOffset(of: UInt8(ascii: "]")),
        let address = Self.ipv6(bytes.part(1..<close))
      else { return nil }
      host = address
      hostEnd = close + 1
    } else {
      hostEnd = bytes.firstOffset(of: UInt8(ascii: ":")) ?? bytes.count
      guard let name = Self.nameOrIPv4(bytes.part(0..<hostEnd)) else { return nil }
      host = name
    }
    guard hostEnd < bytes.count else { return }
    guard bytes[hostEnd] == UInt8(ascii: ":") else { return nil }
    let digits = bytes.part(hostEnd + 1..<bytes.count)
    guard !digits.isEmpty else { return }
    guard let port = DecimalNumber.parse(digits), let port = UInt16(exactly: port) else {
      return nil
    }
    self.port = port
  }

  // unreserved, sub-delims and the percent sign (RFC 3986 §3.2.2).
  private static let nameCharacters = ASCIISet(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~!$&'()*+,;=%")

  private static func nameOrIPv4(_ bytes: UnsafeRawBufferPointer) -> Host? {
    guard !bytes.isEmpty, nameCharacters.firstStranger(in: bytes) == nil else { return nil }
    if ASCII.isDigit(bytes[0]), let address = ipv4(bytes) { return .ipv4(address) }
    var percent = bytes.firstOffset(of: UInt8(ascii: "%"))
    while let offset = percent {
      guard offset + 2 < bytes.count, ASCII.hexValue(bytes[offset + 1]) != nil,
        ASCII.hexValue(bytes[offset + 2]) != nil
      else { return nil }
      percent = bytes.firstOffset(of: UInt8(ascii: "%"), from: offset + 3)
    }
    let name = String(unsafeUninitializedCapacity: bytes.count) { text in
      for (offset, byte) in bytes.enumerated() { text[offset] = ASCII.lowercased(byte) }
      return bytes.count
    }
    return .name(name)
  }

  /// Four decimal octets without leading zeros; anything else is a name or nothing.
  private static func ipv4(_ bytes: UnsafeRawBufferPointer) -> UInt32? {
    var (address, octet) = (UInt32(0), UInt32(0))
    var (digits, dots) = (0, 0)
    for byte in bytes {
      if byte == UInt8(ascii: ".") {
        guard digits > 0, dots < 3 else { return nil }
        address = address << 8 | octet
        (octet, digits) = (0, 0)
        dots += 1
      } else {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), digits == 0 || octet > 0
        else { return nil }
        octet = octet * 10 + UInt32(byte - UInt8(ascii: "0"))
        guard octet <= 255 else { return nil }
        digits += 1
      }
    }
    return digits > 0 && dots == 3 ? address << 8 | octet : nil
  }

  /// The forms of RFC 4291 §2.2: eight groups, one run of zeros as `::`, the last two groups
  /// perhaps as an IPv4 address.
  private static func ipv6(_ bytes: UnsafeRawBufferPointer) -> Host? {
    var groups: [UInt16] = []
    var gap: Int?
    var rest = bytes
    if rest.count >= 2, rest[0] == UInt8(ascii: ":") {
      guard rest[1] == UInt8(ascii: ":") else { return nil }
      gap = 0
      rest = rest.part(2..<rest.count)
    }
    while !rest.isEmpty {
      let end = rest.firstOffset(of: UInt8(ascii: ":")) ?? rest.count
      if end == rest.count, let tail = ipv4(rest) {
        groups.append(UInt16(tail >> 16))
        groups.append(UInt16(truncatingIfNeeded: tail))
        break
      }
      guard (1...4).contains(end), groups.count < 8 else { return nil }
      var group: UInt16 = 0
      for byte in rest.part(0..<end) {
        guard let digit = ASCII.hexValue(byte) else { return nil }
        group = group << 4 | UInt16(digit)
      }
      groups.append(group)
      guard end < rest.count else { break }
      rest = rest.part(end + 1..<rest.count)
      if rest.first == UInt8(ascii: ":") {
        guard gap == nil else { return nil }
        gap = groups.count
        rest = rest.part(1..<rest.count)
      } else if rest.isEmpty {
        return nil
      }
    }
    if let gap {
      guard groups.count < 8 else { return nil }
      groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
    }
    guard groups.count == 8 else { return nil }
    let halves = [groups[0..<4], groups[4..<8]].map {
      $0.reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
    }
    return .ipv6(high: halves[0], low: halves[1])
  }
}
