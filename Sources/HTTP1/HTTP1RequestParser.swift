internal import Bytes
internal import HTTPTypes

/// Requests of one HTTP/1 connection, from bytes (RFC 9112). A value without I/O; owns the bytes
/// not understood yet, at most a line above its limits plus what one `receive` brought.
///
///     parser.receive(bytes)
///     while true {
///       switch parser.next() {
///       case .needMore: return
///       …
///
/// The events are the same however the bytes were cut. Pipelined requests follow after `.end`.
/// After `.refused` only that comes again.
package struct HTTP1RequestParser: Sendable {
  package enum Event: Sendable {
    /// Nothing to say until more bytes are received.
    case needMore
    case head(RequestHead)
    /// The next piece of content, never empty.
    case body([UInt8])
    /// The request is whole; the next one may follow.
    case end
    case refused(Refusal)
  }

  private enum State {
    case beforeRequest
    case afterEmptyLine
    case fields(RequestLine)
    case body(remaining: Int)
    case chunkLine
    case chunk(remaining: Int)
    case chunkEnd
    case trailers
    case refused(Refusal)
  }

  private let limits: Limits
  private var reader: MessageReader
  private var state = State.beforeRequest

  package init(limits: Limits = .standard) {
    self.limits = limits
    reader = MessageReader(limits: limits)
  }

  package mutating func receive(_ bytes: UnsafeRawBufferPointer) {
    if case .refused = state { return }
    reader.unparsed.append(bytes)
  }

  /// The next thing the bytes say.
  package mutating func next() -> Event {
    do throws(Refusal) {
      return try advance()
    } catch {
      state = .refused(error)
      _ = reader.unparsed.take(reader.unparsed.count)
      return .refused(error)
    }
  }

  /// Whether a request has begun and not ended: between two, a connection is idle and may be closed
  /// without harm.
  package var isMidRequest: Bool {
    switch state {
    case .beforeRequest, .afterEmptyLine: !reader.unparsed.isEmpty
    case .refused: false
    default: true
    }
  }

  /// Whether the head of a request has begun and not ended: the header deadline runs.
  package var isMidHead: Bool {
    switch state {
    case .beforeRequest, .afterEmptyLine: !reader.unparsed.isEmpty
    case .fields: true
    default: false
    }
  }

  /// What followed the last `.end`, for the protocol a request was upgraded to. The parser is empty
  /// afterwards.
  package mutating func takeUnparsed() -> [UInt8] { reader.unparsed.take(reader.unparsed.count) }

  private mutating func advance() throws(Refusal) -> Event {
    while true {
      switch state {
      case .beforeRequest, .afterEmptyLine:
        guard try readRequestLine() else { return .needMore }
      case .fields(let line):
        guard try reader.readFieldLines(asTrailers: false) else { return .needMore }
        return .head(try finishHead(line))
      case .body(let remaining):
        guard remaining > 0 else { return finishRequest() }
        guard let content = reader.takeContent(remaining) else { return .needMore }
        state = .body(remaining: remaining - content.count)
        return .body(content)
      case .chunkLine:
        guard let size = try reader.readChunkSize() else { return .needMore }
        state = size == 0 ? .trailers : .chunk(remaining: size)
      case .chunk(let remaining):
        guard let content = reader.takeContent(remaining) else { return .needMore }
        let left = remaining - content.count
        state = left == 0 ? .chunkEnd : .chunk(remaining: left)
        return .body(content)
      case .chunkEnd:
        guard try reader.readChunkEnd() else { return .needMore }
        state = .chunkLine
      case .trailers:
        guard try reader.readFieldLines(asTrailers: true) else { return .needMore }
        return finishRequest()
      case .refused(let refusal):
        return .refused(refusal)
      }
    }
  }

  /// Whether the line was there. One empty line before it is passed over (RFC 9112 §2.2).
  private mutating func readRequestLine() throws(Refusal) -> Bool {
    guard !reader.unparsed.isEmpty else { return false }
    let first = reader.unparsed[0]
    guard
      ASCIISet.token.contains(first) || first == ASCII.carriageReturn || first == ASCII.lineFeed
    else {
      throw .malformed(first == 0x16 ? "this is TLS; http is spoken here" : "this is not HTTP")
    }
    guard
      let length = try reader.lineLength(
        atMost: limits.requestLine, else: ExceededLimit.requestLine.refusal(limits))
    else { return false }
    if length == 0, case .beforeRequest = state {
      state = .afterEmptyLine
    } else {
      let line = try reader.unparsed.withOldest(length) { (line) throws(Refusal) in
        try RequestLine(line)
      }
      state = .fields(line)
    }
    reader.unparsed.consume(length + 2)
    return true
  }

  private mutating func finishHead(_ line: RequestLine) throws(Refusal) -> RequestHead {
    let (hosts, fields) = reader.takeFields()
    let framing = MessageFraming(line: line, hosts: hosts, fields: fields, bodyLimit: limits.body)
    let head = try framing.head()
    switch head.bodyLength {
    case .none: state = .body(remaining: 0)
    case .known(let length): state = .body(remaining: length)
    case .chunked: state = .chunkLine
    }
    return head
  }

  private mutating func finishRequest() -> Event {
    state = .beforeRequest
    reader.beginMessage()
    return .end
  }
}
