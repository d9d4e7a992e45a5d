internal import FileEvents
internal import FileWatching
internal import HTTPTypes
internal import Synchronization

/// `/-/v1/watches`: adding, showing and removing what is watched.
extension Router {
  func addWatches(_ request: APIRequest, _ ticket: ReplyTicket) throws(Problem) -> Answer {
    try request.requireWriting()
    switch try request.json() {
    case .array(let specs): addEach(specs, ticket)
    case let spec: try add(WatchSpec(spec, roots: shared.configuration.allowedRoots), ticket)
    }
    return .later
  }

  func putWatch(
    _ id: String, _ request: APIRequest, _ ticket: ReplyTicket
  ) throws(Problem) -> Answer {
    try request.requireWriting()
    guard WatchID.isValid(id) else {
      throw .malformed("id", "must be [a-z0-9][a-z0-9._-]{0,63}, not \(id)")
    }
    var spec = try WatchSpec(try request.json(), roots: shared.configuration.allowedRoots)
    guard spec.id == nil || spec.id == id else {
      throw .malformed("id", "the address says \(id), the body \(spec.id ?? "")")
    }
    spec.id = id
    add(spec, ticket)
    return .later
  }

  func patchWatch(
    _ id: String, _ request: APIRequest, _ ticket: ReplyTicket
  ) throws(Problem) -> Answer {
    try request.requireWriting()
    let patch = try WatchPatch(try request.json())
    shared.watcher.patch(id: id, patch) { result in
      switch result {
      case nil: ticket.deliver(Problem.notFound("there is no watch \(id)").response)
      case .failure(let problem)?: ticket.deliver(Problem(problem).response)
      case .success(let status)?:
        ticket.deliver(.json(status: .ok) { status.describe(into: &$0) })
      }
    }
    return .later
  }

  func removeWatch(
    _ id: String, _ request: APIRequest, _ ticket: ReplyTicket
  ) throws(Problem) -> Answer {
    try request.requireWriting()
    shared.watcher.remove(id: id) { removed in
      ticket.deliver(
        removed
          ? Response(status: .noContent) : Problem.notFound("there is no watch \(id)").response)
    }
    return .later
  }

  func listWatches(_ ticket: ReplyTicket) -> Answer {
    shared.watcher.statuses { statuses in
      ticket.deliver(
        .json(status: .ok) { json in
          json.field("watches", statuses) { json, status in
            json.object { status.describe(into: &$0) }
          }
        })
    }
    return .later
  }

  func showWatch(_ id: String, _ ticket: ReplyTicket) -> Answer {
    shared.watcher.statuses { statuses in
      guard let status = statuses.first(where: { $0.id == id }) else {
        ticket.deliver(Problem.notFound("there is no watch \(id)").response)
        return
      }
      ticket.deliver(.json(status: .ok) { status.describe(into: &$0) })
    }
    return .later
  }

  func readiness(_ ticket: ReplyTicket) -> Answer {
    shared.watcher.statuses { statuses in
      let busy = statuses.filter { $0.state == .starting || $0.state == .crawling }
      guard let first = busy.first else {
        ticket.deliver(.json(status: .ok) { $0.field("status", "ready") })
        return
      }
      let detail = "\(first.id) has crawled \(first.crawl.directories) directories"
      ticket.deliver(
        Problem.retryLater(.serviceUnavailable, "crawling", detail, seconds: 1).response)
    }
    return .later
  }

  private func add(_ spec: WatchSpec, _ ticket: ReplyTicket) {
    shared.watcher.add(spec) { ticket.deliver(Self.response(to: $0)) }
  }

  /// Each spec is answered on its own, in the order of the array.
  private func addEach(_ specs: [JSONValue], _ ticket: ReplyTicket) {
    let results = WatchResults(count: specs.count, ticket)
    for (index, value) in specs.enumerated() {
      do throws(Problem) {
        let spec = try WatchSpec(value, roots: shared.configuration.allowedRoots)
        shared.watcher.add(spec) { results.set(index, Self.response(to: $0)) }
      } catch {
        results.set(index, error.response)
      }
    }
    if specs.isEmpty { results.deliver() }
  }

  private static func response(to result: Result<WatchAddition, WatchProblem>) -> Response {
    switch result {
    case .failure(let problem): return Problem(problem).response
    case .success(let addition):
      var response = Response.json(status: addition.created ? .created : .ok) {
        addition.status.describe(into: &$0)
      }
      response.fields[.location] = "/-/v1/watches/\(addition.status.id)"
      return response
    }
  }
}

/// The answers to an array of specs while they come in. A door: any thread.
private final class WatchResults: Sendable {
  private let responses: Mutex<(missing: Int, all: [Response?])>
  private let ticket: ReplyTicket

  init(count: Int, _ ticket: ReplyTicket) {
    responses = Mutex((count, Array(repeating: nil, count: count)))
    self.ticket = ticket
  }

  func set(_ index: Int, _ response: Response) {
    let missing = responses.withLock { state in
      state.all[index] = response
      state.missing -= 1
      return state.missing
    }
    if missing == 0 { deliver() }
  }

  func deliver() {
    let all = responses.withLock { $0.all }
    ticket.deliver(
      .json(status: .ok) { json in
        json.field("results", all) { json, response in
          json.object {
            guard let response, case .bytes(let document) = response.body else { return }
            $0.field("status", response.status.code)
            $0.field(response.status.code < 400 ? "watch" : "problem", json: document)
          }
        }
      })
  }
}
