internal import HTTPSemantics

/// A Tidings server, as a client sees it. A value; any thread, any number of streams.
///
///     let client = try Client("http://localhost:8434")
///     for try await event in client.changes(path: "**/*.css") {
///       switch event {
///       case .change(let change): print(change.kind, change.path)
///       case .reset(let reset): print("read again:", reset.scope)
///       default: break
///       }
///     }
///
/// A stream delivers every change asked for, in order, or a ``Reset`` whose scope covers what was
/// missed, across any number of lost connections: it reconnects by itself, with a back-off, and
/// resumes where it was. It ends when its task is cancelled or with an error that trying again
/// cannot mend.
public struct Client: Sendable {
  let address: ServerAddress
  let token: String?
  var timing = StreamReader.Timing()

  /// `address` is `http://host[:port]`, perhaps with the path below which a proxy serves it, or
  /// `unix:/path/of/the.sock`; `token` is presented as `Authorization: Bearer`. Connects to
  /// nothing yet. Throws ``ClientError/invalidAddress(_:)`` (https among them, until this client
  /// speaks TLS) and ``ClientError/invalidToken``.
  public init(_ address: String, token: String? = nil) throws(ClientError) {
    self.address = try ServerAddress(address)
    if let token, !BearerToken.isToken(token) { throw .invalidToken }
    self.token = token
  }

  /// What happens to the paths that match: a directory prefix (`src/`), an exact path or a glob
  /// (`**/*.css`); everything when none is given.
  public func changes(
    path: String..., ignore: [String] = [], kinds: [Change.Kind] = [], since start: Start = .now
  ) -> EventSequence {
    var subscription = Subscription()
    subscription.paths = path
    subscription.ignore = ignore
    subscription.kinds = kinds
    subscription.start = start
    return changes(subscription)
  }

  /// What happens to the paths of a subscription.
  public func changes(_ subscription: Subscription) -> EventSequence {
    EventSequence(
      request: EventRequest(address: address, token: token, subscription: subscription),
      timing: timing)
  }
}
