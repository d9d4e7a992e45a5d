import Bytes
import Testing

struct UTF8ValidatorTests {
  /// The standard library's verdict on whole texts.
  private static func isValid(_ bytes: [UInt8]) -> Bool {
    String(validating: bytes, as: UTF8.self) != nil
  }

  private static func verdict(_ bytes: [UInt8], cut: Int) -> Bool {
    var validator = UTF8Validator()
    return bytes[..<cut].withUnsafeBytes { validator.accept($0) }
      && bytes[cut...].withUnsafeBytes { validator.accept($0) } && validator.isComplete
  }

  @Test("every sequence of two bytes after ASCII is judged as the standard library does")
  func pairs() {
    for first in UInt8.min...UInt8.max {
      for second in UInt8.min...UInt8.max {
        let bytes = [0x61, first, second]
        let expected = Self.isValid(bytes)
        #expect(Self.verdict(bytes, cut: 2) == expected, "\(bytes)")
      }
    }
  }

  @Test("sequences of three and four bytes at the edges, cut anywhere")
  func edges() {
    let edge: [UInt8] = [0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0]
    for lead in UInt8(0xDF)...0xF5 {
      for second in edge {
        for third in edge {
          for fourth in edge {
            let bytes = [lead, second, third, fourth]
            let expected = Self.isValid(bytes)
            for cut in 0...4 { #expect(Self.verdict(bytes, cut: cut) == expected, "\(bytes)") }
          }
        }
      }
    }
  }

  @Test("a secret is equal to itself and to nothing else")
  func constantTime() {
    #expect(ConstantTime.areEqual([1, 2, 3], [1, 2, 3]))
    #expect(ConstantTime.areEqual([], []))
    for other: [UInt8] in [[1, 2], [1, 2, 4], [0, 2, 3], [1, 2, 3, 0], []] {
      #expect(!ConstantTime.areEqual([1, 2, 3], other))
    }
  }
}
