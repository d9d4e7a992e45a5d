import Syscalls
import Testing

@testable import Server

@Suite("How many connections there may be")
struct ConnectionCensusTests {
  private static let stranger = SocketAddress(literal: "192.0.2.7", port: 1_000)!
  private static let loopback = SocketAddress.loopbackIPv4(port: 1_000)

  @Test("the first that is one too many is news, and room is news when a tenth is free")
  func total() {
    let census = ConnectionCensus(limit: 20, addressLimit: 0)
    for _ in 0..<20 { #expect(census.enter(Self.stranger) == .welcome) }
    #expect(census.enter(Self.stranger) == .tooMany(isNew: true))
    #expect(census.enter(Self.loopback) == .tooMany(isNew: false))
    #expect(!census.leave(Self.stranger))
    #expect(census.enter(Self.stranger) == .welcome)
    #expect(census.enter(Self.stranger) == .tooMany(isNew: false))
    #expect(!census.leave(Self.stranger))
    #expect(census.leave(Self.stranger))
    #expect(!census.leave(Self.stranger))
    #expect(census.total == 17)
  }

  @Test("an address that has enough is refused, the others are not")
  func perAddress() {
    let census = ConnectionCensus(limit: 100, addressLimit: 2)
    let other = SocketAddress(literal: "192.0.2.8", port: 1)!
    #expect(census.enter(Self.stranger) == .welcome)
    #expect(census.enter(SocketAddress(literal: "192.0.2.7", port: 2)!) == .welcome)
    #expect(census.enter(Self.stranger) == .tooManyFromAddress(isNew: true))
    #expect(census.enter(Self.stranger) == .tooManyFromAddress(isNew: false))
    #expect(census.enter(other) == .welcome)
    _ = census.leave(Self.stranger)
    #expect(census.enter(Self.stranger) == .welcome)
    #expect(census.enter(Self.stranger) == .tooManyFromAddress(isNew: true))
    #expect(census.total == 3)
  }

  @Test("a host has all of its /64 and is one address")
  func prefix() {
    let census = ConnectionCensus(limit: 100, addressLimit: 1)
    #expect(census.enter(SocketAddress(literal: "2001:db8::1", port: 1)!) == .welcome)
    #expect(
      census.enter(SocketAddress(literal: "2001:db8::2", port: 1)!)
        == .tooManyFromAddress(isNew: true))
    #expect(census.enter(SocketAddress(literal: "2001:db8:0:1::1", port: 1)!) == .welcome)
  }

  @Test(
    "who is on this machine is not counted by address",
    arguments: [loopback, .loopbackIPv6(port: 1), .unix(path: "")])
  func local(peer: SocketAddress) {
    let census = ConnectionCensus(limit: 10, addressLimit: 1)
    for _ in 0..<5 { #expect(census.enter(peer) == .welcome) }
  }
}

@Suite("Clients an operator has closed")
struct RemovalsTests {
  private let peer = SocketAddress(literal: "192.0.2.7", port: 1_000)!
  private let samePeer = SocketAddress(literal: "192.0.2.7", port: 2_000)!
  private let other = SocketAddress(literal: "192.0.2.8", port: 1_000)!

  @Test("the one that comes back from where it was with what it had is recognised, once")
  func once() {
    let removals = Removals()
    removals.add("abc-1", from: peer)
    #expect(!removals.take(nil, from: peer))
    #expect(!removals.take("abc-2", from: peer))
    #expect(!removals.take("abc-1", from: other))
    #expect(removals.take("abc-1", from: samePeer))
    #expect(!removals.take("abc-1", from: samePeer))
  }
}
