/// The request for an event stream (wire contract, section 4), as bytes.
struct EventRequest: Sendable {
  let address: ServerAddress
  let token: String?
  let subscription: Subscription

  /// Nothing in it can end a line early: the address and the token are checked, the query is
  /// percent-encoded, and no line of an event stream holds CR, LF or NUL.
  func bytes(lastEventID: String) -> [UInt8] {
    let query = subscription.query(resuming: !lastEventID.isEmpty)
    var lines = [
      "GET \(address.prefix)/-/v1/events\(query.isEmpty ? "" : "?\(query)") HTTP/1.1",
      "Host: \(address.authority)",
      "Accept: text/event-stream",
      "Accept-Encoding: identity",
      "Cache-Control: no-store",
      "User-Agent: tidings-client",
    ]
    if let token { lines.append("Authorization: Bearer \(token)") }
    if !lastEventID.isEmpty { lines.append("Last-Event-ID: \(lastEventID)") }
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }
}
