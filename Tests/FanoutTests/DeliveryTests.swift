import EventFormats
import Fanout
import FileEvents
import Testing

@Suite("Many clients of one filter")
struct DeliveryTests {
  private func makeWorld() -> World {
    let world = World()
    world.setState(.live, of: 1, id: "w")
    world.publish()
    return world
  }

  @Test("are matched once and encoded once for each framing")
  func encodeOnce() throws {
    let world = makeWorld()
    var request = SubscriptionRequest(serverName: "test")
    request.filter = try PathFilter(paths: ["src/"])
    let framings: [StreamFraming] = [.ndjson, .sse, .webSocket(ref: "a")]
    let clients = (0..<300).map { Client(world, request, framing: framings[$0 % 3]) }
    for client in clients {
      var output: [UInt8] = []
      #expect(client.subscription.pull(into: &output, limit: 1 << 20) == .caughtUp)
    }
    let before = world.hub.statistics.counters
    world.put("src/a", .file)
    world.put("src/b", .file)
    world.publish()
    var outputs: Set<[UInt8]> = []
    for client in clients {
      #expect(client.isReady)
      var output: [UInt8] = []
      #expect(client.subscription.pull(into: &output, limit: 1 << 20) == .caughtUp)
      outputs.insert(output)
    }
    let after = world.hub.statistics.counters
    #expect(outputs.count == 3)
    #expect(world.hub.statistics.groups == 1)
    #expect(after.candidatesExamined - before.candidatesExamined == 2)
    #expect(after.eventsEncoded - before.eventsEncoded == 6)
    #expect(after.eventsSent - before.eventsSent == 600)
    #expect(after.recordsSearched == before.recordsSearched)
  }

  @Test("get the same bytes, whether alone or in company, at whatever pace")
  func samePace() throws {
    let world = makeWorld()
    let alone = try Client(world, paths: ["**/*.css"], ignores: ["never"])
    let company = try (0..<4).map { _ in try Client(world, paths: ["**/*.css"]) }
    for client in company + [alone] { try client.drain() }
    var random = SeededRandom(seed: 11)
    for _ in 0..<400 {
      world.happen(&random)
      world.publish()
      let client = company.randomElement(using: &random)!
      try client.pull(limit: [1, 500, 40_000].randomElement(using: &random)!)
    }
    for client in company + [alone] { try client.drain() }
    for client in company {
      #expect(client.events.map(\.description) == alone.events.map(\.description))
    }
    #expect(alone.events.count > 50)
  }

  @Test("leave nothing behind when the last of them goes")
  func unsubscribe() throws {
    let world = makeWorld()
    let clients = try (0..<5).map { _ in try Client(world, watches: ["w", "v"], paths: ["src/"]) }
    for client in clients { try client.drain() }
    for client in [clients[2], clients[0], clients[4], clients[1]] { client.close() }
    #expect(world.hub.statistics.groups == 1)
    #expect(world.hub.statistics.counters.subscriptions == 1)
    world.put("src", .directory)
    world.publish()
    #expect(clients.map(\.isReady) == [false, false, false, true, false])
    clients[3].close()
    clients[3].close()
    #expect(world.hub.statistics.groups == 0)
    #expect(world.hub.statistics.counters.subscriptions == 0)
    let before = world.hub.statistics.counters.candidatesExamined
    world.delete("src")
    world.publish()
    #expect(world.hub.statistics.counters.candidatesExamined == before)
    #expect(try clients[3].pull().isEmpty)
  }
}

@Suite("A cursor that moves unseen")
struct BookmarkTests {
  private let minute: Int64 = 60_000_000_000

  private func bookmark(_ client: Client, at now: Int64) -> String? {
    var output: [UInt8] = []
    guard client.subscription.bookmarkIfDue(now: now, into: &output) else {
      #expect(output.isEmpty)
      return nil
    }
    return String(decoding: output, as: UTF8.self)
  }

  @Test("is told at most once a minute, and only when it moved")
  func bookmarks() throws {
    let world = World()
    world.setState(.live, of: 1, id: "w")
    world.publish()
    let client = try Client(world, paths: ["src/"])
    try client.drain()
    let start = world.time
    #expect(bookmark(client, at: start + 2 * minute) == nil)
    world.put("lib", .directory)
    world.publish()
    #expect(!client.isReady)
    #expect(bookmark(client, at: start + minute - 1) == nil)
    #expect(
      bookmark(client, at: start + minute) == "{\"event\":\"bookmark\",\"id\":\"world-2\"}\n")
    world.put("lib/a", .file)
    world.publish()
    #expect(bookmark(client, at: start + minute + 1) == nil)
    // Something unseen: up to just before it.
    world.put("lib/b", .file)
    world.put("src", .directory)
    world.publish()
    #expect(
      bookmark(client, at: start + 2 * minute) == "{\"event\":\"bookmark\",\"id\":\"world-4\"}\n")
    #expect(try client.drain().map(\.id) == [5])
    #expect(bookmark(client, at: start + 4 * minute) == nil)
  }

  @Test("is the last word before a planned close, unless a listing has not ended")
  func bye() throws {
    let world = World()
    world.setState(.live, of: 1, id: "w")
    world.publish()
    let client = try Client(world, paths: ["src/"])
    try client.drain()
    world.put("lib", .directory)
    world.publish()
    let listing = try Client(world, initial: true)
    try listing.pull()
    let unread = try Client(world)
    let byes = [client, listing, unread].map { client in
      var output: [UInt8] = []
      client.subscription.appendBye(
        reason: "shutdown", reconnectAfterMilliseconds: 1_200, into: &output)
      return String(decoding: output, as: UTF8.self)
    }
    let end = #""reason":"shutdown","reconnectAfter":1200}"# + "\n"
    #expect(byes[0] == #"{"event":"bye","id":"world-2","# + end)
    #expect(byes[1] == #"{"event":"bye","# + end)
    #expect(byes[2].hasPrefix(#"{"event":"hello","#))
    #expect(byes[2].hasSuffix(#"{"event":"bye","id":"world-2","# + end))
  }

  @Test("has a lag in records and in time")
  func lag() throws {
    let world = World()
    world.setState(.live, of: 1, id: "w")
    world.publish()
    let client = try Client(world, watches: ["w"], paths: ["src/"], ignores: ["x"], maxLag: 9)
    try client.drain()
    world.put("lib", .directory)
    world.put("src", .directory)
    world.publish()
    world.time += 5_000
    world.put("src/a", .file)
    world.publish()
    let status = client.subscription.status(now: world.time + 1)
    #expect(status.lagRecords == 2)
    #expect(status.lagNanoseconds == 5_001)
    #expect(status.cursor.sequence == 2)
    #expect(status.sent == 1)
    #expect(status.watches == ["w"] && status.paths == ["src/"] && status.ignores == ["x"])
    #expect(status.maxLag == 9)
    try client.drain()
    #expect(client.subscription.status(now: world.time).lagRecords == 0)
    #expect(client.subscription.status(now: world.time).sent == 3)
    #expect(world.hub.watches.map(\.id) == ["w"])
  }
}
