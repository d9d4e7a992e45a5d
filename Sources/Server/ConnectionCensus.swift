internal import HTTPTypes
internal import Synchronization
internal import Syscalls

/// How many connections there are, in all and from each address, over all loops; says who is one too
/// many. A door: any thread.
final class ConnectionCensus: Sendable {
  enum Verdict: Equatable, Sendable {
    case welcome
    /// `isNew`: the first since there was room, so worth a line in the log.
    case tooMany(isNew: Bool)
    case tooManyFromAddress(isNew: Bool)
  }

  private struct Address {
    var count = 0
    var isFull = false
  }

  private struct State {
    var total = 0
    var isFull = false
    var addresses: [[UInt8]: Address] = [:]
  }

  let limit: Int
  /// 0: none.
  let addressLimit: Int
  private let state = Mutex(State())

  init(limit: Int, addressLimit: Int) {
    self.limit = limit
    self.addressLimit = addressLimit
  }

  var total: Int { state.withLock { $0.total } }

  /// Counts a connection, unless it is one too many; `leave` for each that was welcome.
  func enter(_ peer: SocketAddress) -> Verdict {
    let key = key(peer)
    return state.withLock { state in
      guard state.total < limit else {
        defer { state.isFull = true }
        return .tooMany(isNew: !state.isFull)
      }
      if let key {
        var address = state.addresses[key] ?? Address()
        guard address.count < addressLimit else {
          defer { state.addresses[key]?.isFull = true }
          return .tooManyFromAddress(isNew: !address.isFull)
        }
        address.count += 1
        state.addresses[key] = address
      }
      state.total += 1
      return .welcome
    }
  }

  /// True when it made room after there was none: worth a line in the log. With a tenth of the limit
  /// free, so that a crowd at the door is not news each time somebody leaves.
  func leave(_ peer: SocketAddress) -> Bool {
    let key = key(peer)
    return state.withLock { state in
      state.total -= 1
      if let key, var address = state.addresses[key] {
        address.count -= 1
        if address.count <= addressLimit - max(1, addressLimit / 10) { address.isFull = false }
        state.addresses[key] = address.count == 0 ? nil : address
      }
      guard state.isFull, state.total <= limit - max(1, limit / 10) else { return false }
      state.isFull = false
      return true
    }
  }

  /// What counts as one address: an IPv6 host may use all of its /64. Nil: not counted, since
  /// whoever is on this machine already, or its proxy, is many.
  private func key(_ peer: SocketAddress) -> [UInt8]? {
    guard addressLimit > 0, !peer.isLoopback else { return nil }
    return switch peer {
    case .ipv4(let bytes, _): bytes
    case .ipv6(let bytes, _): Array(bytes[..<8])
    case .unix: nil
    }
  }
}

/// Why a connection may ask for `/-/healthz` and nothing else: one too many, taken all the same so
/// that whoever looks after the server is answered, and the others are told when to come again.
enum Refusal: Sendable {
  case tooMany(limit: Int)
  case tooManyFromAddress(limit: Int)
  case noDescriptors

  /// 503, or 429 where the client itself is many; seconds jittered, so that those who were refused
  /// together do not come back together.
  var problem: Problem {
    let seconds = Int.random(in: 1...5)
    return switch self {
    case .tooMany(let limit):
      .retryLater(
        .serviceUnavailable, "too-many-connections", "all \(limit) connections are in use",
        seconds: seconds)
    case .tooManyFromAddress(let limit):
      .retryLater(
        .tooManyRequests, "too-many-connections-from-address",
        "\(limit) connections come from this address already", seconds: seconds)
    case .noDescriptors:
      .retryLater(
        .serviceUnavailable, "no-descriptors", "the server has no file descriptor left",
        seconds: seconds)
    }
  }
}
