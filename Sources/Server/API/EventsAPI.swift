internal import EventFormats
internal import Fanout
internal import FileEvents
internal import HTTPSemantics
internal import HTTPTypes
internal import Syscalls
internal import WebSocket

/// `GET /-/v1/events` and `GET /-/v1/socket`: how a subscription is opened.
extension Router {
  func events(_ request: APIRequest) throws(Problem) -> Answer {
    var query = try QueryReader(request.query)
    var fields = try SubscriptionFields(query: &query)
    let framing = try framing(request, &query)
    if framing == .jsonArray { return try poll(request, fields, &query) }
    if shared.removals.take(request.http.headerFields[.lastEventID], from: request.peer) {
      return .response(Response(status: .noContent))
    }
    let heartbeat = try query.duration("heartbeat", .seconds(1)...(.seconds(300)))
    let batch = try query.duration("batch", .zero...(.seconds(10)))
    try query.finish()
    try fields.resume(request.http)
    var wanted = try fields.request(shared)
    wanted.heartbeatSeconds = Int((heartbeat ?? 15 * second) / second)
    wanted.retryMilliseconds = .random(in: 1_000...5_000)
    if framing == .ndjson { try refuseByStatus(wanted) }
    let coding = request.http.coding
    var answer = streamFields(framing)
    answer[.contentEncoding] = coding?.rawValue
    return .events(
      EventStream(
        fields: answer, request: wanted, framing: framing, coding: coding,
        heartbeat: heartbeat ?? 15 * second, batch: batch ?? 0))
  }

  /// Long-poll: what happened, in one document.
  private func poll(
    _ request: APIRequest, _ fields: SubscriptionFields, _ query: inout QueryReader
  ) throws(Problem) -> Answer {
    let preferred = Preference.waitSeconds(request.http.headerFields[values: .prefer])
    let wait =
      try query.duration("wait", Self.waitRange)
      ?? preferred.map { Int64(min($0, 300)) * second } ?? 25 * second
    let limit = try query.integer("limit", 1...10_000) ?? 1_000
    let batch = try query.duration("batch", .zero...(.seconds(10)))
    try query.finish()
    var fields = fields
    try fields.resume(request.http)
    guard !fields.initial else {
      throw Problem(
        .badRequest, "malformed",
        "initial: a poll cannot page through what exists; list it and poll from that cursor",
        hint: "GET /-/v1/watches/{id}/files", field: "initial")
    }
    var wanted = try fields.request(shared)
    wanted.isPoll = true
    try refuseByStatus(wanted)
    var answer: HTTPFields = [
      .contentType: "application/json", .cacheControl: "no-store, no-transform",
      .vary: "Accept, Accept-Encoding, Origin",
    ]
    if preferred != nil { answer[.preferenceApplied] = "wait=\(wait / second)" }
    return .poll(
      EventPoll(
        fields: answer, request: wanted, coding: request.http.coding, wait: wait, limit: limit,
        batch: batch ?? 0))
  }

  private static let waitRange = Duration.zero...(.seconds(300))

  func socket(_ request: APIRequest) throws(Problem) -> Answer {
    do throws(WebSocketHandshake.Refusal) {
      let offer =
        request.isHTTP2
        ? try WebSocketHandshake.extendedOffer(in: request.http)
        : try WebSocketHandshake.offer(in: request.http)
      let name = offer.subprotocols.contains("tidings.v1") ? "tidings.v1" : nil
      return .webSocket(
        WebSocketUpgrade(
          fields: WebSocketHandshake.fields(accepting: offer, subprotocol: name),
          access: request.access, compression: offer.compression))
    } catch {
      var problem = Problem(
        .init(code: error.status), error.code, error.detail)
      problem.fields = error.fields
      throw problem
    }
  }

  /// `?format=` wins over `Accept`; 406 for what is not spoken here.
  private func framing(
    _ request: APIRequest, _ query: inout QueryReader
  ) throws(Problem) -> StreamFraming {
    let asMessages =
      switch try query.one("event") {
      case nil: false
      case "message": true
      case let other?: throw Problem.malformed("event", "must be message, not \(other)")
      }
    let sse: StreamFraming = asMessages ? .sseMessages : .sse
    switch try query.one("format") {
    case "sse": return sse
    case "ndjson": return .ndjson
    case "json": return .jsonArray
    case let other?: throw .malformed("format", "must be sse, ndjson or json, not \(other)")
    case nil: break
    }
    let offered = ["text/event-stream", "application/x-ndjson", "application/json"]
    switch Accept.choose(offered, for: request.http.headerFields[values: .accept]) {
    case 0: return sse
    case 1: return .ndjson
    case 2: return .jsonArray
    default:
      throw Problem(
        .notAcceptable, "not-acceptable", "events come as \(offered.joined(separator: ", "))",
        field: "Accept")
    }
  }

  /// NDJSON and long-poll are read by programs, which see a status: 404 and 410 where SSE speaks in
  /// band.
  private func refuseByStatus(_ request: SubscriptionRequest) throws(Problem) {
    let hub = worker.hub
    let known = Set(hub.watches.map(\.id))
    if let unknown = request.watches.first(where: { !known.contains($0) }) {
      throw .notFound("there is no watch \(unknown)")
    }
    if let reason = hub.loss(at: request, now: Clock.realtime()) {
      var problem = Problem(.gone, "cursor-expired", "the cursor cannot be resumed: \(reason.name)")
      problem.extra = [
        ("reason", reason.name), ("oldest", hub.oldestCursor.text),
        ("latest", hub.headCursor.text),
      ]
      throw problem
    }
  }

  private func streamFields(_ framing: StreamFraming) -> HTTPFields {
    [
      .contentType: framing == .ndjson
        ? "application/x-ndjson" : "text/event-stream; charset=utf-8",
      .cacheControl: "no-store, no-transform",
      .accelBuffering: "no",
      .incremental: "?1",
      .eventCursor: worker.hub.headCursor.text,
      .vary: "Accept, Accept-Encoding, Origin",
    ]
  }
}

extension HTTPField.Name {
  static let lastEventID = Self("Last-Event-ID")!
  static let accelBuffering = Self("X-Accel-Buffering")!
  static let incremental = Self("Incremental")!
  static let eventCursor = Self("Event-Cursor")!
  static let prefer = Self("Prefer")!
  static let preferenceApplied = Self("Preference-Applied")!
}
