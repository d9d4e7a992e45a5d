import Fanout
import FileEvents
import Testing

@Suite("A filter")
struct FilterTests {
  private func makeWorld() -> World {
    let world = World()
    world.setState(.live, of: 1, id: "w")
    for directory in ["src", "src/deep", "lib", "pack"] { world.put(directory, .directory) }
    for file in ["src/a.css", "src/a.txt", "src/deep/b.css", "lib/c.css"] { world.put(file, .file) }
    world.publish()
    return world
  }

  @Test(
    "sees what section 2 of the contract says",
    arguments: [
      // A directory's create, delete and move when something below could match.
      (["src/"], .put("src/new", .directory), ["create src/new"]),
      (["src/"], .put("new", .directory), []),
      (["src/x/y/"], .put("src/x", .directory), ["create src/x"]),
      (["**/*.css"], .put("new", .directory), ["create new"]),
      (["*.css"], .put("new", .directory), []),
      (["**/*.css"], .put("new.txt", .file), []),
      (["src/a.txt"], .delete("src"), ["delete src"]),
      (["lib/"], .delete("src"), []),
      (["**/*.css"], .delete("src/deep"), ["delete src/deep"]),
      // What happens to the directory itself is another matter.
      (["src/"], .modify("src/a.css"), ["modify src/a.css"]),
      (["src/"], .modify("lib/c.css"), []),
      (["**/*.css"], .modify("src/a.txt"), []),
      // Moves of files across the border.
      (["src/"], .move("src/a.css", "src/z.css"), ["move src/z.css <- src/a.css"]),
      (["src/"], .move("src/a.css", "lib/z.css"), ["delete src/a.css moved"]),
      (["src/"], .move("lib/c.css", "src/z.css"), ["create src/z.css moved"]),
      (["src/"], .move("lib/c.css", "lib/z.css"), []),
      (
        ["src/"], .move("lib/c.css", "src/a.css"),
        ["delete src/a.css", "create src/a.css moved"]
      ),
      (["src/"], .move("src/a.css", "src/a.txt"), ["move src/a.txt <- src/a.css replaced"]),
      (["**/*.css"], .move("src/a.css", "src/b.txt"), ["delete src/a.css moved"]),
      (["**/*.css"], .move("src/a.txt", "src/z.css"), ["create src/z.css moved"]),
      // Moves of directories.
      (["src/"], .move("src/deep", "src/shallow"), ["move src/shallow <- src/deep"]),
      (["src/"], .move("src/deep", "lib/deep"), ["delete src/deep moved"]),
      (
        ["src/"], .move("lib", "src/lib"),
        ["create src/lib moved", "reset moved-in w:src/lib"]
      ),
      (["**/*.css"], .move("lib", "src/lib"), ["move src/lib <- lib"]),
      (["**/*.css"], .move("src", "source"), ["move source <- src"]),
      (["src/deep/"], .move("lib", "source"), []),
      (
        ["src/x/", "lib/"], .move("lib", "src/x"),
        ["move src/x <- lib"]
      ),
      (
        ["lib/", "src/deep/"], .move("src", "lib/src"),
        ["delete src", "create lib/src", "reset moved-in w:lib/src"]
      ),
      // Exchanges.
      (
        ["src/"], .exchange("src/a.css", "src/a.txt"),
        ["move src/a.txt <- src/a.css exchange"]
      ),
      (
        ["src/"], .exchange("src/a.css", "lib/c.css"),
        ["delete src/a.css moved", "create src/a.css moved"]
      ),
      (
        ["src/"], .exchange("lib/c.css", "src/deep"),
        ["delete src/deep moved", "create src/deep moved"]
      ),
      (
        ["src/"], .exchange("lib", "src/a.txt"),
        ["delete src/a.txt moved", "create src/a.txt moved", "reset moved-in w:src/a.txt"]
      ),
      (["src/"], .exchange("lib", "pack"), []),
      // Resets of the journal, narrowed.
      (["src/"], .reset("", .kernelOverflow), ["reset kernel-overflow w:src"]),
      (["src/"], .reset("src/deep", .unwatchable), ["reset unwatchable w:src/deep"]),
      (["src/"], .reset("lib", .unwatchable), []),
      (["src/", "**/*.css"], .reset("lib", .unmounted), ["reset unmounted w:lib"]),
    ] as [([String], Happening, [String])])
  func contract(paths: [String], happening: Happening, expected: [String]) throws {
    let world = makeWorld()
    let client = try Client(world, paths: paths)
    try client.drain()
    world.happen(happening)
    world.publish()
    let events = try client.drain()
    #expect(events.map(\.short) == expected)
    // Of several events made from one change only the last carries its id.
    #expect(
      events.map(\.id) == events.indices.map { $0 == events.count - 1 ? world.hub.head : nil })
  }

  @Test(
    "with ignores sees nothing of what they hide",
    arguments: [
      (.put("src/deep/x", .file), []), (.delete("src/deep"), []),
      (.move("src/deep", "deeper"), ["create deeper moved", "reset moved-in w:deeper"]),
      (.move("lib", "src/deep/lib"), ["delete lib moved"]),
      (.modify("src/a.txt"), []), (.modify("src/a.css"), ["modify src/a.css"]),
    ] as [(Happening, [String])])
  func ignores(happening: Happening, expected: [String]) throws {
    let world = makeWorld()
    let client = try Client(world, ignores: ["src/deep", "**/*.txt"])
    try client.drain()
    world.happen(happening)
    world.publish()
    #expect(try client.drain().map(\.short) == expected)
  }

  @Test(
    "of kinds gives those kinds, a move without move as delete and create",
    arguments: [
      ([.create, .delete], .move("src/a.css", "b"), ["delete src/a.css", "create b"]),
      (
        [.create, .delete], .move("src", "b"), ["delete src", "create b", "reset moved-in w:b"]
      ),
      ([.delete], .move("src", "b"), ["delete src"]),
      ([.create], .move("src/a.css", "b"), ["create b"]),
      ([.modify], .move("src", "b"), []),
      ([.move], .move("src", "b"), ["move b <- src"]),
      ([.move], .delete("src"), []),
      (
        [.create, .delete], .exchange("src/a.css", "lib"),
        [
          "delete src/a.css", "delete lib", "create lib", "create src/a.css",
          "reset moved-in w:src/a.css",
        ]
      ),
      ([.modify], .modify("src/a.css"), ["modify src/a.css"]),
      ([.create], .modify("src/a.css"), []),
    ] as [(ChangeKinds, Happening, [String])])
  func kinds(kinds: ChangeKinds, happening: Happening, expected: [String]) throws {
    let world = makeWorld()
    let client = try Client(world, kinds: kinds)
    try client.drain()
    world.happen(happening)
    world.publish()
    #expect(try client.drain().map(\.short) == expected)
  }

  @Test("a loss that is told by changes is a reset only for who asked for what no listing shows")
  func resetBesideRescan() throws {
    let world = makeWorld()
    let plain = try Client(world, kinds: .standard)
    let raw = try Client(world, kinds: [.open, .modify])
    try plain.drain()
    try raw.drain()
    world.reset("", .kernelOverflow, flags: .rescan)
    world.publish()
    #expect(try plain.drain().map(\.short) == [])
    #expect(try raw.drain().map(\.short) == ["reset kernel-overflow w:"])
  }

  @Test("of watches follows them by id, also one that comes later")
  func watches() throws {
    let world = makeWorld()
    let client = try Client(world, watches: ["later"])
    #expect(try client.drain().map(\.short) == ["hello", "watch later unknown"])
    world.modify("src/a.css")
    world.publish()
    #expect(try client.drain().map(\.short) == [])
    world.setState(.crawling, of: 2, id: "later")
    world.setState(.live, of: 2)
    world.put("x", .file, in: 2)
    world.publish()
    #expect(
      try client.drain().map(\.short) == ["watch later crawling", "watch later live", "create x"])
    world.setState(.removed, of: 2)
    world.setState(.live, of: 3, id: "later")
    world.put("y", .file, in: 3)
    world.publish()
    #expect(
      try client.drain().map(\.short) == ["watch later removed", "watch later live", "create y"])
  }

  @Test("finds by index what a look at every filter finds", arguments: 0..<20)
  func indexAgainstBruteForce(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    let world = World()
    world.setState(.live, of: 1, id: "one")
    world.setState(.live, of: 2, id: "two")
    world.publish()
    let parts = ["a", "b", "src", "x.css", "*.css", "**", "?", "{a,src}"]
    var clients: [(Client, TestSelection)] = []
    for _ in 0..<150 {
      func pattern() -> String {
        let depth = Int.random(in: 1...3, using: &random)
        let text = (0..<depth).map { _ in parts.randomElement(using: &random)! }
        return text.joined(separator: "/") + (random.chance(40) ? "/" : "")
      }
      let paths = (0..<Int.random(in: 0...2, using: &random)).map { _ in pattern() }
      let ignores = random.chance(20) ? [pattern()] : []
      let watches = [[], ["one"], ["two"]].randomElement(using: &random)!
      let kinds: ChangeKinds = random.chance(30) ? [.create, .modify] : .all
      let client = try Client(
        world, watches: watches, paths: paths, ignores: ignores, kinds: kinds)
      try client.drain()
      let filter = try PathFilter(paths: paths, ignores: ignores)
      clients.append((client, TestSelection(watches: watches, filter: filter, kinds: kinds)))
    }
    for _ in 0..<150 {
      let before = world.history.count
      world.happen(&random)
      if random.chance(5) { world.reset("src", .unwatchable) }
      world.publish()
      for (client, selection) in clients {
        let seen = world.history[before...].contains {
          selection.sees($0.record, $0.bytes, world)
        }
        #expect(client.isReady == seen, "seed \(seed): \(selection)")
        if client.isReady {
          let events = try client.drain()
          #expect(!events.isEmpty)
        }
      }
    }
  }

  @Test("of one among ten thousand directories costs a change no more than if it were alone")
  func tenThousandDirectories() throws {
    let world = World()
    world.setState(.live, of: 1, id: "w")
    for number in 0..<10_000 {
      world.watches[1]!.nodes["d/\(number)"] = Node(type: .directory, version: 0)
    }
    world.publish()
    var clients: [Client] = []
    for number in 0..<10_000 {
      let client = try Client(world, watches: number % 2 == 0 ? [] : ["w"], paths: ["d/\(number)/"])
      try client.pull()
      clients.append(client)
    }
    #expect(world.hub.statistics.groups == 10_000)
    let before = world.hub.statistics.counters
    world.put("d/77/new", .file)
    world.put("d/78/deep", .directory)
    world.put("elsewhere", .file)
    world.publish()
    let after = world.hub.statistics.counters
    #expect(after.candidatesExamined - before.candidatesExamined == 2)
    let ready = clients.indices.filter { clients[$0].isReady }
    #expect(ready == [77, 78])
    #expect(try clients[77].drain().map(\.short) == ["create d/77/new"])
    // The directory above them all concerns them all.
    world.delete("d")
    world.publish()
    #expect(clients.count { $0.isReady } == 10_000)
  }
}
