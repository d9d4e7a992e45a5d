import Bytes
import Testing

@Suite("Questions about runs of bytes")
struct ASCIITests {
  private static func every(_ body: (_ length: Int, _ place: Int) -> Void) {
    for length in 0...26 { for place in 0..<max(length, 1) { body(length, place) } }
  }

  @Test(
    "finds a control wherever it stands, and takes everything else",
    arguments: [
      (UInt8(0x00), true), (0x08, true), (0x09, false), (0x0A, true), (0x0D, true), (0x1F, true),
      (0x20, false), (0x7E, false), (0x7F, true), (0x80, false), (0x9F, false), (0xFF, false),
    ])
  func controls(byte: UInt8, isForbidden: Bool) {
    for filler: UInt8 in [0x20, 0x41, 0x09, 0xFF] {
      Self.every { length, place in
        var bytes = [UInt8](repeating: filler, count: length)
        if length > 0 { bytes[place] = byte }
        let found = bytes.withUnsafeBytes(ASCII.firstForbiddenInFieldValue)
        #expect(found == (isForbidden && length > 0 ? place : nil), "\(bytes)")
      }
    }
  }

  @Test("tells ASCII from what is not, wherever it stands")
  func holdsOnlyASCII() {
    Self.every { length, place in
      var bytes = [UInt8](repeating: 0x7F, count: length)
      #expect(bytes.withUnsafeBytes(ASCII.holdsOnly))
      guard length > 0 else { return }
      bytes[place] = 0x80
      #expect(!bytes.withUnsafeBytes(ASCII.holdsOnly))
    }
  }

  @Test(
    "finds the first byte that is not in a set",
    arguments: [("", nil), ("abc", nil), (" abc", 0), ("ab c(", 2), ("abcé", 3)])
  func strangers(text: String, place: Int?) {
    #expect(Array(text.utf8).withUnsafeBytes(ASCIISet.token.firstStranger) == place)
  }
}
