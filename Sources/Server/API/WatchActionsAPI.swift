internal import EventLoop
internal import FileEvents
internal import FileWatching
internal import HTTPTypes
internal import Syscalls

/// `/-/v1/watches/{id}/sync` and `/rescan`: what a watch can be asked to do.
extension Router {
  /// Publishes nothing that would not be published anyway, only sooner: whoever may read may ask.
  func sync(
    _ id: String, _ request: APIRequest, _ ticket: ReplyTicket
  ) throws(Problem) -> Answer {
    var members = try MemberReader(try request.jsonOrNothing(), as: "body")
    var patience = shared.configuration.limits.crawlWaitSeconds * second
    if let text = try members.string("timeout") {
      patience = try DurationField.nanoseconds("timeout", text, .zero...(.seconds(60)))
    }
    try members.finish()
    let epoch = shared.watcher.epoch
    shared.watcher.sync(
      SyncRequest(id: id, deadline: Clock.monotonic() + patience) { outcome in
        ticket.deliver(Self.response(to: outcome, id, epoch))
      })
    return .later
  }

  func rescan(
    _ id: String, _ request: APIRequest, _ ticket: ReplyTicket
  ) throws(Problem) -> Answer {
    try request.requireWriting()
    var members = try MemberReader(try request.jsonOrNothing(), as: "body")
    let path = try members.string("path") ?? ""
    try members.finish()
    guard !path.utf8.contains(0) else { throw .malformed("path", "holds a NUL byte") }
    let components = path.utf8.split(separator: UInt8(ascii: "/"))
    let bytes = Array(components.joined(separator: CollectionOfOne(UInt8(ascii: "/"))))
    shared.watcher.rescan(id: id, path: bytes) { outcome in
      switch outcome {
      case .begun: ticket.deliver(Response(status: .accepted))
      case .noSuchWatch: ticket.deliver(Problem.notFound("there is no watch \(id)").response)
      case .noSuchPath: ticket.deliver(Problem.noSuchPath(path).response)
      }
    }
    return .later
  }

  private static func response(
    to outcome: SyncOutcome, _ id: String, _ epoch: Epoch
  ) -> Response {
    switch outcome {
    case .done(let sequence):
      .json(status: .ok) { $0.field("cursor", Cursor(epoch: epoch, sequence: sequence).text) }
    case .late:
      Problem(
        .gatewayTimeout, "sync-timeout",
        "\(id): not every change made before is published yet", field: "timeout"
      ).response
    case .crawling: Problem.crawling(id).response
    case .noSuchWatch: Problem.notFound("there is no watch \(id)").response
    }
  }
}

extension Problem {
  /// A watch does not know yet what there is.
  static func crawling(_ id: String) -> Problem {
    .retryLater(.serviceUnavailable, "crawling", "\(id) is still being crawled", seconds: 1)
  }

  /// Looking at what a watch holds does not come back.
  static func notResponding(_ id: String) -> Problem {
    .retryLater(
      .serviceUnavailable, "not-responding", "the filesystem of \(id) is not responding",
      seconds: 10)
  }

  /// A watch exists, a path in it does not.
  static func noSuchPath(_ path: String) -> Problem {
    Problem(.notFound, "no-such-path", "nothing stands at \(path)", field: "path")
  }
}
