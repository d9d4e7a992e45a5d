import EventFormats
import Fanout
import FileEvents
import Testing

@Suite("What exists, then what changes")
struct ListingTests {
  private func makeWorld(kept: UInt64 = 1 << 40) -> World {
    let world = World(kept: kept)
    world.setState(.live, of: 1, id: "w")
    for directory in ["src", "src/deep", "lib"] { world.put(directory, .directory) }
    for file in ["src/a.css", "src/deep/b.txt", "lib/c.css"] { world.put(file, .file) }
    world.publish()
    return world
  }

  @Test("is the entries, parents first, then synced, and no id before that")
  func listing() throws {
    let world = makeWorld()
    let client = try Client(world, initial: true)
    let events = try client.drain(limit: 100)
    #expect(
      events.map(\.short) == [
        "hello", "entry lib", "entry lib/c.css", "entry src", "entry src/a.css", "entry src/deep",
        "entry src/deep/b.txt", "synced",
      ])
    #expect(events.map(\.cursor) == Array(repeating: nil, count: 7) + ["world-7"])
    world.put("new", .file)
    world.publish()
    #expect(try client.drain().map(\.id) == [8])
  }

  @Test(
    "lists what the filter sees, from the literal beginnings of its paths",
    arguments: [
      (["src/deep/"], [], ["src", "src/deep", "src/deep/b.txt"], ["src 1", "src/deep 512"]),
      (["src/a.css"], [], ["src", "src/a.css"], ["src 1", "src/a.css 1"]),
      (["src/x/"], [], ["src"], ["src 1", "src/x 512"]),
      (
        ["**/*.css"], [], ["lib", "lib/c.css", "src", "src/a.css", "src/deep"], [" 512"]
      ),
      ([], ["src/"], ["lib", "lib/c.css", "src"], [" 512"]),
    ] as [([String], [String], [String], [String])])
  func filtered(paths: [String], ignores: [String], listed: [String], asked: [String]) throws {
    let world = makeWorld()
    let client = try Client(world, paths: paths, ignores: ignores, initial: true)
    var requests: [String] = []
    try client.pull()
    while let request = client.requests.first {
      requests.append("\(String(decoding: request.path, as: UTF8.self)) \(request.limit)")
      client.answerRequest()
      try client.pull()
    }
    #expect(client.events.filter { $0.name == "entry" }.map { $0.path! } == listed)
    #expect(client.events.last?.name == "synced")
    #expect(requests == asked)
  }

  @Test("waits while a watch crawls, and lists it when it is live")
  func crawling() throws {
    let world = makeWorld()
    world.setState(.crawling, of: 2, id: "later")
    world.publish()
    let client = try Client(world, watches: ["later"], initial: true)
    #expect(try client.drain().map(\.short) == ["hello"])
    #expect(client.lastPull == .waiting)
    #expect(client.requests.isEmpty)
    world.watches[2]!.nodes["x"] = Node(type: .file, version: 1)
    world.setState(.live, of: 2)
    world.publish()
    #expect(client.isReady)
    #expect(try client.drain().map(\.short) == ["entry x", "synced"])
  }

  @Test("asks again when the watch had not ended its crawl after all")
  func stillCrawling() throws {
    let world = makeWorld()
    let client = try Client(world, initial: true)
    try client.pull()
    client.subscription.receive(.failure(.crawling))
    #expect(try client.pull().map(\.short) == [])
    #expect(client.lastPull == .waiting)
    world.setState(.live, of: 1)
    world.publish()
    #expect(client.isReady)
    try client.pull()
    #expect(client.requests.count == 2)
  }

  @Test("knows the watches that were published before it, though their batch is on its way")
  func ringBehind() throws {
    let world = World()
    world.setState(.live, of: 1, id: "w")
    world.put("a", .file)
    world.stamp()
    let client = try Client(world, initial: true)
    #expect(try client.drain().map(\.short) == ["hello"])
    world.deliver()
    #expect(client.isReady)
    #expect(try client.drain().map(\.short) == ["entry a", "synced"])
  }

  @Test("ends at once where there is nothing to list")
  func nothing() throws {
    let world = World()
    world.setState(.failed, of: 1, id: "w")
    world.publish()
    #expect(try Client(world, initial: true).drain().map(\.short) == ["hello", "synced"])
    #expect(
      try Client(world, watches: ["none"], initial: true).drain().map(\.short)
        == ["hello", "watch none unknown", "synced"])
  }

  @Test("sends what changed meanwhile before synced, a directory's move as gone, come and listed")
  func catchUp() throws {
    let world = makeWorld()
    let client = try Client(world, initial: true)
    try client.pull()
    client.answerRequest()
    // The page shows the state before these.
    world.modify("lib/c.css")
    world.move("src/deep", to: "lib/deep")
    world.put("lib/deep/later", .file)
    world.move("src/a.css", to: "a.css")
    world.publish()
    let events = try client.drain()
    #expect(
      events.map(\.short).filter { !$0.hasPrefix("entry s") && !$0.hasPrefix("entry lib/c") } == [
        "entry lib", "modify lib/c.css", "delete src/deep", "create lib/deep", "entry lib/deep",
        "entry lib/deep/b.txt", "entry lib/deep/later", "create lib/deep/later",
        "move a.css <- src/a.css", "synced",
      ])
    #expect(events.dropLast().allSatisfy { $0.cursor == nil })
    #expect(events.last?.id == world.hub.head)
  }

  @Test("skips the changes a page has already shown")
  func alreadyShown() throws {
    let world = makeWorld()
    let client = try Client(world, initial: true)
    try client.pull()
    world.delete("lib/c.css")
    world.put("lib/new", .file)
    client.answerRequest()  // publishes what is pending, then shows it
    world.deliver()
    #expect(
      try client.drain().map(\.short) == [
        "entry lib", "entry lib/new", "entry src", "entry src/a.css", "entry src/deep",
        "entry src/deep/b.txt", "synced",
      ])
  }

  @Test("begins a watch again when a directory moved between its pages, with longer pages")
  func changed() throws {
    let world = World()
    world.setState(.live, of: 1, id: "w")
    world.watches[1]!.nodes = Dictionary(
      uniqueKeysWithValues: (0..<600).map { ("f\($0)", Node(type: .file, version: 1)) })
    world.put("directory", .directory)
    world.publish()
    let client = try Client(world, initial: true)
    try client.pull()
    client.answerRequest()
    #expect(try client.pull().count == 512)
    world.move("directory", to: "moved")
    client.answerRequest()
    world.deliver()
    let events = try client.drain()
    #expect(events.first?.short == "reset lagged w:")
    #expect(events.first?.cursor == nil)
    #expect(events.count == 1 + 601 + 1)
    #expect(client.subscription.status(now: 0).resets == 1)
  }

  @Test("that outlives the journal begins again, with a reset")
  func outlived() throws {
    let world = makeWorld(kept: 20)
    let client = try Client(world, initial: true)
    try client.pull()
    client.answerRequest()
    #expect(try client.pull(limit: 100).map(\.short) == ["entry lib", "entry lib/c.css"])
    for number in 0..<30 { world.put("n\(number)", .file) }
    world.publish()
    let events = try client.drain()
    #expect(events.first?.short == "reset history w:")
    #expect(events.count { $0.name == "entry" } == 36)
    #expect(events.last?.name == "synced")
  }

  /// Seed 251 of the model: a listing that was empty had already told of changes.
  @Test("that outlives the journal while it catches up takes back the changes it told")
  func outlivedCatchingUp() throws {
    let world = World(kept: 20)
    world.setState(.live, of: 1, id: "w")
    world.publish()
    let client = try Client(world, initial: true)
    try client.pull()
    client.answerRequest()
    world.put("a", .directory)
    world.move("a", to: "b")
    world.publish()
    #expect(try client.pull().map(\.short) == ["create a", "delete a", "create b"])
    world.delete("b")
    for number in 0..<30 { world.put("n\(number)", .file) }
    world.publish()
    client.answerRequest()
    let events = try client.drain()
    #expect(events.first?.short == "reset history w:")
    #expect(events.count { $0.name == "entry" } == 30)
  }

  @Test("does not take an answer for one that was forgotten")
  func staleAnswer() throws {
    let world = makeWorld(kept: 20)
    let client = try Client(world, initial: true)
    try client.pull()
    let late = world.answer(client.requests[0])
    for number in 0..<30 { world.put("n\(number)", .file) }
    world.publish()
    try client.pull()
    client.subscription.receive(late)
    try client.pull()
    #expect(client.requests.count == 2)
    #expect(client.events.map(\.short) == ["hello"])
  }

  @Test("is not said again to an EventSource that comes back with a cursor")
  func comesBack() throws {
    let world = makeWorld(kept: 10)
    world.put("new", .file)
    world.publish()
    let cursor = Cursor(epoch: world.epoch, sequence: 7)
    #expect(
      try Client(world, start: .cursor(cursor), initial: true).drain().map(\.short)
        == ["hello", "create new", "synced"])
    for number in 0..<30 { world.put("n\(number)", .file) }
    world.publish()
    let events = try Client(world, start: .cursor(cursor), initial: true).drain()
    #expect(events.prefix(3).map(\.short) == ["hello", "reset history w:", "entry lib"])
    #expect(events.dropLast().allSatisfy { $0.cursor == nil })
  }

  @Test("goes on without a watch that goes away meanwhile")
  func removedMeanwhile() throws {
    let world = makeWorld()
    world.setState(.live, of: 2, id: "x")
    world.put("b", .file, in: 2)
    world.publish()
    let client = try Client(world, initial: true)
    try client.pull()
    world.setState(.removed, of: 1)
    world.publish()
    client.answerRequest()
    #expect(try client.drain().map(\.short) == ["entry b", "watch w removed", "synced"])
  }
}
