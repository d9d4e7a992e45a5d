internal import HTTPSemantics

/// Where a server is, read from what a person types.
struct ServerAddress: Sendable, Hashable {
  enum Place: Sendable, Hashable {
    /// A name or an address without brackets.
    case host(String, port: UInt16)
    case unix(path: String)
  }

  var place: Place
  /// Value of the Host field.
  var authority: String
  /// What stands before `/-/`: empty, or a path of a proxy without its last slash.
  var prefix: String

  /// `http://host[:port][/prefix]` or `unix:/path`.
  init(_ text: String) throws(ClientError) {
    if text.hasPrefix("unix:") {
      self = try Self.unix(text)
      return
    }
    guard let colon = text.firstRange(of: "://") else {
      throw .invalidAddress(
        "\(text) is not a server's address; http://localhost:8434 and unix:/run/tidings.sock are")
    }
    switch text[..<colon.lowerBound].lowercased() {
    case "http": self = try Self.http(text, rest: text[colon.upperBound...])
    case "https":
      throw .invalidAddress(
        "https needs TLS, which this client does not speak yet; use http on a network you trust, "
          + "or a tunnel: ssh -L 8434:localhost:8434 HOST")
    case let scheme:
      throw .invalidAddress("\(scheme) is not spoken here; http and unix are")
    }
  }

  private init(place: Place, authority: String, prefix: String) {
    self.place = place
    self.authority = authority
    self.prefix = prefix
  }

  private static func unix(_ text: String) throws(ClientError) -> ServerAddress {
    var path = text.dropFirst("unix:".count)
    if path.hasPrefix("//") { path = path.dropFirst(2) }  // unix:///path means the same
    guard path.hasPrefix("/"), !path.utf8.contains(0) else {
      throw .invalidAddress("\(text) is not a server's address; unix:/run/tidings.sock is one")
    }
    return ServerAddress(place: .unix(path: String(path)), authority: "localhost", prefix: "")
  }

  private static func http(_ text: String, rest: Substring) throws(ClientError) -> ServerAddress {
    let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
    let authority = String(rest[..<end])
    guard let parsed = Authority(authority) else {
      throw .invalidAddress(
        authority.contains("@")
          ? "\(text): a name and password have no place here; a token has"
          : "\(text): \(authority.isEmpty ? "there is no host" : "the host is malformed")")
    }
    var prefix = rest[end...]
    guard !prefix.contains("?"), !prefix.contains("#"),
      prefix.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else { throw .invalidAddress("\(text): a server's address has no query and no fragment") }
    while prefix.hasSuffix("/") { prefix = prefix.dropLast() }
    return ServerAddress(
      place: .host(host(authority), port: parsed.port ?? 80), authority: authority,
      prefix: String(prefix))
  }

  /// The authority without port and brackets.
  private static func host(_ authority: String) -> String {
    if authority.hasPrefix("["), let close = authority.firstIndex(of: "]") {
      return String(authority[authority.index(after: authority.startIndex)..<close])
    }
    return String(authority.prefix { $0 != ":" })
  }
}
