/// One step through bytes that should be UTF-8.
package enum UTF8Step: Equatable, Sendable {
  /// A well-formed sequence of `length` bytes (1 to 4) for `scalar`.
  case scalar(UInt32, length: Int)
  /// The longest beginning of a sequence that could have become well-formed, `length` bytes (1 to
  /// 3): one U+FFFD stands for it (Unicode 16, §3.9, "maximal subpart").
  case malformed(length: Int)

  /// Bytes taken.
  package var length: Int {
    switch self {
    case .scalar(_, let length), .malformed(let length): length
    }
  }
}

/// Decodes what starts at `index`, which must be inside `bytes` (Unicode 16, table 3-7: no overlong
/// forms, no surrogates, nothing above U+10FFFF).
package func decodeUTF8(_ bytes: Span<UInt8>, at index: Int) -> UTF8Step {
  let lead = bytes[index]
  let length: Int
  var second: ClosedRange<UInt8> = 0x80...0xBF
  switch lead {
  case 0x00...0x7F: return .scalar(UInt32(lead), length: 1)
  case 0xC2...0xDF: length = 2
  case 0xE0: (length, second) = (3, 0xA0...0xBF)
  case 0xED: (length, second) = (3, 0x80...0x9F)
  case 0xE1...0xEF: length = 3
  case 0xF0: (length, second) = (4, 0x90...0xBF)
  case 0xF4: (length, second) = (4, 0x80...0x8F)
  case 0xF1...0xF3: length = 4
  default: return .malformed(length: 1)
  }
  var scalar = UInt32(lead) & (0x7F >> UInt32(length))
  for offset in 1..<length {
    guard index + offset < bytes.count else { return .malformed(length: offset) }
    let byte = bytes[index + offset]
    guard (offset == 1 ? second : 0x80...0xBF).contains(byte) else {
      return .malformed(length: offset)
    }
    scalar = scalar << 6 | UInt32(byte & 0x3F)
  }
  return .scalar(scalar, length: length)
}

/// Whether `bytes` are well-formed UTF-8.
package func isValidUTF8(_ bytes: Span<UInt8>) -> Bool {
  var index = 0
  while index < bytes.count {
    if bytes[index] < 0x80 {
      index += 1
      continue
    }
    guard case .scalar(_, let length) = decodeUTF8(bytes, at: index) else { return false }
    index += length
  }
  return true
}
