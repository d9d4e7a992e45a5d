internal import Bytes
internal import EventFormats
internal import Foundation
internal import HTTP1
internal import HTTPSemantics
internal import HTTPTypes

/// What one answer to a request for events says, from bytes: HTTP, then the status, then events. A
/// value without I/O.
///
/// Events of one change of which only the last carries an id are given together when that one has
/// come: a connection that is cut between them resumes before them all, and none comes twice.
struct StreamAnswer {
  /// Why the answer is of no use.
  struct Failure: Error, Equatable {
    var error: ClientError
    /// When the server wants to be asked again.
    var retryAfter: Duration?
  }

  enum Output: Equatable {
    /// It is an event stream.
    case opened
    case message(EventMessage)
    case retry(milliseconds: Int)
    /// Nothing follows.
    case failed(Failure)
  }

  /// Bytes of a problem document that are read: 64 KiB; ours have some hundred.
  private static let problemLimit = 64 << 10
  /// Events without an id that are held back together: 256. A change becomes two or three.
  private static let heldLimit = 256

  private enum State {
    case head
    case stream(EventStreamDecoder)
    /// Not 200: the body tells why.
    case problem(HTTPResponse, [UInt8])
    case over
  }

  private let now: HTTPDate
  private var parser = HTTP1ResponseParser()
  private var state = State.head
  private var hasEnded = false
  private var held: [EventMessage] = []
  /// Until `synced` no event of a listing carries an id, and a cut listing begins again.
  private var isListing: Bool

  /// The id to resume from: of the last event given, or of the connection before.
  private(set) var lastEventID: String

  /// `isListing`: what exists was asked for. `now` for a `Retry-After` that names a date.
  init(lastEventID: String, isListing: Bool, now: HTTPDate) {
    self.lastEventID = lastEventID
    self.isListing = isListing
    self.now = now
  }

  mutating func receive(_ bytes: UnsafeRawBufferPointer) -> [Output] {
    parser.receive(bytes)
    return take()
  }

  /// The server will send no more.
  mutating func receiveEnd() -> [Output] {
    hasEnded = true
    parser.receiveEnd()
    return take()
  }

  private mutating func take() -> [Output] {
    var outputs: [Output] = []
    while true {
      if case .over = state { return outputs }
      switch parser.next() {
      case .needMore: return outputs
      case .head(let head): read(head.response, into: &outputs)
      case .body(let bytes): read(bytes, into: &outputs)
      case .end: end(into: &outputs)
      case .refused(let refusal): refuse(refusal, into: &outputs)
      }
    }
  }

  private mutating func read(_ response: HTTPResponse, into outputs: inout [Output]) {
    switch response.status.code {
    case 200:
      if let fault = Self.fault(in: response.headerFields) {
        fail(.unexpectedAnswer(fault), into: &outputs)
      } else {
        state = .stream(EventStreamDecoder(lastEventID: lastEventID))
        outputs.append(.opened)
      }
    case 204: fail(.removed, into: &outputs)
    case 101: fail(.unexpectedAnswer("the server changes the protocol unasked"), into: &outputs)
    default: state = .problem(response, [])
    }
  }

  private mutating func read(_ bytes: [UInt8], into outputs: inout [Output]) {
    switch state {
    case .stream(var decoder):
      state = .over
      do throws(EventStreamDecoder.TooLong) {
        let decoded = try bytes.withUnsafeBufferPointer {
          (bytes) throws(EventStreamDecoder.TooLong) in
          try decoder.decode(UnsafeRawBufferPointer(bytes))
        }
        state = .stream(decoder)
        for output in decoded { take(output, into: &outputs) }
        // What is held back is not yet given, and its id not yet reached.
        if held.isEmpty { lastEventID = decoder.lastEventID }
      } catch {
        fail(
          .unexpectedAnswer("an event is longer than \(error.limit) bytes"), into: &outputs)
      }
    case .problem(let response, let body):
      let whole = body + bytes
      if whole.count > Self.problemLimit {
        fail(response, body: [], into: &outputs)
      } else {
        state = .problem(response, whole)
      }
    case .head, .over: break
    }
  }

