import EventFormats
import Fanout
import FileEvents
import Foundation
import Testing

/// A client that reads, stalls, is cut off and comes back, and what it makes of the events.
private final class Follower {
  let world: World
  let paths: [String]
  let ignores: [String]
  let kinds: ChangeKinds?
  let watches: [String]
  let isInitial: Bool
  let overflow: OverflowPolicy
  let maxLag: Int?
  let filter: PathFilter
  let writesBroadcasts: Bool
  let takesBroadcasts: Bool
  var client: Client
  var picture = Picture()
  var isSynced = false
  /// The latest cursor it saw.
  var last: UInt64?
  private var cameBackAt: UInt64?
  /// Whether it has been at the head since it came.
  private var wasCaughtUp = false
  private var ledger = Ledger()
  var failures: [String] = []

  init(_ world: World, _ random: inout SeededRandom) throws {
    self.world = world
    paths =
      [
        [], ["src/"], ["**/*.css"], ["a/", "b/src/"], ["*.css"], ["src/a"],
        ["{a,b}/**/*.{css,txt}"],
      ]
      .randomElement(using: &random)!
    ignores = [[], [], ["**/b"], ["*.txt"]].randomElement(using: &random)!
    kinds =
      [nil, nil, .standard, [.create, .delete, .modify]].randomElement(using: &random)!
    watches = [[], [], ["one"], ["two", "one"]].randomElement(using: &random)!
    isInitial = random.chance(60)
    overflow = [.reset, .coalesce, .coalesce, .close].randomElement(using: &random)!
    maxLag = [nil, nil, 5, 40].randomElement(using: &random)!
    filter = try PathFilter(paths: paths, ignores: ignores)
    writesBroadcasts = random.chance(50)
    takesBroadcasts = random.chance(50)
    client = try Client(
      world, watches: watches, paths: paths, ignores: ignores, kinds: kinds, initial: isInitial,
      overflow: overflow, maxLag: maxLag)
    if writesBroadcasts { client.writesBroadcasts() }
    client.takesBroadcasts = takesBroadcasts
    if !isInitial {
      picture.entries = expected()
      isSynced = true
      ledger.begin(at: world.hub.head)
    }
  }

  var summary: String {
    "paths \(paths) ignores \(ignores) kinds \(String(describing: kinds)) watches \(watches) initial \(isInitial) \(overflow) maxLag \(String(describing: maxLag))"
  }

  /// What the filter sees of the trees.
  func expected() -> [String: Node] {
    var nodes: [String: Node] = [:]
    for watch in world.watches.values where watches.isEmpty || watches.contains(watch.id) {
      for (path, node) in watch.nodes {
        let isSeen = filter.sees(path.utf8.span, mayBeDirectory: node.type == .directory)
        if isSeen { nodes["\(watch.id):\(path)"] = node }
      }
    }
    return nodes
  }

  func read(_ random: inout SeededRandom) throws {
    let limit = [1, 300, 3_000, 100_000].randomElement(using: &random)!
    let new = try client.pull(limit: limit)
    let cost = client.subscription.coalescedCost
    if cost.entries > world.hub.coalescingLimits.paths { failures.append("\(cost) is kept") }
    // A cut connection loses the end of what was written to it.
    let isCut = random.chance(4)
    let arrived = isCut ? new.prefix(Int.random(in: 0...new.count, using: &random)) : new[...]
    for event in arrived { take(event) }
    if client.lastPull == .caughtUp { wasCaughtUp = true }
    if case .close? = client.lastPull {
      if !isCut, arrived.last?.name != "bye" { failures.append("closed without bye") }
      try comeBack()
    } else if isCut {
      try comeBack()
    }
  }

  func answer() { client.answerRequest() }

  private func comeBack() throws {
    client.close()
    // Closed again where it came back: the backlog is more than it allows itself, so it starts anew.
    if case .close? = client.lastPull, last == cameBackAt {
      last = nil
      isSynced = !isInitial
    }
    cameBackAt = last
    if isInitial, !isSynced {
      picture = Picture()
      last = nil
    }
    wasCaughtUp = false
    if last == nil { world.deliver() }
    let start = last.map {
      SubscriptionRequest.Start.cursor(Cursor(epoch: world.epoch, sequence: $0))
    }
    client = try Client(
      world, watches: watches, paths: paths, ignores: ignores, kinds: kinds, start: start ?? .now,
      initial: isInitial, overflow: overflow, maxLag: maxLag)
    if writesBroadcasts { client.writesBroadcasts() }
    client.takesBroadcasts = takesBroadcasts
    guard last == nil, !isInitial else { return }
    picture = Picture()
    picture.entries = expected()
    picture.doubts = []
    picture.ways = []
    ledger.begin(at: world.hub.head)
  }

