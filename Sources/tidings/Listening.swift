import Foundation
import Server
import Syscalls
import SystemPackage

/// Opens what the server listens on.
enum Listening {
  static let defaultPort: UInt16 = 8434

  /// TCP first, in the order of the options, then the Unix-domain socket.
  static func open(_ options: ServerOptions, hasTokens: Bool) throws(Failure) -> [ListeningSocket] {
    let hosts = try addresses(options.host)
    if !hasTokens, !options.insecure, let open = hosts.first(where: { !$0(0).isLoopback }) {
      throw .configuration(
        "others can reach \(open(0).text.dropLast(2)): give --token-file, or --insecure to let everybody in"
      )
    }
    var listening = try openTCP(hosts, port: options.port, isDefault: options.host.isEmpty)
    if let path = options.unix { listening.append(try openUnix(path)) }
    return listening
  }

  /// Removes the socket's file, so that the next start finds none.
  static func close(_ options: ServerOptions) {
    if let path = options.unix { unlink(path) }
  }

  private typealias Host = (UInt16) -> SocketAddress

  private static func addresses(_ names: [String]) throws(Failure) -> [Host] {
    let loopback: [Host] = [SocketAddress.loopbackIPv4, SocketAddress.loopbackIPv6]
    guard !names.isEmpty else { return loopback }
    var hosts: [Host] = []
    for name in names {
      if name == "localhost" {
        hosts += loopback
      } else if SocketAddress(literal: name, port: 0) != nil {
        hosts.append { SocketAddress(literal: name, port: $0)! }
      } else {
        throw .configuration("--host \(name) is not an IP address; 0.0.0.0 and :: mean all")
      }
    }
    return hosts
  }

  /// All hosts on one port: the named one, or the first of eleven on which all are free.
  private static func openTCP(
    _ hosts: [Host], port: UInt16?, isDefault: Bool
  ) throws(Failure) -> [ListeningSocket] {
    let ports = port.map { [$0] } ?? Array(defaultPort...(defaultPort + 10))
    var taken: SocketAddress?
    for port in ports {
      switch try open(hosts, port: port, isDefault: isDefault) {
      case .success(let listening): return listening
      case .failure(let address): taken = taken ?? address.address
      }
    }
    let address = taken!
    let holder = PortHolder.describe(port: address.port!).map { " by \($0)" } ?? ""
    let others = port == nil ? ", and so are the next ten ports" : ""
    throw .unavailable("\(address.text) is taken\(holder)\(others); choose another with --port")
  }

  private struct Taken: Error { let address: SocketAddress }

  private static func open(
    _ hosts: [Host], port: UInt16, isDefault: Bool
  ) throws(Failure) -> Result<[ListeningSocket], Taken> {
    var listening: [ListeningSocket] = []
    for host in hosts {
      // Where the system chose a port for the first address, the others share it.
      let address = host(listening.first?.address.port ?? port)
      do throws(Errno) { listening.append(try ListeningSocket(at: address)) } catch {
        switch error {
        case .addressInUse: return .failure(Taken(address: address))
        // Plenty of machines have no IPv6; nobody asked for it by name.
        case .addressNotAvailable, .addressFamilyNotSupported:
          if isDefault, !listening.isEmpty { continue }
          throw .unavailable("\(address.text): \(error)")
        case .permissionDenied:
          throw .noPermission("\(address.text): ports below 1024 are for root; choose --port")
        default: throw .unavailable("\(address.text): \(error)")
        }
      }
    }
    return .success(listening)
  }

  /// A file left by a server that died is removed; one that somebody answers at is theirs.
  private static func openUnix(_ path: String) throws(Failure) -> ListeningSocket {
    guard SocketAddress.fitsSocketPath(path) else {
      throw .configuration("--unix \(path): the system takes 107 bytes at most")
    }
    let address = SocketAddress.unix(path: path)
    try removeStale(path, address)
    let mask = umask(0o177)
    defer { umask(mask) }
    do throws(Errno) { return try ListeningSocket(at: address) } catch {
      throw .unavailable("--unix \(path): \(error)")
    }
  }

  private static func removeStale(_ path: String, _ address: SocketAddress) throws(Failure) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      throw .unavailable("--unix \(path): something that is no socket stands there")
    }
    do throws(Errno) { _ = try Socket.connected(to: address) } catch {
      if error == .connectionRefused { unlink(path) }
      return
    }
    throw .unavailable("--unix \(path): a server answers there already")
  }
}
