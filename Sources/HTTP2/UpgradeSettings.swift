internal import Bytes
internal import HTTPSemantics
package import HTTPTypes

/// An HTTP/1.1 request that offers to go on in HTTP/2 (`Upgrade: h2c`, RFC 7540 §3.2; RFC 9113 no
/// longer has it, curl and nghttp still ask).
package struct UpgradeSettings: Sendable, Equatable {
  /// The payload of the SETTINGS frame in HTTP2-Settings.
  package let payload: [UInt8]

  /// Nil where the offer is none: then it is ignored, as RFC 9110 §7.8 has it. `upgrades` are the
  /// words of Upgrade, empty unless Connection has it too.
  package init?(_ request: HTTPRequest, upgrades: [String]) {
    guard upgrades.contains("h2c") else { return nil }
    let fields = request.headerFields
    let values = fields[values: HTTPField.Name("HTTP2-Settings")!]
    guard values.count == 1,
      HTTPList.words(fields[values: .connection]).contains("http2-settings"),
      let payload = Self.decode(values[0].utf8), payload.count % 6 == 0, payload.count <= 6 * 32
    else { return nil }
    self.payload = payload
  }

  /// Base64 for URLs without padding (RFC 4648 §5); nil for anything else.
  private static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    var (bits, count) = (UInt32(0), 0)
    for character in text {
      guard let value = value(of: character) else { return nil }
      bits = (bits << 6 | value) & 0xFFFF
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return count < 6 ? bytes : nil
  }

  private static func value(of character: UInt8) -> UInt32? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "-"): 62
    case UInt8(ascii: "_"): 63
    default: nil
    }
  }
}
