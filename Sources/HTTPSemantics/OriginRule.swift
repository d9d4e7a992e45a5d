internal import Bytes

/// Which pages may talk to this server; the answer to cross-site requests and cross-site
/// WebSockets. A pure decision; refused requests are answered 403.
package struct OriginRule: Sendable {
  package enum Decision: Sendable, Equatable {
    /// No Origin: no page speaks, or a browser's plain navigation or same-origin GET.
    case absent
    /// The page came from this server.
    case own
    /// The page's origin was allowed by name; a CORS answer may echo it.
    case listed
    case refused
  }

  /// Something given to `init` that is no origin.
  package struct Malformed: Error, Sendable, Equatable {
    package var origin: String
  }

  private let listed: Set<Origin>

  /// `origins` as browsers write them, `https://app.example:8443`.
  package init(allowing origins: [String] = []) throws(Malformed) {
    var listed: Set<Origin> = []
    for text in origins {
      guard let origin = Origin(text) else { throw Malformed(origin: text) }
      listed.insert(origin)
    }
    self.listed = listed
  }

  /// Decides on all lines of Origin in a request for `authority`. Own: the same host and port,
  /// default ports dropped; the scheme is not compared, since TLS may end before this server.
  /// `null` (sandboxed frames, files, redirects across origins) and several origins are refused.
  package func decide(_ values: [String], authority: String?) -> Decision {
    guard let text = values.first else { return .absent }
    guard values.count == 1, let origin = Origin(text) else { return .refused }
    if let authority, let asked = Authority(authority),
      let page = origin.webAuthority, page == origin.droppingDefaultPort(asked)
    {
      return .own
    }
    return listed.contains(origin) ? .listed : .refused
  }
}

/// An origin as serialised by browsers: scheme, host, port (RFC 6454 §6.2).
private struct Origin: Hashable {
  /// Lower case.
  let scheme: String
  /// Without the scheme's default port.
  private var authority: Authority

  /// Nil when malformed; `null` is.
  init?(_ text: String) {
    guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { return nil }
    scheme = text[..<colon].lowercased()
    guard let first = scheme.utf8.first, ASCII.isLetter(first),
      let authority = Authority(String(text[colon...].dropFirst(3)))
    else { return nil }
    self.authority = authority
    self.authority = droppingDefaultPort(authority)
  }

  /// Nil for schemes whose hosts are not the web's (extensions).
  var webAuthority: Authority? { scheme == "http" || scheme == "https" ? authority : nil }

  /// `other` without its port where that is the default of this origin's scheme.
  func droppingDefaultPort(_ other: Authority) -> Authority {
    let port: UInt16? = scheme == "http" ? 80 : scheme == "https" ? 443 : nil
    return other.port == port ? Authority(host: other.host) : other
  }
}
