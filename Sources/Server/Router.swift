internal import HTTPSemantics
internal import HTTPTypes
internal import Syscalls
internal import SystemPackage

/// A request as the API sees it: admitted, its target taken apart.
struct APIRequest {
  let http: HTTPRequest
  let body: [UInt8]
  let peer: SocketAddress
  /// By HTTP/2, where a WebSocket is opened in another way.
  let isHTTP2: Bool
  /// The target up to `?`, as sent.
  let path: Substring
  /// The target behind `?`; nil without one.
  let query: Substring?
  /// Set once admitted.
  var access = Access(mayWrite: false)

  init(_ http: HTTPRequest, body: [UInt8], peer: SocketAddress, isHTTP2: Bool) {
    self.http = http
    self.body = body
    self.peer = peer
    self.isHTTP2 = isHTTP2
    let target = http.path ?? "/"
    let bytes = target.utf8.span
    let mark = bytes.indices.first { bytes[$0] == UInt8(ascii: "?") }
    path = Substring(target.utf8.prefix(mark ?? bytes.count))
    query = mark.map { Substring(target.utf8.dropFirst($0 + 1)) }
  }

  /// The body as JSON, for a call that changes something: 415 without the type that no page of
  /// another origin can send unasked, even when the body is empty.
  func json() throws(Problem) -> JSONValue {
    try requireJSON()
    return try JSONValue.parse(body, as: "body")
  }

  /// The same where every member may be missing: then the body may be, too.
  func jsonOrNothing() throws(Problem) -> JSONValue {
    guard body.isEmpty else { return try json() }
    try requireJSON()
    return .object([:])
  }

  func requireJSON() throws(Problem) {
    let field = (http.headerFields[.contentType] ?? "").prefix { $0 != ";" }
    let type = field.trimmingPrefix(" ").lowercased()
    // A merge patch has a type of its own (RFC 7396 §4), which no page sends unasked either.
    let isMergePatch = http.method == .patch && type == "application/merge-patch+json"
    guard type == "application/json" || isMergePatch else {
      throw Problem(
        .unsupportedMediaType, "unsupported-media-type", "the body must be application/json",
        hint: "-H 'Content-Type: application/json'", field: "Content-Type")
    }
  }

  func requireWriting() throws(Problem) {
    guard access.mayWrite else {
      throw Problem(.forbidden, "read-only-token", "this token may read and follow, not change")
    }
  }
}

/// What comes of a request.
enum Answer {
  case response(Response)
  /// The ticket delivers it.
  case later
  case events(EventStream)
  case poll(EventPoll)
  case webSocket(WebSocketUpgrade)
}

/// Every address the server answers, and the methods it takes there.
enum Endpoint: Equatable {
  case page(String)
  case health, readiness
  case login
  case events, socket
  case watches
  case watch(String)
  case files(String), sync(String), rescan(String)
  case clients, stats, metrics
  case client(String)

  /// Whether an address is the server's own, not the site's.
  static func isBelow(_ path: Substring) -> Bool {
    let bytes = path.utf8.span
    return bytes.count >= 3 && bytes[0] == UInt8(ascii: "/") && bytes[1] == UInt8(ascii: "-")
      && bytes[2] == UInt8(ascii: "/")
  }

  /// Nil for an address that is not below `/-/`, or that nobody has.
  init?(_ path: Substring) {
    guard Self.isBelow(path) else { return nil }
    let parts = path.dropFirst(3).split(separator: "/", omittingEmptySubsequences: false)
    switch (parts.count, parts.first) {
    case (1, ""): self = .page("dashboard.html")
    case (1, "healthz"): self = .health
    case (1, "readyz"): self = .readiness
    case (1, "login"): self = .login
    case (1, "metrics"): self = .metrics
    case (1, let name?) where PublicPages.names.contains(String(name)): self = .page(String(name))
    case (2..., "v1"):
      guard let endpoint = Self.versioned(parts.dropFirst()) else { return nil }
      self = endpoint
    default: return nil
    }
  }

  private static func versioned(_ parts: ArraySlice<Substring>) -> Endpoint? {
    let id = parts.count > 1 ? String(parts[parts.startIndex + 1]) : ""
    switch (parts.count, parts.first) {
    case (1, "events"): return .events
    case (1, "socket"): return .socket
    case (1, "watches"): return .watches
    case (1, "clients"): return .clients
    case (1, "stats"): return .stats
    case (2, "clients") where !id.isEmpty: return .client(id)
    case (2, "watches") where !id.isEmpty: return .watch(id)
    case (3, "watches") where !id.isEmpty: return part(parts[parts.endIndex - 1], of: id)
    default: return nil
    }
  }

  private static func part(_ name: Substring, of watch: String) -> Endpoint? {
    switch name {
    case "files": .files(watch)
    case "sync": .sync(watch)
    case "rescan": .rescan(watch)
    default: nil
    }
  }

