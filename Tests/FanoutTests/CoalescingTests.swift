import Fanout
import FileEvents
import Testing

@Suite("A client that fell behind and coalesces")
struct CoalescingTests {
  private func makeWorld(
    kept: UInt64 = 1 << 40, paths: Int = 4_096, bytes: Int = 512 * 1024
  ) -> World {
    var limits = CoalescingLimits()
    limits.paths = paths
    limits.bytes = bytes
    let world = World(kept: kept, coalescing: limits)
    world.setState(.live, of: 1, id: "w")
    for directory in ["src", "lib", "lib/deep"] { world.put(directory, .directory) }
    for file in ["src/a", "src/b", "lib/deep/c"] { world.put(file, .file) }
    world.publish()
    return world
  }

  private func behind(_ world: World, paths: [String] = [], kinds: ChangeKinds? = nil) throws
    -> Client
  {
    let client = try Client(world, paths: paths, kinds: kinds, overflow: .coalesce, maxLag: 1)
    try client.drain()
    return client
  }

  @Test(
    "is told the latest of each path, in order of the latest number, with the count",
    arguments: [
      ([.modify("src/a"), .modify("src/a"), .modify("src/a")], ["modify src/a ×3"]),
      (
        [.modify("src/a"), .modify("src/b"), .modify("src/a")],
        ["modify src/b", "modify src/a ×2"]
      ),
      // Created and deleted unseen: nothing; seen before: the end of it.
      ([.put("x", .file), .modify("src/a"), .delete("x")], ["modify src/a"]),
      (
        [.modify("src/a"), .modify("src/b"), .delete("src/a")], ["modify src/b", "delete src/a ×2"]
      ),
      ([.put("x", .file), .modify("x"), .modify("x")], ["create x ×3"]),
      (
        [.delete("src/a"), .put("src/a", .file), .modify("src/b")],
        ["create src/a ×2", "modify src/b"]
      ),
      (
        [.delete("src/a"), .put("src/a", .file), .delete("src/a"), .modify("src/b")],
        ["delete src/a ×3", "modify src/b"]
      ),
      // A directory's end speaks for what was below it, and is kept when another follows.
      ([.modify("lib/deep/c"), .put("lib/d", .file), .delete("lib")], ["delete lib"]),
      (
        [.modify("src/a"), .delete("src"), .put("src", .directory), .put("src/n", .file)],
        ["delete src", "create src", "create src/n"]
      ),
      (
        [.delete("src"), .put("src", .file), .modify("src")],
        ["delete src", "create src ×2"]
      ),
      ([.put("d", .directory), .put("d/x", .file), .delete("d")], []),
      // Moves: gone and come.
      (
        [.modify("src/b"), .move("src/a", "src/z")],
        ["modify src/b", "delete src/a", "create src/z"]
      ),
      ([.put("t", .file), .modify("src/a"), .move("t", "u")], ["modify src/a", "create u"]),
      (
        [.put("t", .file), .modify("src/a"), .move("t", "src/b")], ["modify src/a", "create src/b"]
      ),
      ([.modify("src/a"), .move("src/a", "x"), .delete("x")], ["delete src/a ×2"]),
      (
        [.modify("src/a"), .exchange("src/a", "src/b")],
        ["create src/b ×2", "create src/a ×3"]
      ),
      // A directory's move: gone, and to be read again.
      (
        [.modify("src/a"), .modify("lib/deep/c"), .move("lib/deep", "deep")],
        ["modify src/a", "delete lib/deep", "reset moved-in w:deep"]
      ),
      (
        [.move("lib", "l"), .modify("l/deep/c"), .put("l/deep/d", .file), .modify("src/a")],
        ["delete lib", "reset moved-in w:l", "modify src/a"]
      ),
      (
        [.move("lib", "l"), .move("l", "m"), .modify("src/a")],
        ["delete lib", "reset moved-in w:m", "modify src/a"]
      ),
      (
        [.move("lib", "l"), .modify("src/a"), .delete("l")],
        ["delete lib", "modify src/a"]
      ),
      (
        [.modify("src/a"), .reset("src", .unwatchable), .modify("src/b")],
        ["reset unwatchable w:src"]
      ),
      (
        [.modify("src/a"), .reset("", .kernelOverflow), .modify("lib/deep/c")],
        ["reset kernel-overflow w:"]
      ),
    ] as [([Happening], [String])])
  func latest(happenings: [Happening], expected: [String]) throws {
    let world = makeWorld()
    let client = try behind(world)
    for happening in happenings { world.happen(happening) }
    world.publish()
    #expect(try client.drain().map(\.shortWithCount) == expected)
    #expect(client.lastPull == .caughtUp)
    world.put("afterwards", .file)
    world.publish()
    #expect(try client.drain().map(\.name) == ["change"])
  }

