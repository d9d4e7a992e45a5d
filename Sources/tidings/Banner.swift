import Syscalls

/// What a start says on standard error: where to point a browser, and what to type.
struct Banner {
  let listening: [SocketAddress]
  let servesSite: Bool
  /// Lets one browser in, where tokens are asked for.
  let ticket: String?

  func show() { Terminal.say(text) }

  var text: String {
    var lines = ["tidings \(Version.text)", ""]
    let urls = listening.filter { $0.port != nil }.map { "http://\(Self.reachable($0))/" }
    for url in urls where servesSite { lines.append("  site       \(url)") }
    for url in urls.prefix(servesSite ? 1 : urls.count) { lines.append("  dashboard  \(url)-/") }
    if let url = urls.first, let ticket {
      lines.append("  log in     \(url)-/login?ticket=\(ticket)  (one browser, once)")
    }
    if let url = urls.first { lines.append("  events     curl -N \(url)-/v1/events") }
    for case .unix(let path) in listening {
      lines.append("  events     curl -N --unix-socket \(path) http://localhost/-/v1/events")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// An address that means all of them is reached by the machine's own.
  private static func reachable(_ address: SocketAddress) -> String {
    switch address {
    case .ipv4([0, 0, 0, 0], let port): "127.0.0.1:\(port)"
    case .ipv6(let bytes, let port) where bytes.allSatisfy({ $0 == 0 }): "[::1]:\(port)"
    default: address.text
    }
  }
}
