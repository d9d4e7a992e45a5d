internal import Bytes
internal import HTTPTypes

/// A status line taken apart (RFC 9112 §4).
struct StatusLine {
  typealias Refusal = HTTP1RequestParser.Refusal

  /// 100 to 999; what is not below 600 counts as a server's error (RFC 9110 §15).
  var code: Int
  var reason: String
  var minorVersion: Int

  /// Reads a line without its CRLF: `HTTP/1.1 200 OK`. Some servers leave out an empty reason
  /// together with the space before it, which two readers cannot understand differently.
  init(_ line: UnsafeRawBufferPointer) throws(Refusal) {
    guard line.count >= 12, line.part(0..<5).equals("HTTP/"), ASCII.isDigit(line[5]),
      line[6] == UInt8(ascii: "."), ASCII.isDigit(line[7]), line[8] == ASCII.space
    else { throw .malformed("the status line is malformed") }
    guard line[5] == UInt8(ascii: "1") else {
      throw .malformed("only HTTP/1.1 and HTTP/1.0 are spoken on this connection")
    }
    minorVersion = line[7] == UInt8(ascii: "0") ? 0 : 1
    guard let code = DecimalNumber.parse(line.part(9..<12)), code >= 100 else {
      throw .malformed("the status is not a number of three digits")
    }
    self.code = code
    guard line.count == 12 || line[12] == ASCII.space else {
      throw .malformed("the status is not a number of three digits")
    }
    let reason = line.part(min(13, line.count)..<line.count)
    if let offset = reason.firstIndex(where: ASCII.isForbiddenInFieldValue) {
      throw .malformed("control character at byte \(offset) of the reason phrase")
    }
    self.reason = String(decoding: reason, as: UTF8.self)
  }

  var status: HTTPResponse.Status { HTTPResponse.Status(code: code, reasonPhrase: reason) }
}
