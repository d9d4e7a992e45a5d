/// Why a client has no connection.
///
/// An iterator throws only the errors that trying again cannot mend (`isRetriable` is false); the
/// others it tells as ``Event/interrupted(_:retryIn:)`` and goes on by itself.
public enum ClientError: Error, Sendable, Hashable {
  /// What was given as the server's address is not one. Fatal.
  case invalidAddress(String)
  /// The token holds a character that no token has. Fatal.
  case invalidToken
  /// The server refuses the request: 400, 401, 403, 404, 406, 410, 421 and whatever else says that
  /// the same request would be refused again; a redirection too. Fatal.
  case refused(Problem)
  /// 204: an operator has removed this client, which should stop. Fatal.
  case removed
  /// Something answers, but not with an event stream of this protocol: another content type, a
  /// content coding, an event that cannot be read. Fatal.
  case unexpectedAnswer(String)
  /// The server is there and asks to be asked later: 429, 503 and every other 5xx. Retriable.
  case unavailable(Problem)
  /// The name has no address, in the resolver's words. Retriable: a network may come back.
  case unknownHost(String, reason: String)
  /// The connection failed or was cut; `code` is the errno. Retriable.
  case connection(String, code: Int32)
  /// Nothing came in time: no connection, no answer, or no event and no heartbeat. Retriable.
  case timedOut(String)
  /// The server has ended the connection. Retriable.
  case ended
  /// What the server sent is not HTTP. Retriable: a proxy's broken answer looks like this.
  case malformedAnswer(String)

  /// Whether the same attempt may succeed later without anybody mending anything.
  public var isRetriable: Bool {
    switch self {
    case .invalidAddress, .invalidToken, .refused, .removed, .unexpectedAnswer: false
    case .unavailable, .unknownHost, .connection, .timedOut, .ended, .malformedAnswer: true
    }
  }

  /// What the server said of a refusal (RFC 9457), where it said something.
  public var problem: Problem? {
    switch self {
    case .refused(let problem), .unavailable(let problem): problem
    default: nil
    }
  }
}

extension ClientError: CustomStringConvertible {
  /// One sentence for people.
  public var description: String {
    switch self {
    case .invalidAddress(let detail), .unexpectedAnswer(let detail), .timedOut(let detail):
      detail
    case .invalidToken: "the token is not one: A-Z a-z 0-9 - . _ ~ + / and = at the end"
    case .refused(let problem), .unavailable(let problem): problem.description
    case .removed: "the server has removed this client"
    case .unknownHost(let host, let reason): "\(host): \(reason)"
    case .connection(let detail, _): detail
    case .ended: "the server has ended the connection"
    case .malformedAnswer(let detail): "the answer cannot be understood: \(detail)"
    }
  }
}

/// What a server says of a request it does not grant: its status, and the members of its problem
/// document (RFC 9457) where it sent one.
public struct Problem: Sendable, Hashable {
  /// The HTTP status.
  public var status: Int
  /// A stable word for programs: `host-not-allowed`, `cursor-expired`.
  public var code: String?
  /// A few words for people, the same for every problem of this code.
  public var title: String?
  /// A sentence about this very case.
  public var detail: String?
  /// What to do about it, to be pasted.
  public var hint: String?

  /// A problem with what is known of it.
  public init(
    status: Int, code: String? = nil, title: String? = nil, detail: String? = nil,
    hint: String? = nil
  ) {
    self.status = status
    self.code = code
    self.title = title
    self.detail = detail
    self.hint = hint
  }
}

extension Problem: CustomStringConvertible {
  /// `403 host-not-allowed: …; try: …`.
  public var description: String {
    let name = code ?? title
    return "the server answers \(status)" + (name.map { " \($0)" } ?? "")
      + (detail.map { ": \($0)" } ?? "") + (hint.map { " (\($0))" } ?? "")
  }
}
