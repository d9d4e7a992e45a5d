internal import Bytes

/// The response to one request of an HTTP/1 connection, from bytes (RFC 9112). A value without I/O;
/// owns the bytes not understood yet, at most a line above its limits plus what one `receive`
/// brought.
///
///     parser.receive(bytes)      // or parser.receiveEnd()
///     while true {
///       switch parser.next() {
///       case .needMore: return
///       …
///
/// The events are the same however the bytes were cut. Interim responses (1xx) are passed over.
/// After `.end` and `.refused` only that comes again: the connection serves no second request.
package struct HTTP1ResponseParser: Sendable {
  /// What a response may cost before it is refused.
  package struct Limits: Sendable {
    /// Status line with its end: 8 KiB, as a request line.
    package var statusLine = 8 << 10
    /// All field lines with their ends, and those of the trailer section: 16 KiB.
    package var headerBlock = 16 << 10
    /// Field lines, and trailer fields: 100.
    package var fields = 100
    /// Chunk extensions of a response together: 4 KiB; nobody uses them but to hide bytes.
    package var chunkExtensions = 4 << 10
    /// Interim responses before the one that counts: 16; servers send one or two.
    package var interims = 16

    package init() {}

    package static let standard = Limits()
  }

  /// Why a response is not understood: the connection must be closed. One sentence for people,
  /// naming the field or the offset in its line.
  package struct Refusal: Error, Sendable, Equatable {
    package var detail: String

    package init(_ detail: String) { self.detail = detail }
  }

  package enum Event: Sendable {
    /// Nothing to say until more bytes are received.
    case needMore
    case head(ResponseHead)
    /// The next piece of content, never empty. Its length has no limit here: it is handed over as
    /// it comes.
    case body([UInt8])
    /// The response is whole.
    case end
    case refused(Refusal)
  }

  private enum State {
    case statusLine
    case fields(StatusLine)
    case body(remaining: Int)
    case untilClose
    case chunkLine
    case chunk(remaining: Int)
    case chunkEnd
    case trailers
    case ended
    case refused(Refusal)
  }

  private let limits: Limits
  private let answersHEAD: Bool
  private var reader: MessageReader
  private var state = State.statusLine
  private var interims = 0
  private var hasEnded = false

  /// `answersHEAD`: the request was HEAD, so that no content follows (RFC 9110 §9.3.2).
  package init(answersHEAD: Bool = false, limits: Limits = .standard) {
    self.limits = limits
    self.answersHEAD = answersHEAD
    var shared = HTTP1RequestParser.Limits()
    shared.headerBlock = limits.headerBlock
    shared.fields = limits.fields
    shared.body = .max
    shared.chunkExtensions = limits.chunkExtensions
    reader = MessageReader(limits: shared)
  }

  package mutating func receive(_ bytes: UnsafeRawBufferPointer) {
    if case .refused = state { return }
    reader.unparsed.append(bytes)
  }

  /// The peer will send no more: the end of content that has no other, else a refusal (RFC 9112 §8).
  package mutating func receiveEnd() { hasEnded = true }

  /// The next thing the bytes say.
  package mutating func next() -> Event {
    do throws(HTTP1RequestParser.Refusal) {
      guard let event = try advance() else {
        guard hasEnded else { return .needMore }
        throw .malformed("the connection ended in the middle of the response")
      }
      return event
    } catch {
      let refusal = Refusal(error.detail)
      state = .refused(refusal)
      reader.unparsed.consume(reader.unparsed.count)
      return .refused(refusal)
    }
  }

  /// Nil: more bytes are needed.
  private mutating func advance() throws(HTTP1RequestParser.Refusal) -> Event? {
    while true {
      switch state {
      case .statusLine:
        guard try readStatusLine() else { return nil }
      case .fields(let line):
        guard try reader.readFieldLines(asTrailers: false) else { return nil }
        if let head = try finishHead(line) { return .head(head) }
      case .body(let remaining):
        guard remaining > 0 else { return finish() }
        guard let content = reader.takeContent(remaining) else { return nil }
        state = .body(remaining: remaining - content.count)
        return .body(content)
      case .untilClose:
        if let content = reader.takeContent(.max) { return .body(content) }
        return hasEnded ? finish() : nil
      case .chunkLine:
        guard let size = try reader.readChunkSize() else { return nil }
        state = size == 0 ? .trailers : .chunk(remaining: size)
      case .chunk(let remaining):
        guard let content = reader.takeContent(remaining) else { return nil }
        let left = remaining - content.count
        state = left == 0 ? .chunkEnd : .chunk(remaining: left)
        return .body(content)
      case .chunkEnd:
        guard try reader.readChunkEnd() else { return nil }
        state = .chunkLine
      case .trailers:
        guard try reader.readFieldLines(asTrailers: true) else { return nil }
        return finish()
      case .ended: return .end
      case .refused(let refusal): return .refused(refusal)
      }
    }
  }

  /// Whether the line was there.
  private mutating func readStatusLine() throws(HTTP1RequestParser.Refusal) -> Bool {
    guard !reader.unparsed.isEmpty else { return false }
    let first = reader.unparsed[0]
    guard first == UInt8(ascii: "H") else {
      throw .malformed(
        first == 0x15 || first == 0x16 ? "the server speaks TLS here, not http" : "this is not HTTP"
      )
    }
    guard
      let length = try reader.lineLength(
        atMost: limits.statusLine,
        else: .malformed("the status line is longer than \(limits.statusLine) bytes"))
    else { return false }
    let line = try reader.unparsed.withOldest(length) {
      (line) throws(HTTP1RequestParser.Refusal) in try StatusLine(line)
    }
    reader.unparsed.consume(length + 2)
    state = .fields(line)
    return true
  }

  /// Nil for an interim response, which is passed over; 101 is final (RFC 9110 §15.2.2).
  private mutating func finishHead(
    _ line: StatusLine
  ) throws(HTTP1RequestParser.Refusal) -> ResponseHead? {
    let fields = reader.takeFields().others
    guard line.code >= 200 || line.code == 101 else {
      interims += 1
      guard interims <= limits.interims else {
        throw .malformed("there are more than \(limits.interims) interim responses")
      }
      reader.beginMessage()
      state = .statusLine
      return nil
    }
    let head = try ResponseFraming(line: line, fields: fields, answersHEAD: answersHEAD).head()
    switch head.bodyLength {
    case .none: state = .body(remaining: 0)
    case .known(let length): state = .body(remaining: length)
    case .chunked: state = .chunkLine
    case .untilClose: state = .untilClose
    }
    return head
  }

  private mutating func finish() -> Event {
    state = .ended
    return .end
  }
}
