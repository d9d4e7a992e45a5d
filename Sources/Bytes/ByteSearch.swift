internal import Glibc

extension UnsafeRawBufferPointer {
  /// Offset of the first `byte` at or after `start`, or nil. The C function is `memchr`.
  package func firstOffset(of byte: UInt8, from start: Int = 0) -> Int? {
    guard start < count, let base = baseAddress else { return nil }
    guard let found = memchr(base + start, Int32(byte), count - start) else { return nil }
    return UnsafeRawPointer(found) - base
  }

  /// The part between two offsets.
  package func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: self[range])
  }

  /// Whether the bytes are those of `text`.
  package func equals(_ text: StaticString) -> Bool {
    guard let base = baseAddress else { return text.utf8CodeUnitCount == 0 }
    return count == text.utf8CodeUnitCount && memcmp(base, text.utf8Start, count) == 0
  }

  /// Whether the bytes are those of `text`, given in lower case, when A–Z and a–z are equal.
  package func equalsIgnoringCase(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    return (0..<count).allSatisfy { ASCII.lowercased(self[$0]) == text.utf8Start[$0] }
  }
}
