internal import Synchronization
internal import Syscalls

/// Clients of Server-Sent Events that an operator has closed. EventSource comes back by itself, with
/// the cursor of its `bye`, until it is answered 204 (WHATWG HTML §9.2.3): so it is, once. A door: any
/// thread, because it may come back to another loop.
final class Removals: Sendable {
  private struct Client: Hashable {
    let address: String
    let cursor: String
  }

  /// Longer than any `retry` we give.
  private static let remembered = 60 * second
  /// More than an operator closes by hand in a minute.
  private static let limit = 1_024

  private let clients = Mutex<[Client: Int64]>([:])

  func add(_ cursor: String, from peer: SocketAddress) {
    let now = Clock.monotonic()
    clients.withLock { clients in
      if clients.count >= Self.limit { clients = clients.filter { $0.value > now } }
      guard clients.count < Self.limit else { return }
      clients[Client(address: peer.host, cursor: cursor)] = now + Self.remembered
    }
  }

  /// Whether this is one of them; true once.
  func take(_ cursor: String?, from peer: SocketAddress) -> Bool {
    guard let cursor else { return false }
    return clients.withLock { clients in
      guard !clients.isEmpty else { return false }
      guard let end = clients.removeValue(forKey: Client(address: peer.host, cursor: cursor)) else {
        return false
      }
      return end > Clock.monotonic()
    }
  }
}
