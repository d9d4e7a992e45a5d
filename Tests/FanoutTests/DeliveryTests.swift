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

  @Test("may take whole what one of them was told, and miss nothing by it")
  func takeWhole() throws {
    let world = makeWorld()
    let (first, second, slow) = (
      try Client(world, paths: ["src/"]), try Client(world, paths: ["src/"]),
      try Client(world, paths: ["src/"])
    )
    for client in [first, second, slow] { try client.drain() }
    second.takesBroadcasts = true
    slow.takesBroadcasts = true
    for round in 0..<40 {
      world.put("src/\(round)", .file)
      world.put("elsewhere", .file)
      world.publish()
      try first.drain()
      try second.drain()
      #expect(second.broadcastsTaken == round + 1)
      #expect(second.subscription.cursor == world.hub.headCursor)
      #expect(second.subscription.lagRecords == 0)
      if round % 4 == 3 { try slow.drain() }
    }
    #expect(slow.broadcastsTaken == 0)
    for client in [second, slow] {
      #expect(client.events.map(\.description) == first.events.map(\.description))
    }
    #expect(second.subscription.eventsSent == first.subscription.eventsSent)
  }

  @Test("never take what begins after something they have to be told first")
  func takeNothingTooEarly() throws {
    let world = makeWorld()
    let told = try Client(world, overflow: .reset)
    try told.drain()
    world.put("a", .file)
    world.publish()
    try told.drain()
    // What is to be said first, what is not allowed, and what is compressed.
    let new = try Client(world, start: .cursor(Cursor(epoch: world.epoch, sequence: 1)))
    #expect(new.subscription.takeBroadcast() == nil)
    let narrow = try Client(world, overflow: .close, maxLag: 1)
    let compressed = try Client(world)
    compressed.writesBroadcasts()
    for client in [new, narrow, compressed] { try client.drain() }
    for name in ["b", "c", "d"] { world.put(name, .file) }
    world.publish()
    try told.drain()
    #expect(narrow.subscription.takeBroadcast() == nil)
    #expect(compressed.subscription.takeBroadcast() == nil)
    #expect(new.subscription.takeBroadcast()?.events == 3)
    #expect(new.subscription.takeBroadcast() == nil)
    #expect(try new.drain().isEmpty)
    new.close()
    world.put("e", .file)
    world.publish()
    try told.drain()
    #expect(new.subscription.takeBroadcast() == nil)
  }

  @Test("are made ready a few at a time, and none is passed over", arguments: [1, 3, 1_000])
  func wakeSome(count: Int) throws {
    let world = makeWorld()
    let clients = try (0..<10).map { try Client(world, paths: [$0 < 7 ? "src/" : "doc/"]) }
    for client in clients { try client.drain() }
    world.wakesLate = true
    for name in ["src/a", "doc/a", "nobody"] { world.put(name, .file) }
    world.publish()
    var ready = 0
    while world.hub.wake(count) {
      let now = clients.filter(\.isReady).count
      #expect(now - ready <= count)
      ready = now
    }
    #expect(ready == 10)
    #expect(!world.hub.wake(count))
  }

  @Test("are not taken for told while they wait to be made ready")
  func waitToBeWoken() throws {
    let world = makeWorld()
    let clients = try (0..<6).map { _ in try Client(world) }
    for client in clients { try client.drain() }
    world.wakesLate = true
    for round in 0..<6 {
      let before = world.hub.headCursor
      world.put("a\(round)", .file)
      world.publish()
      #expect(world.hub.wake(1))
      let client = clients[5 - round]
      switch round {
      case 0: #expect(client.subscription.lagRecords == 1)
      case 1: #expect(client.subscription.cursor == before)
      case 2: #expect(client.subscription.farewellCursor == before)
      case 3: #expect(client.subscription.unseenSince != nil)
      case 4: #expect(try client.pull().map(\.path) == ["a4"])
      default: client.close()
      }
      #expect(clients[2].isReady && clients[3].isReady)
      for client in clients where round < 5 { try client.drain() }
    }
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