  private mutating func take(
    _ output: EventStreamDecoder.Output, into outputs: inout [Output]
  ) {
    switch output {
    case .retry(let milliseconds): outputs.append(.retry(milliseconds: milliseconds))
    case .event(let event):
      if event.type == "synced" { isListing = false }
      held.append(EventMessage(name: event.type, json: event.data))
      let waits = event.type == "change" && !event.setsID && !isListing
      guard !waits || held.count >= Self.heldLimit else { return }
      outputs += held.map(Output.message)
      held = []
    }
  }

  private mutating func end(into outputs: inout [Output]) {
    switch state {
    case .problem(let response, let body): fail(response, body: body, into: &outputs)
    case .stream, .head: fail(.ended, into: &outputs)
    case .over: break
    }
  }

  private mutating func refuse(
    _ refusal: HTTP1ResponseParser.Refusal, into outputs: inout [Output]
  ) {
    switch state {
    // A status says enough without the whole of its body.
    case .problem(let response, _): fail(response, body: [], into: &outputs)
    // A server that is killed ends in the middle of whatever it was saying.
    case .stream, .head:
      fail(hasEnded ? .ended : .malformedAnswer(refusal.detail), into: &outputs)
    case .over: break
    }
  }

  private mutating func fail(
    _ error: ClientError, retryAfter: Duration? = nil, into outputs: inout [Output]
  ) {
    state = .over
    held = []
    outputs.append(.failed(Failure(error: error, retryAfter: retryAfter)))
  }

  private mutating func fail(
    _ response: HTTPResponse, body: [UInt8], into outputs: inout [Output]
  ) {
    var problem = Problem(
      status: response.status.code, body: body, type: response.headerFields[.contentType])
    switch response.status.code {
    case 300..<400:
      problem.detail =
        "it points to \(response.headerFields[.location] ?? "another place"); "
        + "redirections are not followed"
      fail(.refused(problem), into: &outputs)
    case 408, 425, 429, 500...:
      fail(
        .unavailable(problem), retryAfter: retryAfter(response.headerFields), into: &outputs)
    default: fail(.refused(problem), into: &outputs)
    }
  }

  /// Seconds or a date (RFC 9110 §10.2.3); nil when absent or neither.
  private func retryAfter(_ fields: HTTPFields) -> Duration? {
    guard let text = fields[.retryAfter] else { return nil }
    if let seconds = DecimalNumber.parse(text) { return .seconds(seconds) }
    guard let date = HTTPDate(text, now: now) else { return nil }
    return .seconds(max(0, date.secondsSince1970 - now.secondsSince1970))
  }

  /// What makes a 200 no stream of events; nil when it is one.
  private static func fault(in fields: HTTPFields) -> String? {
    let type = fields[.contentType]?.prefix { $0 != ";" && $0 != " " } ?? ""
    guard ASCII.equalsIgnoringCase(type, "text/event-stream") else {
      return "this is no event stream but \(type.isEmpty ? "of no type" : String(type))"
    }
    if let coding = HTTPList.words(fields[values: .contentEncoding]).first(where: {
      $0 != "identity"
    }) {
      return "the stream is coded as \(coding), which was not asked for"
    }
    return nil
  }
}

extension Problem {
  /// Reads `application/problem+json`; of anything else only the status is known.
  fileprivate init(status: Int, body: [UInt8], type: String?) {
    struct Document: Decodable {
      var code: String?
      var title: String?
      var detail: String?
      var hint: String?
    }
    self.init(status: status)
    guard let type, ASCII.equalsIgnoringCase(type.prefix { $0 != ";" }, "application/problem+json"),
      let document = try? JSONDecoder().decode(Document.self, from: Data(body))
    else { return }
    code = document.code
    title = document.title
    detail = document.detail
    hint = document.hint
  }
}
