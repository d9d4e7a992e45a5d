extension [UInt8] {
  /// Appends a JSON string (RFC 8259 §7), quotes included, holding the text of `bytes`. Always valid
  /// UTF-8: each maximal malformed part becomes U+FFFD. U+2028 and U+2029 are escaped, so that the
  /// line also stands in a JavaScript literal and no reader of lines splits it.
  package mutating func append(jsonString bytes: Span<UInt8>) {
    append(UInt8(ascii: "\""))
    append(jsonText: bytes)
    append(UInt8(ascii: "\""))
  }

  /// Appends a JSON string, quotes included.
  package mutating func append(jsonString text: String) {
    append(jsonString: text.utf8.span)
  }

  /// The inside of a JSON string. Runs that need no change are copied whole.
  private mutating func append(jsonText bytes: Span<UInt8>) {
    var runStart = 0
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if isPlain(byte) {
        index += 1
        continue
      }
      let step = byte < 0x80 ? .scalar(UInt32(byte), length: 1) : decodeUTF8(bytes, at: index)
      if case .scalar(let scalar, let length) = step, byte >= 0x80, scalar & ~1 != 0x2028 {
        index += length
        continue
      }
      append(copying: bytes.extracting(runStart..<index))
      switch step {
      case .scalar(let scalar, _): append(jsonEscape: scalar)
      case .malformed: append("\u{FFFD}")
      }
      index += step.length
      runStart = index
    }
    append(copying: bytes.extracting(runStart..<index))
  }

  private mutating func append(jsonEscape scalar: UInt32) {
    switch scalar {
    case 0x22: append("\\\"")
    case 0x5C: append("\\\\")
    case 0x08: append("\\b")
    case 0x09: append("\\t")
    case 0x0A: append("\\n")
    case 0x0C: append("\\f")
    case 0x0D: append("\\r")
    default:
      append("\\u")
      append(hexadecimal: UInt64(scalar), digits: 4)
    }
  }
}

/// An ASCII byte that a JSON string holds as it is.
private func isPlain(_ byte: UInt8) -> Bool {
  byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
}
