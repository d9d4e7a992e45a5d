internal import Bytes
internal import FileEvents
internal import HTTPSemantics
internal import HTTPTypes
internal import Synchronization

/// What a request may do once it is in.
struct Access: Sendable, Equatable {
  var mayWrite: Bool
}

/// Who gets in: `Host`, `Origin` and tokens, in this order, before anything else is looked at (wire
/// contract, section 8). Immutable.
struct AccessPolicy: Sendable {
  private let hosts: HostRule
  private let origins: OriginRule
  private let tokens: [AccessToken]
  /// Whether answers differ by who asks.
  let answersOtherOrigins: Bool
  private let loginTicket: LoginTicket?

  init(_ configuration: ServerConfiguration) {
    hosts = HostRule(allowing: configuration.allowedHosts)
    origins = configuration.origins
    answersOtherOrigins = configuration.allowsOtherOrigins
    tokens = configuration.tokens
    loginTicket = configuration.loginTicket
  }

  /// Host and Origin: 421 or 403.
  func admitAddress(_ request: HTTPRequest) throws(Problem) {
    guard hosts.allows(request.authority) else {
      let name = Self.name(of: request.authority ?? "")
      throw Problem(
        .misdirectedRequest, "host-not-allowed", "this server does not answer to the name \(name)",
        hint: "--allow-host \(name)", field: "Host")
    }
    if decision(request) == .refused {
      let origin = request.headerFields[.origin] ?? ""
      throw Problem(
        .forbidden, "origin-not-allowed", "pages of \(origin) may not use this server",
        hint: "--allow-origin \(origin)", field: "Origin")
    }
  }

  /// The fields that let a page of another origin read the answer; none unless it was allowed.
  func crossOriginFields(_ request: HTTPRequest) -> HTTPFields {
    guard answersOtherOrigins else { return [:] }
    var fields: HTTPFields = [.vary: "Origin"]
    if decision(request) == .listed {
      fields[.accessControlAllowOrigin] = request.headerFields[.origin]
      fields[.accessControlExposeHeaders] = "Event-Cursor, Location, Retry-After"
      if request.method == .options {
        fields[.accessControlAllowMethods] = "GET, HEAD, POST, PUT, DELETE"
        fields[.accessControlAllowHeaders] = "Authorization, Content-Type, Last-Event-ID"
        fields[.accessControlMaxAge] = "600"
      }
    }
    return fields
  }

  private func decision(_ request: HTTPRequest) -> OriginRule.Decision {
    origins.decide(request.headerFields[values: .origin], authority: request.authority)
  }

  /// Where tokens are asked for: 401 without one that is known.
  func admitToken(_ request: HTTPRequest) throws(Problem) -> Access {
    guard !tokens.isEmpty else { return Access(mayWrite: true) }
    guard let presented = Self.presented(request) else {
      throw Self.unauthorized("a token is needed: Authorization: Bearer …")
    }
    // Every token is compared, so that the time says nothing about which one was close.
    var found: AccessToken?
    for token in tokens where ConstantTime.areEqual(token.secret, presented) { found = token }
    guard let found else { throw Self.unauthorized("this token is not known") }
    return Access(mayWrite: found.mayWrite)
  }

  /// Turns the ticket of the link that was printed at start into a cookie, once: a browser cannot be
  /// told to send a token of itself.
  func login(ticket: String?) throws(Problem) -> Response {
    guard let ticket, let token = loginTicket?.redeem(Array(ticket.utf8)) else {
      throw Problem(.forbidden, "ticket-used", "this link has been used, or never was one")
    }
    let cookie = "\(Self.cookieName)=\(String(decoding: token, as: UTF8.self))"
    return Response(
      status: .seeOther,
      fields: [
        .location: "/", .cacheControl: "no-store",
        .setCookie: "\(cookie); Path=/; HttpOnly; SameSite=Strict",
      ])
  }

  private static let cookieName = "tidings"

  /// As a field, as the cookie of a login, or (browsers cannot set a field on a WebSocket) as the
  /// subprotocol `bearer.<token>`.
  private static func presented(_ request: HTTPRequest) -> [UInt8]? {
    if case .token(let token) = BearerToken.presented(in: request.headerFields) {
      return Array(token.utf8)
    }
    for pair in request.headerFields[values: .cookie].flatMap({ $0.split(separator: ";") }) {
      let pair = pair.drop { $0 == " " }
      guard pair.hasPrefix("\(cookieName)=") else { continue }
      return Array(pair.utf8.dropFirst(cookieName.utf8.count + 1))
    }
    let prefix = "bearer."
    let offered = request.headerFields[values: .secWebSocketProtocol].flatMap {
      $0.split { $0 == "," || $0 == " " }
    }
    return offered.first { $0.hasPrefix(prefix) }.map {
      Array($0.utf8.dropFirst(prefix.utf8.count))
    }
  }

  private static func unauthorized(_ detail: String) -> Problem {
    var problem = Problem(.unauthorized, "unauthorized", detail, field: "Authorization")
    problem.fields[.wwwAuthenticate] = "Bearer realm=\"tidings\""
    return problem
  }

  /// The name without the port, as the flag wants it.
  private static func name(of authority: String) -> String {
    String(authority.prefix { $0 != ":" })
  }
}

/// What the link printed at start holds: good for one browser. A door: any thread.
package final class LoginTicket: Sendable {
  /// 32 characters of `[a-z2-7]`: 160 random bits.
  package let text: String
  private let token: Mutex<[UInt8]?>

  /// Gives whoever redeems it `token`.
  package init(for token: AccessToken) {
    text = (0..<4).map { _ in Epoch.random().text }.joined()
    self.token = Mutex(token.secret)
  }

  func redeem(_ presented: [UInt8]) -> [UInt8]? {
    token.withLock { token in
      guard ConstantTime.areEqual(Array(text.utf8), presented) else { return nil }
      defer { token = nil }
      return token
    }
  }
}

extension Response {
  /// As it may be sent in answer to `request`: readable to pages that were allowed, compressed where
  /// that is worth it.
  func fitted(to request: HTTPRequest, _ access: AccessPolicy) -> Response {
    var fitted = self
    fitted.compress(for: request)
    // Untouched fields stay prepared.
    if access.answersOtherOrigins { fitted.fields.admitOrigin(of: request, access) }
    return fitted
  }
}

extension HTTPFields {
  /// Says which page of another origin may read the answer.
  mutating func admitOrigin(of request: HTTPRequest, _ access: AccessPolicy) {
    for field in access.crossOriginFields(request) {
      if field.name == .vary, let vary = self[.vary] {
        if !vary.contains("Origin") { self[.vary] = "\(vary), Origin" }
      } else {
        self[field.name] = field.value
      }
    }
  }
}