  @Test("is told of what it sees alone")
  func filtered() throws {
    let world = makeWorld()
    let client = try behind(world, paths: ["src/"])
    let creations = try behind(world, kinds: [.create])
    for happening in [
      .modify("src/a"), .put("lib/x", .file), .move("lib/deep", "src/deep"), .modify("src/b"),
      .move("src/b", "b"),
    ] as [Happening] {
      world.happen(happening)
    }
    world.publish()
    #expect(
      try client.drain().map(\.shortWithCount) == [
        "modify src/a", "reset moved-in w:src/deep", "delete src/b moved ×2",
      ])
    #expect(
      try creations.drain().map(\.shortWithCount) == [
        "create lib/x", "reset moved-in w:src/deep", "create b",
      ])
  }

  @Test("is told the end of what it was told of, however little it reads")
  func slowReader() throws {
    let world = makeWorld()
    let client = try behind(world)
    for name in ["x", "y", "z"] { world.put(name, .file) }
    world.publish()
    #expect(try client.pull(limit: 1).map(\.short) == ["create x"])
    world.delete("x")
    world.delete("y")
    world.publish()
    #expect(try client.drain().map(\.short) == ["create z", "delete x"])
  }

  @Test("resumes from any id that it was told without losing anything, whatever was kept")
  func idsAreSafe() throws {
    let world = makeWorld()
    let client = try behind(world)
    let start = world.hub.head
    // Whoever came back between the two would be told of the move and not of the modification.
    world.modify("lib/deep/c")
    world.modify("src/a")
    world.move("lib/deep", to: "deep")
    world.modify("src/b")
    world.publish()
    let events = try client.drain()
    #expect(events.map(\.id) == [nil, nil, start + 3, start + 4])
    #expect(events[2]["lostAfter"] as? String == "world-\(start)")
  }

  @Test("has its cursor before what it was not told")
  func cursor() throws {
    let world = makeWorld()
    let client = try behind(world)
    let start = world.hub.head
    for _ in 0..<3 { world.modify("src/a") }
    world.modify("src/b")
    world.publish()
    #expect(try client.pull(limit: 1).map(\.id) == [start + 3])
    let status = client.subscription.status(now: world.time)
    #expect(status.cursor.sequence == start + 3)
    #expect(status.lagRecords == 1)
    #expect(client.subscription.farewellCursor?.sequence == start + 3)
  }

  @Test("is kept what leaves the journal")
  func outlivesTheJournal() throws {
    let world = makeWorld(kept: 10)
    let client = try Client(world, overflow: .coalesce)
    try client.drain()
    for round in 0..<100 {
      world.modify("src/a")
      world.modify("src/b")
      if round == 50 { world.put("new", .file) }
      world.publish()
    }
    let events = try client.drain()
    #expect(events.contains { $0.shortWithCount == "create new" })
    #expect(!events.contains { $0.name == "reset" })
    let counts = events.map { $0["count"] as? Int ?? 1 }
    #expect(counts.reduce(0, +) == 201)
    #expect(events.count <= 13)
    #expect(events.last?.id == world.hub.head)
  }

  @Test("is told of directories when the paths are too many, and of the watch in the end")
  func gathers() throws {
    let world = makeWorld(paths: 20)
    let client = try behind(world)
    world.modify("src/a")
    for number in 0..<30 { world.put("lib/deep/\(number)", .file) }
    world.publish()
    let some = try client.drain()
    #expect(some.map(\.short) == ["modify src/a", "reset lagged w:lib/deep"])
    #expect(client.subscription.status(now: world.time).resets == 1)
    for number in 0..<30 { world.put("\(number)", .directory) }
    for number in 0..<30 { world.put("\(number)/x", .file) }
    world.publish()
    #expect(try client.drain().map(\.short) == ["reset lagged w:"])
    #expect(client.lastPull == .caughtUp)
  }

  @Test("costs no more than its bounds, whatever the names", arguments: [4, 200, 4_000])
  func bounds(length: Int) throws {
    let world = makeWorld(kept: 100)
    let client = try Client(world, overflow: .coalesce)
    try client.drain()
    for number in 0..<6_000 {
      let name = "\(number)"
      world.change(.create, "d\(number % 7)/" + name + String(repeating: "x", count: length))
      if number % 50 == 0 { world.publish() }
      #expect(client.subscription.coalescedCost.entries <= 4_096)
      #expect(client.subscription.coalescedCost.bytes <= 512 * 1024)
    }
    world.publish()
    let events = try client.drain()
    #expect(events.count <= 4_096 + 100)
    #expect(events.contains { $0.reason == "lagged" })
    #expect(client.subscription.coalescedCost.bytes == 0)
  }

  @Test("keeps four thousand paths apart")
  func fourThousand() throws {
    let world = makeWorld(kept: 1_000)
    let client = try Client(world, overflow: .coalesce)
    try client.drain()
    for _ in 0..<2 {
      for number in 0..<4_000 {
        world.change(.modify, "directory/of/files/\(number)")
        if number % 100 == 0 { world.publish() }
      }
    }
    world.publish()
    let events = try client.drain()
    #expect(events.allSatisfy { $0.kind == "modify" })
    #expect(Set(events.compactMap(\.path)).count == 4_000)
    let ids = events.compactMap(\.id)
    #expect(ids.count == events.count)
    #expect(zip(ids, ids.dropFirst()).allSatisfy(<))
  }

  @Test("is told a reset when so many are behind that to keep all would hold up the others")
  func tooManyBehind() throws {
    let world = makeWorld(kept: 1_000)
    let clients = try (0..<8).map { _ in try Client(world, overflow: .coalesce) }
    for client in clients { try client.drain() }
    for number in 0..<50_000 {
      world.change(.modify, "file\(number % 10)")
      if number % 500 == 499 {
        world.time += 10_000_000
        world.publish()
      }
    }
    var told = 0
    for client in clients {
      let events = try client.drain()
      #expect(events.last?.id == world.hub.head)
      if events.contains(where: { $0.reason == "lagged" }) {
        #expect(events.map(\.short) == ["reset lagged w:"])
        told += 1
      } else {
        let counts = events.map { $0["count"] as? Int ?? 1 }
        #expect(counts.reduce(0, +) == 50_000)
      }
    }
    #expect((1...7).contains(told))
  }
}
