internal import HTTPTypes

/// Fields that have no business after the content: they frame, route, authorise or describe the
/// message, and a reader that merged them into the head would be fooled (RFC 9110 §6.5.1).
enum Trailers {
  private static let forbidden: Set<String> = [
    "transfer-encoding", "content-length", "trailer", "te", "connection", "keep-alive", "upgrade",
    "host", "cache-control", "expect", "max-forwards", "pragma", "range", "if-match",
    "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "authorization",
    "proxy-authorization", "proxy-connection", "cookie", "origin", "content-encoding",
    "content-type", "content-range", "content-location",
  ]

  static func check(_ name: HTTPField.Name) throws(HTTP1RequestParser.Refusal) {
    guard !forbidden.contains(name.canonicalName) else {
      throw .malformed("\(name.rawName): not allowed as a trailer field")
    }
  }
}
