import EventFormats
import Fanout
import FileEvents
import Testing

@Suite("Where a stream starts")
struct StartTests {
  /// One watch and ten changes, of which the journal keeps six; the watch itself is record 1.
  private func makeWorld(kept: UInt64 = 6) -> World {
    let world = World(kept: kept)
    world.setState(.live, of: 1, id: "w")
    world.publish()
    for number in 2...11 {
      world.time += 1_000_000_000
      world.put("f\(number)", .file)
      world.publish()
    }
    return world
  }

  private func cursor(_ sequence: UInt64) -> SubscriptionRequest.Start {
    .cursor(Cursor(epoch: Epoch(text: "world"), sequence: sequence))
  }

  @Test("is said by hello, and now is the head")
  func now() throws {
    let world = makeWorld()
    let client = try Client(world)
    let events = try client.drain()
    #expect(events.map(\.short) == ["hello"])
    #expect(events[0].cursor == "world-11")
    #expect(events[0]["epoch"] as? String == "world")
    #expect(events[0]["oldest"] as? String == "world-5")
    #expect(events[0]["resumed"] as? Bool == false)
    #expect(client.lastPull == .caughtUp)
  }

  @Test("with earliest is the oldest the journal keeps")
  func earliest() throws {
    let events = try Client(makeWorld(), start: .earliest).drain()
    #expect(events.map(\.id) == [5, 6, 7, 8, 9, 10, 11, 11])
    #expect(events.last?.name == "synced")
  }

  /// The oldest cursor that can be resumed from is the one just before the oldest record.
  @Test(
    "with a cursor goes on after it while the journal holds what comes next",
    arguments: [(5, [6, 7, 8, 9, 10, 11]), (10, [11]), (11, [])] as [(UInt64, [UInt64])])
  func resumed(sequence: UInt64, replayed: [UInt64]) throws {
    let events = try Client(makeWorld(), start: cursor(sequence)).drain()
    #expect(events[0]["resumed"] as? Bool == true)
    #expect(events[0].id == sequence)
    #expect(events.dropFirst().dropLast().map(\.id) == replayed)
    #expect(events.last?.name == "synced")
    #expect(events.last?.id == 11)
  }

  /// A client of two loops saw a change on the one, came to the other, and missed it in the replay.
  @Test("with a cursor replays what was published before it came, though the batch is on its way")
  func ringBehind() throws {
    let world = makeWorld(kept: 100)
    world.put("late", .file)
    world.stamp()
    let client = try Client(world, start: cursor(11))
    #expect(try client.drain().map(\.short) == ["hello"])
    world.deliver()
    #expect(client.isReady)
    #expect(try client.drain().map(\.short) == ["create late", "synced"])
  }

  @Test("with an expired cursor is the head, after a reset of what changed since")
  func expired() throws {
    let world = makeWorld()
    let events = try Client(world, start: cursor(4)).drain()
    #expect(events.map(\.short) == ["hello", "reset history w:", "synced"])
    #expect(events.map(\.id) == [4, 11, 11])
    #expect(events[0]["resumed"] as? Bool == false)
    #expect(events[1]["lostAfter"] as? String == "world-4")
    #expect(events[1]["oldest"] as? String == "world-5")
  }

  @Test("with an expired cursor names only the watches that changed since")
  func expiredInPart() throws {
    let world = World(kept: 4)
    world.setState(.live, of: 1, id: "quiet")
    world.setState(.live, of: 2, id: "busy")
    world.setState(.live, of: 3, id: "busier")
    world.publish()
    for number in 0..<10 {
      world.put("a\(number)", .file, in: 2)
      world.put("b\(number)", .file, in: 3)
    }
    world.publish()
    let reset = try Client(world, paths: ["src/"], start: cursor(3)).drain()[1]
    #expect(reset.short == "reset history busier:src,busy:src")
    let untouched = try Client(world, watches: ["quiet"], start: cursor(3)).drain()
    #expect(untouched.map(\.short) == ["hello", "synced"])
    #expect(untouched[0]["resumed"] as? Bool == true)
    #expect(untouched[0].id == 23)
    // What is gone, and what nobody knows, has changed.
    world.setState(.removed, of: 1)
    world.publish()
    let removed = try Client(world, watches: ["quiet"], start: cursor(3)).drain()
    #expect(
      removed.map(\.short) == ["hello", "watch quiet unknown", "reset history quiet:", "synced"])
  }

  @Test("with a cursor of another epoch or from the future is a reset of everything")
  func foreign() throws {
    let world = makeWorld()
    let other = Cursor(epoch: Epoch(text: "other"), sequence: 3)
    let events = try Client(world, start: .cursor(other)).drain()
    #expect(events.map(\.short) == ["hello", "reset epoch w:", "synced"])
    // A connection cut between the two must not resume from what it was not told of.
    #expect(events.map(\.cursor) == ["other-3", "world-11", "world-11"])
    #expect(events[1]["lostAfter"] as? String == "other-3")
    let future = try Client(world, start: cursor(12)).drain()
    #expect(future.map(\.short) == ["hello", "reset future w:", "synced"])
    #expect(future[1]["lostAfter"] == nil)
  }

  @Test("with a cursor ahead of this ring waits for the batch that is on its way")
  func ahead() throws {
    let world = makeWorld()
    for number in 12...14 { world.put("f\(number)", .file) }
    world.stamp()
    let client = try Client(world, start: cursor(13))
    #expect(try client.drain().map(\.short) == ["hello"])
    #expect(client.events[0]["resumed"] as? Bool == true)
    world.deliver()
    #expect(try client.drain().map(\.short) == ["create f14", "synced"])
  }

  @Test("with an age is what is younger, and a reset when the journal does not reach back that far")
  func age() throws {
    let world = makeWorld()
    let young = try Client(world, start: .age(2_000_000_000)).drain()
    #expect(young.map(\.id) == [8, 9, 10, 11, 11])
    let none = try Client(world, start: .age(-1)).drain()
    #expect(none.map(\.short) == ["hello", "synced"])
    // Record 5 was six seconds old and is evicted, record 6 is five seconds old and kept.
    let whole = try Client(world, start: .age(5_999_999_999)).drain()
    #expect(whole.map(\.id) == [5, 6, 7, 8, 9, 10, 11, 11])
    let tooOld = try Client(world, start: .age(6_000_000_000)).drain()
    #expect(tooOld.map(\.short).prefix(2) == ["hello", "reset history w:"])
    #expect(tooOld.map(\.id) == [5, 5, 6, 7, 8, 9, 10, 11, 11])
    let all = try Client(makeWorld(kept: 100), start: .age(.max)).drain()
    #expect(all.count == 1 + 11 + 1)
  }
}

