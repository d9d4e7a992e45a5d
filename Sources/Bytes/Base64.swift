extension [UInt8] {
  /// Appends `bytes` in base64 with padding (RFC 4648 §4).
  package mutating func append(base64 bytes: Span<UInt8>) {
    reserveCapacity(count + (bytes.count + 2) / 3 * 4)
    var index = 0
    while index + 3 <= bytes.count {
      let group =
        UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
      appendSextets(of: group, count: 4)
      index += 3
    }
    switch bytes.count - index {
    case 1:
      appendSextets(of: UInt32(bytes[index]) << 16, count: 2)
      append("==")
    case 2:
      appendSextets(of: UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8, count: 3)
      append(UInt8(ascii: "="))
    default: break
    }
  }

  /// Appends the first `count` of the four 6-bit digits of a 24-bit group.
  private mutating func appendSextets(of group: UInt32, count: Int) {
    for position in 0..<count {
      append(base64Digit(UInt8(truncatingIfNeeded: group >> UInt32(18 - 6 * position)) & 0x3F))
    }
  }
}

private func base64Digit(_ value: UInt8) -> UInt8 {
  switch value {
  case 0..<26: UInt8(ascii: "A") &+ value
  case 26..<52: UInt8(ascii: "a") &+ value &- 26
  case 52..<62: UInt8(ascii: "0") &+ value &- 52
  case 62: UInt8(ascii: "+")
  default: UInt8(ascii: "/")
  }
}
