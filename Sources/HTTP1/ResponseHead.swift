internal import Bytes
package import HTTPTypes

extension HTTP1ResponseParser {
  /// How the content of a response is delimited (RFC 9112 §6.3).
  package enum BodyLength: Sendable, Equatable {
    case none
    /// Content-Length, at least 1.
    case known(Int)
    case chunked
    /// The content ends with the connection.
    case untilClose
  }

  /// All of a response but its content, checked.
  package struct ResponseHead: Sendable {
    package var response: HTTPResponse
    /// 0 or 1; anything later of HTTP/1 counts as 1 (RFC 9110 §2.5).
    package var minorVersion: Int
    package var bodyLength: BodyLength
  }
}

/// Where a response ends. Everything two readers could understand differently is refused.
struct ResponseFraming {
  typealias Refusal = HTTP1RequestParser.Refusal

  let line: StatusLine
  let fields: HTTPFields
  /// To HEAD there is no content, whatever the fields say.
  let answersHEAD: Bool

  func head() throws(Refusal) -> HTTP1ResponseParser.ResponseHead {
    HTTP1ResponseParser.ResponseHead(
      response: HTTPResponse(status: line.status, headerFields: fields),
      minorVersion: line.minorVersion, bodyLength: try bodyLength())
  }

  private func bodyLength() throws(Refusal) -> HTTP1ResponseParser.BodyLength {
    let lengths = fields[values: .contentLength]
    let codings = fields[values: .transferEncoding]
    let length = try length(lengths)
    // RFC 9112 §6.3, first rule: whatever the fields say.
    if answersHEAD || line.code == 101 || line.code == 204 || line.code == 304 { return .none }
    guard codings.isEmpty else {
      guard lengths.isEmpty else {
        throw .malformed("Content-Length: given together with Transfer-Encoding")
      }
      guard line.minorVersion == 1 else {
        throw .malformed("Transfer-Encoding: unknown to HTTP/1.0")
      }
      // Codings other than chunked were not asked for (no TE is ever sent).
      guard codings.count == 1, ASCII.equalsIgnoringCase(codings[0], "chunked") else {
        throw .malformed("Transfer-Encoding: only chunked is understood")
      }
      return .chunked
    }
    switch length {
    case nil: return .untilClose
    case 0: return .none
    case let length?: return .known(length)
    }
  }

  private func length(_ values: [String]) throws(Refusal) -> Int? {
    guard let text = values.first else { return nil }
    // RFC 9112 §6.3 lets a recipient join equal lengths; a peer that sends two is broken anyway.
    guard values.count == 1 else { throw .malformed("Content-Length: given more than once") }
    guard let length = DecimalNumber.parse(text) else {
      throw .malformed("Content-Length: not a number")
    }
    return length
  }
}
