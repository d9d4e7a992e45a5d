/// Checks UTF-8 that arrives in pieces (RFC 3629): no overlong form, no surrogate, nothing above
/// U+10FFFF. A value; remembers at most three bytes' worth of state.
package struct UTF8Validator: Sendable {
  /// Continuation bytes the character begun still needs.
  private var missing = 0
  /// What the next one may be: narrower than 0x80...0xBF after E0, ED, F0 and F4.
  private var lowest: UInt8 = 0x80
  private var highest: UInt8 = 0xBF

  package init() {}

  /// Whether the bytes so far end between characters.
  package var isComplete: Bool { missing == 0 }

  /// Takes the next piece; false as soon as no continuation could make it valid. After false the
  /// validator is spent.
  package mutating func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var offset = 0
    while offset < bytes.count {
      if missing == 0 {
        offset = Self.endOfASCII(bytes, from: offset)
        guard offset < bytes.count else { return true }
        guard begin(bytes[offset]) else { return false }
      } else {
        guard bytes[offset] >= lowest, bytes[offset] <= highest else { return false }
        missing -= 1
        lowest = 0x80
        highest = 0xBF
      }
      offset += 1
    }
    return true
  }

  /// Takes the first byte of a character of more than one byte (RFC 3629 §4).
  private mutating func begin(_ byte: UInt8) -> Bool {
    switch byte {
    case 0xC2...0xDF: missing = 1
    case 0xE0...0xEF:
      missing = 2
      if byte == 0xE0 { lowest = 0xA0 }  // below: overlong
      if byte == 0xED { highest = 0x9F }  // above: surrogates
    case 0xF0...0xF4:
      missing = 3
      if byte == 0xF0 { lowest = 0x90 }  // below: overlong
      if byte == 0xF4 { highest = 0x8F }  // above: no Unicode
    default: return false
    }
    return true
  }

  /// Offset of the first byte at or after `start` that is not ASCII, eight at a time.
  private static func endOfASCII(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    var offset = start
    while offset + 8 <= bytes.count,
      bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
    {
      offset += 8
    }
    while offset < bytes.count, bytes[offset] < 0x80 { offset += 1 }
    return offset
  }
}