  private func take(_ event: Event) {
    if event.name == "hello", event["resumed"] as? Bool == false, isInitial {
      // A listing follows: what was known is told anew.
      picture = Picture()
      isSynced = false
      last = nil
    }
    if let id = event.id {
      if !isSynced, event.name != "synced", isInitial {
        failures.append("an id before synced: \(event)")
      }
      let isNew = event.name == "change" || event.name == "reset"
      if let last, id < last || (isNew && id == last) {
        failures.append("id \(id) after \(last): \(event)")
      }
      if event.name == "reset", event.reason == "lagged" { check(lagged: event, upTo: id) }
      last = id
    }
    if event.name == "synced" {
      if !isSynced { ledger.begin(at: event.id!) }
      isSynced = true
    }
    if let failure = ledger.take(event, world) { failures.append(failure) }
    picture.apply(event)
  }

  /// A reset must not be said to a client that missed nothing. (Of one that came back nobody can say
  /// what it missed once that has left the journal.)
  private func check(lagged event: Event, upTo id: UInt64) {
    guard let after = last, let lostAfter = Cursor(event["lostAfter"] as! String) else { return }
    if lostAfter.sequence < after { failures.append("lostAfter before what was told: \(event)") }
    let selection = selection()
    let missed = world.history[Int(lostAfter.sequence)..<Int(id)].contains {
      selection.sees($0.record, $0.bytes, world)
    }
    if !missed, wasCaughtUp { failures.append("a reset for nothing: \(event)") }
  }

  private func selection() -> TestSelection {
    TestSelection(watches: watches, filter: filter, kinds: kinds ?? .all)
  }

  /// Everything was read: outside its doubts the client knows the trees. Then it reads its doubts
  /// again.
  func compare() {
    failures += ledger.missing(world, selection(), overflow)
    ledger.begin(anewAt: world.hub.head)
    let expected = expected()
    for key in Set(expected.keys).union(picture.entries.keys) {
      if picture.isDoubtful(key) || picture.ways.contains(key) { continue }
      var known = picture.entries[key]
      // A change need not say the size: then it is not known.
      if known?.type == .file, known?.version == 0 { known?.version = expected[key]?.version ?? 0 }
      if expected[key] != known {
        failures.append(
          "\(key) is \(String(describing: expected[key])), known as \(String(describing: picture.entries[key]))"
        )
      }
    }
    picture.entries = expected
    picture.doubts = []
    picture.ways = []
  }
}

/// Each takes some 30 ms; TIDINGS_SEEDS asks for more.
private let seeds =
  ProcessInfo.processInfo.environment["TIDINGS_SEEDS"].flatMap { Int($0) } ?? 150

@Suite("The promise")
struct ModelTests {
  @Test(
    "every change arrives in order or is covered by a reset, for clients that stall, are cut and come back",
    arguments: 0..<seeds)
  func promise(seed: Int) throws {
    var random = SeededRandom(seed: UInt64(seed))
    var limits = CoalescingLimits()
    limits.paths = [6, 20, 4_096].randomElement(using: &random)!
    let kept: UInt64 = [15, 60, 1 << 40].randomElement(using: &random)!
    let world = World(kept: kept, coalescing: limits)
    world.wakesLate = random.chance(50)
    world.pageDivisor = [1, 64, 256].randomElement(using: &random)!
    world.setState(.live, of: 1, id: "one")
    world.setState(.live, of: 2, id: "two")
    world.publish()
    for _ in 0..<20 { world.happen(&random) }
    world.publish()
    var followers: [Follower] = []
    for _ in 0..<6 { followers.append(try Follower(world, &random)) }
    for round in 0..<4 {
      for _ in 0..<120 {
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4:
          for _ in 0..<Int.random(in: 1...6, using: &random) { world.happen(&random) }
          world.stamp()
        case 4..<6:
          world.deliver()
          _ = world.hub.wake(Int.random(in: 0...4, using: &random))
        case 6..<7: followers.randomElement(using: &random)!.answer()
        default: try followers.randomElement(using: &random)!.read(&random)
        }
      }
      world.publish()
      try settle(world, followers, &random)
      for follower in followers {
        follower.compare()
        #expect(follower.isSynced)
        #expect(follower.failures.isEmpty, "seed \(seed), round \(round): \(follower.summary)")
      }
      if followers.contains(where: { !$0.failures.isEmpty }) { return }
    }
  }

  /// Nothing happens any more: everybody reads to the end.
  private func settle(
    _ world: World, _ followers: [Follower], _ random: inout SeededRandom
  ) throws {
    for follower in followers {
      for turn in 0... {
        try #require(turn < 5_000, "\(follower.summary) does not come to an end")
        try follower.read(&random)
        if follower.client.lastPull == .caughtUp, !follower.client.isReady { break }
        if follower.client.lastPull == .waiting {
          follower.answer()
          world.deliver()
        }
      }
    }
  }
}
