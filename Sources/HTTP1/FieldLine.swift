internal import Bytes
internal import HTTPSemantics
internal import HTTPTypes

/// A field line taken apart (RFC 9112 §5).
enum FieldLine {
  typealias Refusal = HTTP1RequestParser.Refusal

  /// Reads a line, not empty and without its CRLF.
  static func parse(_ line: UnsafeRawBufferPointer) throws(Refusal) -> HTTPField {
    guard line[0] != ASCII.space, line[0] != ASCII.tab else {
      throw .malformed("a field line begins with white space (obs-fold)")  // RFC 9112 §5.2
    }
    guard let colon = line.firstOffset(of: UInt8(ascii: ":")) else {
      throw .malformed("a field line has no colon")
    }
    let rawName = line.part(0..<colon)
    if let offset = ASCIISet.token.firstStranger(in: rawName) {
      // RFC 9112 §5.1: white space before the colon included.
      throw .malformed("byte \(offset) of a field name is not allowed there")
    }
    guard let name = HTTPField.Name(String(decoding: rawName, as: UTF8.self)) else {
      throw .malformed("a field has no name")
    }
    var start = colon + 1
    var end = line.count
    while start < end, isWhitespace(line[start]) { start += 1 }
    while end > start, isWhitespace(line[end - 1]) { end -= 1 }
    let value = line.part(start..<end)
    if let offset = ASCII.firstForbiddenInFieldValue(value) {
      throw .malformed("\(name.rawName): control character at byte \(offset) of the value")
    }
    return HTTPField(name: name, received: value)
  }

  private static func isWhitespace(_ byte: UInt8) -> Bool {
    byte == ASCII.space || byte == ASCII.tab
  }
}
