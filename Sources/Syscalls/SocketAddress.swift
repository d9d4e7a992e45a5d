internal import CLinux
internal import Foundation

/// Where a socket listens or who is at its other end: an IPv4 or IPv6 address with its port, or the
/// path of a Unix-domain socket (unix(7)).
package enum SocketAddress: Sendable, Hashable {
  /// Four address bytes in network order.
  case ipv4([UInt8], port: UInt16)
  /// Sixteen address bytes in network order.
  case ipv6([UInt8], port: UInt16)
  /// At most 107 bytes; empty for the unnamed end of a connection.
  case unix(path: String)

  /// Reads an IP literal (`127.0.0.1`, `::1`, with or without brackets); nil for anything else.
  package init?(literal: String, port: UInt16) {
    let bare =
      literal.hasPrefix("[") && literal.hasSuffix("]")
      ? String(literal.dropFirst().dropLast()) : literal
    var four = in_addr()
    if inet_pton(AF_INET, bare, &four) == 1 {
      self = .ipv4(withUnsafeBytes(of: four) { Array($0) }, port: port)
      return
    }
    var six = in6_addr()
    guard inet_pton(AF_INET6, bare, &six) == 1 else { return nil }
    self = .ipv6(withUnsafeBytes(of: six) { Array($0) }, port: port)
  }

  package static func loopbackIPv4(port: UInt16) -> SocketAddress {
    .ipv4([127, 0, 0, 1], port: port)
  }

  package static func loopbackIPv6(port: UInt16) -> SocketAddress {
    .ipv6([UInt8](repeating: 0, count: 15) + [1], port: port)
  }

  /// Whether only this machine can reach it: 127.0.0.0/8, ::1 (also mapped), Unix-domain.
  package var isLoopback: Bool {
    switch self {
    case .ipv4(let bytes, _): bytes[0] == 127
    case .ipv6(let bytes, _):
      bytes == [UInt8](repeating: 0, count: 15) + [1]
        || bytes.starts(with: Self.mappedPrefix) && bytes[12] == 127
    case .unix: true
    }
  }

  /// The port; nil for a Unix-domain address.
  package var port: UInt16? {
    switch self {
    case .ipv4(_, let port), .ipv6(_, let port): port
    case .unix: nil
    }
  }

  /// As in a URL's authority: `127.0.0.1:8434`, `[::1]:8434`, `unix:/run/tidings.sock`.
  package var text: String {
    switch self {
    case .ipv4(let bytes, let port):
      "\(bytes.map(String.init).joined(separator: ".")):\(port)"
    case .ipv6(let bytes, let port): "[\(Self.ipv6Text(bytes))]:\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }

  /// The address without its port.
  package var host: String {
    switch self {
    case .ipv4(let bytes, _): bytes.map(String.init).joined(separator: ".")
    case .ipv6(let bytes, _): Self.ipv6Text(bytes)
    case .unix(let path): path
    }
  }

  private static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]

  private static func ipv6Text(_ bytes: [UInt8]) -> String {
    var address = in6_addr()
    withUnsafeMutableBytes(of: &address) { $0.copyBytes(from: bytes) }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(AF_INET6, &address, &text, socklen_t(text.count)) != nil else { return "?" }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  var family: Int32 {
    switch self {
    case .ipv4: AF_INET
    case .ipv6: AF_INET6
    case .unix: AF_UNIX
    }
  }

  /// Calls `body` with the kernel's form. A Unix path longer than sun_path is cut: callers check
  /// `fitsSocketPath` first.
  func withSockAddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    switch self {
    case .ipv4(let bytes, let port):
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: bytes) }
      return Self.rebound(&address, body)
    case .ipv6(let bytes, let port):
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: bytes) }
      return Self.rebound(&address, body)
    case .unix(let path):
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) {
        $0.copyBytes(from: path.utf8.prefix($0.count - 1))
      }
      return Self.rebound(&address, body)
    }
  }

  private static func rebound<Address, R>(
    _ address: inout Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
  ) -> R {
    withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<Address>.size))
      }
    }
  }

  init(_ storage: sockaddr_storage) {
    self = withUnsafeBytes(of: storage) { raw in
      switch Int32(storage.ss_family) {
      case AF_INET:
        let address = raw.loadUnaligned(as: sockaddr_in.self)
        return .ipv4(
          withUnsafeBytes(of: address.sin_addr) { Array($0) },
          port: UInt16(bigEndian: address.sin_port))
      case AF_INET6:
        let address = raw.loadUnaligned(as: sockaddr_in6.self)
        return .ipv6(
          withUnsafeBytes(of: address.sin6_addr) { Array($0) },
          port: UInt16(bigEndian: address.sin6_port))
      default:
        let name = raw.dropFirst(MemoryLayout<sa_family_t>.size).prefix(108).prefix { $0 != 0 }
        return .unix(path: String(decoding: name, as: UTF8.self))
      }
    }
  }

  /// Whether a path fits sockaddr_un with its closing zero (unix(7): 108 bytes).
  package static func fitsSocketPath(_ path: String) -> Bool { path.utf8.count <= 107 }
}
