internal import Bytes

/// The line before each chunk: its size, and extensions that are checked and forgotten
/// (RFC 9112 §7.1).
struct ChunkLine {
  typealias Refusal = HTTP1RequestParser.Refusal

  /// Sixteen hexadecimal digits say every 64-bit size; more are zeros that hide something.
  static let digitLimit = 16

  /// Bytes of the chunk; 0 is the last one.
  var size: Int
  /// Bytes of the extensions.
  var extensionLength: Int

  /// Reads a line without its CRLF.
  init(_ line: UnsafeRawBufferPointer) throws(Refusal) {
    var size: UInt64 = 0
    var digits = 0
    while digits < line.count, let value = ASCII.hexValue(line[digits]) {
      guard digits < Self.digitLimit else { throw .malformed("a chunk size has too many digits") }
      size = size << 4 | UInt64(value)
      digits += 1
    }
    guard digits > 0 else { throw .malformed("a chunk has no size") }
    guard let size = Int(exactly: size) else { throw Refusal(413, "a chunk size is out of range") }
    self.size = size
    extensionLength = line.count - digits
    var grammar = ExtensionGrammar(rest: line.part(digits..<line.count))
    guard grammar.accepts() else {
      throw .malformed("byte \(digits) of a chunk line begins no valid chunk extension")
    }
  }

  /// `*( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )` (RFC 9112 §7.1.1).
  private struct ExtensionGrammar {
    var rest: UnsafeRawBufferPointer

    mutating func accepts() -> Bool {
      while !rest.isEmpty {
        skipWhitespace()
        guard take(UInt8(ascii: ";")) else { return false }
        skipWhitespace()
        guard takeToken() else { return false }
        let afterName = rest
        skipWhitespace()
        guard take(UInt8(ascii: "=")) else {
          rest = afterName
          continue
        }
        skipWhitespace()
        guard take(UInt8(ascii: "\"")) ? takeQuotedRest() : takeToken() else { return false }
      }
      return true
    }

    private mutating func drop(_ count: Int) { rest = rest.part(count..<rest.count) }

    private mutating func skipWhitespace() {
      while let byte = rest.first, byte == ASCII.space || byte == ASCII.tab { drop(1) }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
      guard rest.first == byte else { return false }
      drop(1)
      return true
    }

    private mutating func takeToken() -> Bool {
      let end = rest.firstIndex { !ASCIISet.token.contains($0) } ?? rest.count
      drop(end)
      return end > 0
    }

    /// Through the closing quote (RFC 9110 §5.6.4).
    private mutating func takeQuotedRest() -> Bool {
      while let byte = rest.first, !ASCII.isForbiddenInFieldValue(byte) {
        drop(1)
        if byte == UInt8(ascii: "\"") { return true }
        if byte == UInt8(ascii: "\\") {
          guard let quoted = rest.first, !ASCII.isForbiddenInFieldValue(quoted) else {
            return false
          }
          drop(1)
        }
      }
      return false
    }
  }
}
