internal import CLinux
internal import Foundation

/// Names of hosts to addresses, as the system is set up to (nsswitch.conf(5)).
package enum NameLookup {
  /// Why a name has no address: EAI_* of getaddrinfo(3).
  package struct Failure: Error, Sendable, Hashable {
    package let code: Int32
    /// In the system's words: `Name or service not known`.
    package let message: String
    /// Whether the same question may be answered later (EAI_AGAIN).
    package var isTemporary: Bool { code == EAI_AGAIN }
  }

  /// The addresses of `host` in the order to try them (RFC 6724), each with `port`. Blocks, for as
  /// long as the resolver may take (resolv.conf(5): tens of seconds when no server answers). The C
  /// function is `getaddrinfo`.
  package static func addresses(
    of host: String, port: UInt16
  ) throws(Failure) -> [SocketAddress] {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let outcome = getaddrinfo(host, String(port), &hints, &list)
    guard outcome == 0 else {
      throw Failure(code: outcome, message: String(cString: gai_strerror(outcome)))
    }
    defer { freeaddrinfo(list) }
    var addresses: [SocketAddress] = []
    var next = list
    while let entry = next?.pointee {
      next = entry.ai_next
      guard let address = SocketAddress(entry), !addresses.contains(address) else { continue }
      addresses.append(address)
    }
    return addresses
  }
}

extension SocketAddress {
  /// Nil for other families than IPv4 and IPv6.
  fileprivate init?(_ entry: addrinfo) {
    guard let address = entry.ai_addr, entry.ai_family == AF_INET || entry.ai_family == AF_INET6
    else { return nil }
    var storage = sockaddr_storage()
    let length = min(Int(entry.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
    withUnsafeMutableBytes(of: &storage) {
      $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: length))
    }
    self.init(storage)
  }
}
