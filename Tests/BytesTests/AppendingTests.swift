import Bytes
import Testing

private func text(_ body: (inout [UInt8]) -> Void) -> String {
  var output: [UInt8] = []
  body(&output)
  return String(decoding: output, as: UTF8.self)
}

@Suite("Appending to bytes")
struct AppendingTests {
  @Test(
    "writes every number as Swift prints it",
    arguments: [0, 7, 9, 10, 99, 100, 1_042, 4_294_967_296, UInt64.max - 1, .max])
  func decimals(number: UInt64) {
    #expect(text { $0.append(decimal: number) } == "\(number)")
  }

  @Test("writes negative numbers", arguments: [-1, -10, Int64.min, 0, Int64.max])
  func signedDecimals(number: Int64) {
    #expect(text { $0.append(decimal: number) } == "\(number)")
  }

  @Test(
    "puts a name, a value and what stands around them behind what is there",
    arguments: [("", ""), ("a", ""), ("", "b"), ("name", "a value longer than a short string")])
  func fieldLines(name: String, value: String) {
    var bytes = Array("before".utf8)
    Array(name.utf8).withUnsafeBytes { name in
      Array(value.utf8).withUnsafeBytes { value in
        bytes.append(name: name, ": ", value: value, "\r\n")
        bytes.append(name: name, "", value: value, "")
      }
    }
    #expect(String(decoding: bytes, as: UTF8.self) == "before\(name): \(value)\r\n\(name)\(value)")
  }

  @Test("keeps the zeros of a hexadecimal number")
  func hexadecimal() {
    #expect(text { $0.append(hexadecimal: 0xBEEF, digits: 6) } == "00beef")
    #expect(text { $0.append(hexadecimal: [0x00, 0x1F, 0xA0].span) } == "001fa0")
  }

  @Test(
    "encodes the vectors of RFC 4648 §10 in base64",
    arguments: [
      ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
      ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
  func base64(plain: String, encoded: String) {
    #expect(text { $0.append(base64: plain.utf8.span) } == encoded)
  }

  @Test("uses + and / in base64")
  func base64Alphabet() {
    #expect(text { $0.append(base64: [0xFB, 0xEF, 0xFF].span) } == "++//")
  }
}

@Suite("JSON strings")
struct JSONStringTests {
  @Test(
    "escape what JSON or a line reader cannot hold, and nothing else",
    arguments: [
      ("", #""""#), ("css/a.css", #""css/a.css""#), ("a\"b\\c", #""a\"b\\c""#),
      ("\n\r\t\u{8}\u{C}", #""\n\r\t\b\f""#), ("\0\u{1F}\u{7F}", "\"\\u0000\\u001f\u{7F}\""),
      ("é€😀/", "\"é€😀/\""),
      ("\u{2027}\u{2028}\u{2029}\u{202A}", "\"\u{2027}\\u2028\\u2029\u{202A}\""),
    ])
  func escapes(plain: String, encoded: String) {
    #expect(text { $0.append(jsonString: plain) } == encoded)
  }

  @Test(
    "put one U+FFFD for each maximal malformed part",
    arguments: [
      ([0x61, 0xFF, 0x62], "a\u{FFFD}b"),
      ([0xC0, 0xAF], "\u{FFFD}\u{FFFD}"),
      ([0xE2, 0x82], "\u{FFFD}"),
      ([0xE2, 0x82, 0x41], "\u{FFFD}A"),
      ([0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"),
      ([0xF0, 0x9F, 0x98, 0xE2, 0x82, 0xAC], "\u{FFFD}€"),
      ([0xF4, 0x90, 0x80, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
      ([0x80, 0x22], "\u{FFFD}\\\""),
    ] as [([UInt8], String)])
  func malformed(bytes: [UInt8], inside: String) {
    #expect(text { $0.append(jsonString: bytes.span) } == "\"\(inside)\"")
    let isValid = isValidUTF8(bytes.span)
    #expect(!isValid)
  }

  @Test("agree with Swift's own decoder on random bytes")
  func random() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      let bytes = (0..<12).map { _ in
        [0x41, 0x80, 0xA0, 0xBF, 0xC3, 0xE2, 0xED, 0xF0, 0xF4, 0xFF].randomElement(using: &random)!
          as UInt8
      }
      let expected = String(decoding: bytes, as: UTF8.self)
      #expect(text { $0.append(jsonString: bytes.span) } == "\"\(expected)\"", "\(bytes)")
      let isValid = isValidUTF8(bytes.span)
      #expect(isValid == (String(validating: bytes, as: UTF8.self) != nil), "\(bytes)")
    }
  }
}

@Suite("Timestamps")
struct TimestampTests {
  @Test(
    "are RFC 3339 in UTC, rounded down to the millisecond",
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"),
      (1_795_165_200_123_999_999, "2026-11-20T09:00:00.123Z"),
      (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
      (951_868_799_999_000_000, "2000-02-29T23:59:59.999Z"),
      (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
      (-1, "1969-12-31T23:59:59.999Z"),
      (.max, "2262-04-11T23:47:16.854Z"),
      (.min, "1677-09-21T00:12:43.145Z"),
    ] as [(Int64, String)])
  func known(nanoseconds: Int64, written: String) {
    var writer = TimestampWriter()
    #expect(text { writer.append(nanoseconds: nanoseconds, to: &$0) } == written)
  }

  @Test("of one second share what was written before, of another do not")
  func cached() {
    var writer = TimestampWriter()
    let lines = text {
      for moment in [5_000_000, 999_000_000, 1_000_000_000, 0] as [Int64] {
        writer.append(nanoseconds: moment, to: &$0)
      }
    }
    #expect(
      lines
        == "1970-01-01T00:00:00.005Z1970-01-01T00:00:00.999Z1970-01-01T00:00:01.000Z1970-01-01T00:00:00.000Z"
    )
  }
}
