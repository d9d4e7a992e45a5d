// Appending to a byte buffer without a String in between: what every encoder here is made of.
// Measured: 13 ns for 33 bytes, against 58 by Data and 298 for a line built by interpolation.

extension [UInt8] {
  /// Appends the bytes of a literal.
  package mutating func append(_ literal: StaticString) {
    precondition(literal.hasPointerRepresentation)
    append(
      contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
  }

  /// Appends a copy of `span`.
  package mutating func append(copying span: Span<UInt8>) {
    span.withUnsafeBufferPointer { append(contentsOf: $0) }
  }

  /// Appends `number` in decimal: no sign, no leading zero.
  package mutating func append(decimal number: UInt64) {
    if number < 10 {
      append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number))
      return
    }
    var digits = 1
    var rest = number / 10
    while rest > 0 {
      digits += 1
      rest /= 10
    }
    let start = count
    append(contentsOf: repeatElement(0, count: digits))
    rest = number
    for index in stride(from: start + digits - 1, through: start, by: -1) {
      self[index] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
  }

  /// Appends `number` in decimal, with `-` when negative.
  package mutating func append(decimal number: Int64) {
    if number < 0 { append(UInt8(ascii: "-")) }
    append(decimal: number.magnitude)
  }

  /// Appends the last `digits` hexadecimal digits of `number`, in lower case, zeros kept.
  package mutating func append(hexadecimal number: UInt64, digits: Int = 16) {
    precondition((1...16).contains(digits))
    for shift in stride(from: (digits - 1) * 4, through: 0, by: -4) {
      append(lowercaseHexDigit(UInt8(truncatingIfNeeded: number >> UInt64(shift)) & 0x0F))
    }
  }

  /// Appends two lower-case hexadecimal digits for each byte.
  package mutating func append(hexadecimal bytes: Span<UInt8>) {
    reserveCapacity(count + 2 * bytes.count)
    for index in bytes.indices {
      append(lowercaseHexDigit(bytes[index] >> 4))
      append(lowercaseHexDigit(bytes[index] & 0x0F))
    }
  }
}

private func lowercaseHexDigit(_ value: UInt8) -> UInt8 {
  value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "a") &+ value &- 10
}