  func methods(isHTTP2: Bool) -> [HTTPRequest.Method] {
    switch self {
    // CONNECT has passed the parser only as RFC 8441 extends it.
    case .socket where isHTTP2: [.connect, .options]
    case .page, .health, .readiness, .login, .events, .socket, .files, .clients, .stats,
      .metrics:
      [.get, .head, .options]
    case .client: [.delete, .options]
    case .sync, .rescan: [.post, .options]
    case .watches: [.get, .head, .post, .options]
    case .watch: [.get, .head, .put, .patch, .delete, .options]
    }
  }
}

/// Decides what a request means and who answers it. Confined to its loop.
final class Router {
  unowned var worker: Worker!
  let shared: Shared
  private let site: StaticFiles?
  private let pages: PublicPages

  init(shared: Shared) throws(Errno) {
    self.shared = shared
    pages = PublicPages(directory: shared.configuration.publicDirectory)
    if let root = shared.configuration.site {
      site = try StaticFiles(root: root, watchID: shared.siteWatch)
    } else {
      site = nil
    }
  }

  /// Admission first, then the address, then the method.
  func answer(_ request: APIRequest, ticket: ReplyTicket) -> Answer {
    worker.requestArrived()
    var request = request
    do throws(Problem) {
      try shared.access.admitAddress(request.http)
      if let methods = methodsAsked(request) { return .response(Self.options(methods)) }
      let endpoint = Endpoint(request.path)
      if endpoint == .login { return .response(try login(request)) }
      request.access = try shared.access.admitToken(request.http)
      if request.path == "/-" { return .response(Self.redirect(to: "/-/")) }
      guard Endpoint.isBelow(request.path) else { return .response(try file(request)) }
      guard let endpoint else { throw .notFound("nothing is at \(request.path)") }
      let methods = endpoint.methods(isHTTP2: request.isHTTP2)
      guard methods.contains(request.http.method) else { throw .methodNotAllowed(methods) }
      return try answer(endpoint, request, ticket)
    } catch {
      return .response(error.response)
    }
  }

  private func answer(
    _ endpoint: Endpoint, _ request: APIRequest, _ ticket: ReplyTicket
  ) throws(Problem) -> Answer {
    switch endpoint {
    case .page(let name): return .response(pages.answer(name, request.http))
    case .health: return .response(.json(status: .ok) { $0.field("status", "ok") })
    case .readiness: return readiness(ticket)
    case .login: return .response(try login(request))
    case .events: return try events(request)
    case .socket: return try socket(request)
    case .watches where request.http.method == .post: return try addWatches(request, ticket)
    case .watches: return listWatches(ticket)
    case .watch(let id) where request.http.method == .put:
      return try putWatch(id, request, ticket)
    case .watch(let id) where request.http.method == .patch:
      return try patchWatch(id, request, ticket)
    case .watch(let id) where request.http.method == .delete:
      return try removeWatch(id, request, ticket)
    case .watch(let id): return showWatch(id, ticket)
    case .files(let id): return try files(id, request, ticket)
    case .sync(let id): return try sync(id, request, ticket)
    case .rescan(let id): return try rescan(id, request, ticket)
    case .clients: return clients(ticket)
    case .client(let id): return try removeClient(id, request, ticket)
    case .stats: return stats(ticket)
    case .metrics: return metrics(ticket)
    }
  }

  /// What OPTIONS asks for; nil for other methods. Answered before a token is asked for, because a
  /// browser's preflight never brings one.
  private func methodsAsked(_ request: APIRequest) -> [HTTPRequest.Method]? {
    guard request.http.method == .options else { return nil }
    if request.path == "*" { return [.get, .head, .post, .put, .patch, .delete, .options] }
    guard Endpoint.isBelow(request.path) else { return [.get, .head, .options] }
    return Endpoint(request.path)?.methods(isHTTP2: request.isHTTP2)
  }

  private func login(_ request: APIRequest) throws(Problem) -> Response {
    var query = try QueryReader(request.query)
    let ticket = try query.one("ticket")
    try query.finish()
    return try shared.access.login(ticket: ticket)
  }

  private func file(_ request: APIRequest) throws(Problem) -> Response {
    guard let site else {
      throw .notFound("no directory is served here; the API is below /-/v1/")
    }
    return site.answer(request.http)
  }

  private static func options(_ methods: [HTTPRequest.Method]) -> Response {
    let list = methods.map(\.rawValue).joined(separator: ", ")
    return Response(status: .noContent, fields: [.allow: list])
  }

  private static func redirect(to location: String) -> Response {
    Response(status: .permanentRedirect, fields: [.location: location])
  }
}

extension Response {
  /// A JSON object that is true for this moment only.
  static func json(
    status: HTTPResponse.Status, _ body: (inout JSONText) -> Void
  ) -> Response {
    var json = JSONText()
    json.object(body)
    return Response(
      status: status, fields: [.contentType: "application/json", .cacheControl: "no-store"],
      body: .bytes(json.bytes))
  }
}
