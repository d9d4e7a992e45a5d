internal import Bytes
internal import HTTPTypes

/// What requests and responses are read with alike: lines, field lines, chunks (RFC 9112 §2.2, §5,
/// §7.1), each within its limit. Owned by one parser, which keeps the order.
struct MessageReader: Sendable {
  typealias Refusal = HTTP1RequestParser.Refusal

  private let limits: HTTP1RequestParser.Limits
  var unparsed = ByteQueue()
  private var fields = HTTPFields()
  /// Values of Host, kept apart: it says where a request goes, and a response has none.
  private var hosts: [String] = []
  private var fieldCount = 0
  private var fieldBytes = 0
  private var bodyBytes = 0
  private var extensionBytes = 0

  init(limits: HTTP1RequestParser.Limits) { self.limits = limits }

  /// The fields read so far, which are then forgotten.
  mutating func takeFields() -> (hosts: [String], others: HTTPFields) {
    defer {
      fields = HTTPFields()
      hosts = []
    }
    return (hosts, fields)
  }

  /// Counts from nothing again: the limits are each message's own.
  mutating func beginMessage() {
    fieldCount = 0
    fieldBytes = 0
    bodyBytes = 0
    extensionBytes = 0
  }

  // MARK: Lines

  /// Length of the oldest line without its CRLF; nil while it has not all come. At most `limit`
  /// bytes with it.
  mutating func lineLength(
    atMost limit: Int, else refusal: @autoclosure () -> Refusal
  ) throws(Refusal) -> Int? {
    guard let length = unparsed.lineLength() else {
      guard unparsed.count < limit else { throw refusal() }
      return nil
    }
    guard length <= limit else { throw refusal() }
    // RFC 9112 §2.2 allows to take a bare LF; two readers may disagree on it, so it is refused.
    guard length >= 2, unparsed[length - 2] == ASCII.carriageReturn else {
      throw .malformed("a line ends in LF without CR")
    }
    return length - 2
  }

  /// Whether the empty line that ends them was there. Trailer fields are checked and dropped, as
  /// RFC 9110 §6.5.1 allows.
  mutating func readFieldLines(asTrailers: Bool) throws(Refusal) -> Bool {
    let limits = limits
    while let length = try lineLength(
      atMost: limits.headerBlock - fieldBytes, else: ExceededLimit.headerBlock.refusal(limits))
    {
      fieldBytes += length + 2
      guard length > 0 else {
        unparsed.consume(2)
        return true
      }
      fieldCount += 1
      guard fieldCount <= limits.fields else {
        throw ExceededLimit.fields.refusal(limits)
      }
      let field = try unparsed.withOldest(length) { (line) throws(Refusal) in
        try FieldLine.parse(line)
      }
      unparsed.consume(length + 2)
      if asTrailers {
        try Trailers.check(field.name)
      } else if field.name.canonicalName == "host" {
        hosts.append(field.value)
      } else {
        fields.append(field)
      }
    }
    return false
  }

  // MARK: Content

  /// At most `remaining` bytes of content, never none; nil while there are none.
  mutating func takeContent(_ remaining: Int) -> [UInt8]? {
    let length = min(remaining, unparsed.count)
    return length > 0 ? unparsed.take(length) : nil
  }

  /// The size a chunk's line says, 0 for the last; nil while the line has not all come. Its limit
  /// leaves room for the size, the extensions that are left and the CRLF.
  mutating func readChunkSize() throws(Refusal) -> Int? {
    let limits = limits
    let limit = ChunkLine.digitLimit + limits.chunkExtensions - extensionBytes + 2
    guard
      let length = try lineLength(
        atMost: limit, else: ExceededLimit.chunkExtensions.refusal(limits))
    else { return nil }
    let line = try unparsed.withOldest(length) { (line) throws(Refusal) in try ChunkLine(line) }
    extensionBytes += line.extensionLength
    guard extensionBytes <= limits.chunkExtensions else {
      throw ExceededLimit.chunkExtensions.refusal(limits)
    }
    guard line.size <= limits.body - bodyBytes else {
      throw ExceededLimit.body.refusal(limits)
    }
    bodyBytes += line.size
    unparsed.consume(length + 2)
    return line.size
  }

  /// Whether the CRLF after a chunk's content was there.
  mutating func readChunkEnd() throws(Refusal) -> Bool {
    guard unparsed.count >= 2 else { return false }
    guard unparsed[0] == ASCII.carriageReturn, unparsed[1] == ASCII.lineFeed else {
      throw .malformed("a chunk does not end where its size says")
    }
    unparsed.consume(2)
    return true
  }
}