@Suite("A client that falls behind")
struct OverflowTests {
  private func makeWorld(kept: UInt64 = 1 << 40) -> World {
    let world = World(kept: kept)
    world.setState(.live, of: 1, id: "w")
    world.put("src", .directory)
    world.put("lib", .directory)
    world.publish()
    return world
  }

  /// The first unseen match is the first of `changes`.
  @Test(
    "is told only when its first unseen match has left the journal",
    arguments: [(9, false), (10, false), (11, true), (40, true)])
  func journal(changes: Int, isLost: Bool) throws {
    let world = makeWorld(kept: 10)
    let client = try Client(world)
    try client.drain()
    for number in 0..<changes {
      world.put("f\(number)", .file)
      world.publish()
    }
    let events = try client.drain()
    if isLost {
      #expect(events.map(\.short) == ["reset lagged w:"])
      #expect(events[0].id == UInt64(3 + changes))
      #expect(events[0]["lostAfter"] as? String == "world-3")
    } else {
      #expect(events.map(\.id) == (0..<changes).map { UInt64(4 + $0) })
    }
    #expect(client.subscription.status(now: world.time).resets == (isLost ? 1 : 0))
  }

  @Test(
    "is told when it is more than maxLag behind",
    arguments: [(5, false), (6, true)])
  func maxLag(changes: Int, isLost: Bool) throws {
    let world = makeWorld()
    let client = try Client(world, maxLag: 5)
    try client.drain()
    for number in 0..<changes { world.put("f\(number)", .file) }
    world.publish()
    #expect(client.subscription.lagRecords == UInt64(changes))
    #expect(try client.drain().first?.name == (isLost ? "reset" : "change"))
    world.put("after", .file)
    world.publish()
    #expect(try client.drain().map(\.short) == ["create after"])
  }

  @Test("counts from its first unseen match, whatever floods elsewhere")
  func quiet() throws {
    let world = makeWorld(kept: 10)
    let client = try Client(world, paths: ["src/"], maxLag: 2)
    try client.drain()
    for number in 0..<100 {
      world.put("lib/\(number)", .file)
      world.publish()
      #expect(!client.isReady)
    }
    #expect(client.subscription.lagRecords == 0)
    world.put("src/a", .file)
    world.publish()
    #expect(client.subscription.lagRecords == 1)
    #expect(try client.drain().map(\.short) == ["create src/a"])
  }

  /// The turn ended for want of room in the socket, between two matches far apart.
  @Test("has nothing unseen after its last match, though its turn ended there")
  func stalledAtTheEnd() throws {
    let world = makeWorld(kept: 10)
    let client = try Client(world, paths: ["src/"])
    try client.drain()
    world.put("src/a", .file)
    world.put("src/b", .file)
    world.publish()
    #expect(try client.pull(limit: 1).map(\.short) == ["create src/a"])
    #expect(try client.pull(limit: 1).map(\.short) == ["create src/b"])
    for number in 0..<100 {
      world.put("lib/\(number)", .file)
      world.publish()
    }
    #expect(try client.drain().map(\.short) == [])
  }

  @Test("and asked to be closed gets its cursor and bye")
  func close() throws {
    let world = makeWorld(kept: 10)
    let client = try Client(world, overflow: .close)
    try client.drain()
    for number in 0..<20 { world.put("f\(number)", .file) }
    world.publish()
    let events = try client.drain()
    #expect(client.lastPull == .close(.overflow))
    #expect(events.map(\.short) == ["bye"])
    #expect(events[0].id == 3)
    #expect(events[0].reason == "overflow")
    #expect(world.hub.statistics.counters.overflowCloses == 1)
  }

  @Test("hears what became of its watches in what it missed")
  func watchStates() throws {
    let world = makeWorld(kept: 5)
    let client = try Client(world)
    try client.drain()
    world.setState(.degraded, of: 1)
    for number in 0..<10 { world.put("f\(number)", .file) }
    world.publish()
    #expect(try client.drain().map(\.short) == ["watch w degraded", "reset lagged w:"])
  }

  @Test("searches at most 4,096 records a turn")
  func searchesInTurns() throws {
    let world = makeWorld()
    for number in 0..<10_000 { world.put("lib/\(number)", .file) }
    world.put("src/a", .file)
    world.publish()
    let client = try Client(
      world, paths: ["src/"], start: .cursor(Cursor(epoch: world.epoch, sequence: 3)))
    #expect(try client.pull().map(\.short) == ["hello"])
    #expect(client.lastPull == .more)
    #expect(try client.pull().map(\.short) == [])
    #expect(client.lastPull == .more)
    #expect(try client.pull().map(\.short) == ["create src/a", "synced"])
    #expect(client.lastPull == .caughtUp)
  }
}
