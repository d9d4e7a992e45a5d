extension HTTP1RequestParser {
  /// What a request may cost before it is refused. All in bytes unless said.
  package struct Limits: Sendable {
    /// Method, target and version with their line end: 8 KiB, the least a server should take is
    /// 8,000 octets (RFC 9112 §3). Beyond it 414.
    package var requestLine = 8 << 10
    /// All field lines with their line ends, and those of the trailer section: 16 KiB holds a
    /// browser's cookies for localhost, which all ports share. Beyond it 431.
    package var headerBlock = 16 << 10
    /// Field lines, and trailer fields: 100, four times what browsers send. Beyond it 431.
    package var fields = 100
    /// Content after the transfer coding is taken off: 1 MiB; the largest request of the API is an
    /// array of watch specs. Beyond it 413.
    package var body = 1 << 20
    /// Chunk extensions of one request together: 4 KiB; nobody uses them but to hide bytes.
    /// Beyond it 400.
    package var chunkExtensions = 4 << 10

    package init() {}

    package static let standard = Limits()
  }
}

/// The limit a request broke. The sentence about it is made only then.
enum ExceededLimit {
  case requestLine, headerBlock, fields, body, chunkExtensions

  func refusal(_ limits: HTTP1RequestParser.Limits) -> HTTP1RequestParser.Refusal {
    switch self {
    case .requestLine: .init(414, "the request line is longer than \(limits.requestLine) bytes")
    case .headerBlock: .init(431, "the header fields are longer than \(limits.headerBlock) bytes")
    case .fields: .init(431, "there are more than \(limits.fields) header fields")
    case .body: .init(413, "the content is longer than \(limits.body) bytes")
    case .chunkExtensions:
      .init(400, "the chunk extensions are longer than \(limits.chunkExtensions) bytes")
    }
  }
}
