/// A set of ASCII characters as 128 bits: one shift and one mask a question. Bytes of 0x80 and
/// above are in no set.
package struct ASCIISet: Sendable {
  @usableFromInline let low: UInt64
  @usableFromInline let high: UInt64

  /// The characters of `text`, which must be ASCII.
  package init(_ text: StaticString) {
    var low: UInt64 = 0
    var high: UInt64 = 0
    text.withUTF8Buffer { bytes in
      for byte in bytes {
        precondition(byte < 0x80, "an ASCII set holds ASCII only")
        if byte < 64 { low |= 1 << UInt64(byte) } else { high |= 1 << UInt64(byte - 64) }
      }
    }
    self.low = low
    self.high = high
  }

  @inlinable
  package func contains(_ byte: UInt8) -> Bool {
    let word = byte < 64 ? low : high
    return byte < 0x80 && word & (1 << UInt64(byte & 63)) != 0
  }

  /// Offset of the first byte that is not in the set; nil when all are. One call for all: a question
  /// about a single byte is not inlined into another module.
  package func firstStranger(in bytes: UnsafeRawBufferPointer) -> Int? {
    for offset in 0..<bytes.count where !contains(bytes[offset]) { return offset }
    return nil
  }

  /// `tchar`: what methods, field names and list words are made of (RFC 9110 §5.6.2).
  package static let token = ASCIISet(
    "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
}

/// Questions about single bytes read as ASCII.
package enum ASCII {
  @inlinable package static var tab: UInt8 { 0x09 }
  @inlinable package static var lineFeed: UInt8 { 0x0A }
  @inlinable package static var carriageReturn: UInt8 { 0x0D }
  @inlinable package static var space: UInt8 { 0x20 }

  @inlinable
  package static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  @inlinable
  package static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

  /// `byte` with A–Z folded to a–z; every other byte as it is.
  @inlinable
  package static func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
  }

  /// The value of a hexadecimal digit in either case, or nil.
  @inlinable
  package static func hexValue(_ byte: UInt8) -> UInt8? {
    if isDigit(byte) { return byte &- 0x30 }
    let letter = (byte | 0x20) &- 0x61
    return letter < 6 ? letter &+ 10 : nil
  }

  /// Whether `byte` may not stand in a field value: a control other than the tab (RFC 9110 §5.5).
  @inlinable @inline(__always)
  package static func isForbiddenInFieldValue(_ byte: UInt8) -> Bool {
    (byte < 0x20 && byte != tab) || byte == 0x7F
  }

  /// Offset of the first byte that may not stand in a field value; nil when all may. Looks at eight
  /// at a time.
  package static func firstForbiddenInFieldValue(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var offset = 0
    while offset + 8 <= bytes.count {
      let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      if !holdsNoControl(word) { break }
      offset += 8
    }
    while offset < bytes.count, !isForbiddenInFieldValue(bytes[offset]) { offset += 1 }
    return offset < bytes.count ? offset : nil
  }

  /// Whether none of eight bytes is below 0x20 or is 0x7F. A byte less than `n` borrows from its own
  /// highest bit when `n` is taken from each.
  private static func holdsNoControl(_ word: UInt64) -> Bool {
    let (ones, highest) = (UInt64(0x0101_0101_0101_0101), UInt64(0x8080_8080_8080_8080))
    let delete = word ^ (ones &* 0x7F)
    return ((word &- ones &* 0x20) & ~word | (delete &- ones) & ~delete) & highest == 0
  }

  /// Whether all of `bytes` are below 0x80.
  package static func holdsOnly(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var offset = 0
    var seen: UInt64 = 0
    while offset + 8 <= bytes.count {
      seen |= bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      offset += 8
    }
    while offset < bytes.count {
      seen |= UInt64(bytes[offset])
      offset += 1
    }
    return seen & 0x8080_8080_8080_8080 == 0
  }

  /// Whether two texts are equal when A–Z and a–z are.
  package static func equalsIgnoringCase(_ a: some StringProtocol, _ b: some StringProtocol) -> Bool
  {
    a.utf8.count == b.utf8.count
      && zip(a.utf8, b.utf8).allSatisfy { lowercased($0) == lowercased($1) }
  }
}
