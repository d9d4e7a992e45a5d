/// Which names a request may call this server by; the answer to DNS rebinding, where a page of an
/// attacker's name reaches a server on loopback. An address cannot be rebound, so every IP literal
/// is let in. A pure decision; refused requests are answered 421.
package struct HostRule: Sendable {
  private let names: Set<String>

  /// `names` besides `localhost`, with or without case, without port.
  package init(allowing names: [String] = []) { self.names = Set(names.map { $0.lowercased() }) }

  /// Whether `authority` (Host or `:authority`, nil when absent) is an IP literal, `localhost`, a
  /// name below it (RFC 6761 §6.3) or one of the names given. Ports do not matter: they are what
  /// the listener was given.
  package func allows(_ authority: String?) -> Bool {
    guard let authority, let parsed = Authority(authority) else { return false }
    switch parsed.host {
    case .ipv4, .ipv6: return true
    case .name(let name):
      return name == "localhost" || name.hasSuffix(".localhost") || names.contains(name)
    }
  }
}
