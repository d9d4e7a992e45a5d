import Fanout
import FileEvents
import Synchronization

/// A random source with a seed, so that a failure can be run again (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

struct Node: Equatable {
  var type: FileType
  /// Sent as `size`: tells whether the latest modification arrived.
  var version: UInt64
}

/// The tree thread's side of the fan-out, without disk and kernel: trees of nodes, the changes they
/// go through, a journal bounded by records, and listings.
final class World {
  final class Published: Sendable {
    let head = Atomic<UInt64>(0)
  }

  struct Watch {
    var id: String
    var state = WatchState.live
    var nodes: [String: Node] = [:]
    var directoryMoves = 0
  }

  let epoch = Epoch(text: "world")
  let published = Published()
  let hub: Hub
  /// Records the journal keeps.
  var kept: UInt64
  /// Whether who has something to see is made ready later, as the test says, instead of at once.
  var wakesLate = false
  /// A page holds so many times fewer entries than it may.
  var pageDivisor = 1
  var watches: [UInt32: Watch] = [:]
  /// Every record there ever was; record `i` has the number `i + 1`.
  var history: [(record: JournalRecord, bytes: [UInt8])] = []
  private(set) var timeline = Timeline()
  private var records: [JournalRecord] = []
  private var bytes: [UInt8] = []
  /// Stamped batches on their way to the hub.
  private var mailbox: [ChangeBatch] = []
  var time: Int64 = 1_000_000_000_000_000_000
  private var lastVersion: UInt64 = 0

  init(kept: UInt64 = 1 << 40, coalescing limits: CoalescingLimits = CoalescingLimits()) {
    self.kept = kept
    let published = published
    hub = Hub(epoch: epoch, coalescing: limits) { published.head.load(ordering: .relaxed) }
  }

  // Records

  func add(_ record: JournalRecord, path: String, from: String = "") {
    var record = record
    record.time = time
    record.pathStart = UInt32(bytes.count)
    bytes += Array(path.utf8)
    record.pathEnd = UInt32(bytes.count)
    record.fromStart = record.pathEnd
    bytes += Array(from.utf8)
    record.fromEnd = UInt32(bytes.count)
    records.append(record)
  }

  func change(
    _ kind: ChangeKind, _ path: String, from: String = "", in watch: UInt32 = 1,
    type: FileType = .file, flags: ChangeFlags = []
  ) {
    var record = JournalRecord(subject: .change, watch: watch, time: time)
    record.kind = kind
    record.type = type
    if flags.contains(.exchange) { record.fromType = watches[watch]!.nodes[from]!.type }
    record.flags = flags
    if let node = watches[watch]?.nodes[path], node.type == .file {
      record.flags.insert(.indexed)
      record.size = node.version
    }
    add(record, path: path, from: from)
  }

  func reset(
    _ path: String, _ reason: ResetReason, in watch: UInt32 = 1, flags: ChangeFlags = []
  ) {
    var record = JournalRecord(subject: .reset, watch: watch, time: time)
    record.reason = reason
    record.flags = flags
    add(record, path: path)
  }

  func setState(_ state: WatchState, of watch: UInt32, id: String? = nil) {
    if let id { watches[watch] = Watch(id: id) }
    watches[watch]!.state = state
    var record = JournalRecord(subject: .watch, watch: watch, time: time)
    record.state = state
    add(record, path: watches[watch]!.id)
  }

  /// Stamps what was added as one batch and posts it.
  func stamp() {
    let head = published.head.load(ordering: .relaxed)
    guard !records.isEmpty else { return }
    let end = head + UInt64(records.count)
    let oldest = end > kept ? end - kept + 1 : 1
    mailbox.append(ChangeBatch(first: head + 1, oldest: oldest, records: records, bytes: bytes))
    for record in records {
      history.append((record, bytes))
      timeline.add(record, bytes, watches[record.watch]!.id, UInt64(history.count))
    }
    published.head.store(end, ordering: .relaxed)
    records = []
    bytes = []
  }

  /// Hands the hub every batch that is on its way.
  func deliver() {
    for batch in mailbox { hub.publish(batch) }
    mailbox = []
    if !wakesLate { hub.wakeAll() }
  }

  /// Stamps and delivers.
  func publish() {
    stamp()
    deliver()
  }

  // Listings

  /// Parents precede children. The token holds the number of directory moves it was made at.
  func answer(_ request: ListingRequest) -> Result<ListingPage, ListingError> {
    guard let watch = watches[request.watch] else { return .failure(.noSuchWatch) }
    if watch.state == .starting || watch.state == .crawling { return .failure(.crawling) }
    if watch.state == .removed { return .failure(.noSuchWatch) }
    stamp()
    let root = String(decoding: request.path, as: UTF8.self)
    guard root.isEmpty || watch.nodes[root] != nil else { return .failure(.noSuchPath) }
    var after = ""
    if let token = request.after {
      let parts = String(decoding: token, as: UTF8.self).split(separator: "|")
      guard Int(parts[0]) == watch.directoryMoves else { return .failure(.changed) }
      after = String(parts[1])
    }
    let all = watch.nodes.keys.filter { isAtOrBelow($0, root) && $0 > after }.sorted()
    let listed = all.prefix(max(1, request.limit / pageDivisor))
    var page = ListingPage(
      records: [], bytes: [], next: nil, sequence: published.head.load(ordering: .relaxed))
    for path in listed {
      let node = watch.nodes[path]!
      var record = JournalRecord(subject: .change, watch: request.watch, time: 0)
      record.type = node.type
      if node.type == .file {
        record.flags = .indexed
        record.size = node.version
      }
      record.pathStart = UInt32(page.bytes.count)
      page.bytes += Array(path.utf8)
      record.pathEnd = UInt32(page.bytes.count)
      page.records.append(record)
    }
    if listed.count < all.count {
      page.next = Array("\(watch.directoryMoves)|\(listed.last!)".utf8)
    }
    return .success(page)
  }

  // Things that happen

  func put(_ path: String, _ type: FileType, in watch: UInt32 = 1, flags: ChangeFlags = []) {
    lastVersion += 1
    watches[watch]!.nodes[path] = Node(type: type, version: type == .file ? lastVersion : 0)
    change(.create, path, in: watch, type: type, flags: flags)
  }

  func modify(_ path: String, in watch: UInt32 = 1, flags: ChangeFlags = []) {
    lastVersion += 1
    watches[watch]!.nodes[path]!.version = lastVersion
    change(.modify, path, in: watch, flags: flags)
  }

  func delete(_ path: String, in watch: UInt32 = 1, flags: ChangeFlags = []) {
    let type = watches[watch]!.nodes[path]?.type ?? .directory
    _ = take(path, in: watch)
    change(.delete, path, in: watch, type: type, flags: flags)
  }

  func move(_ from: String, to path: String, in watch: UInt32 = 1) {
    let replaced: ChangeFlags = watches[watch]!.nodes[path] == nil ? [] : .replaced
    let type = watches[watch]!.nodes[from]!.type
    if type == .directory { watches[watch]!.directoryMoves += 1 }
    _ = take(path, in: watch)
    give(take(from, in: watch), from, path, in: watch)
    change(.move, path, from: from, in: watch, type: type, flags: replaced)
  }

  func exchange(_ from: String, _ path: String, in watch: UInt32 = 1) {
    let (left, right) = (take(from, in: watch), take(path, in: watch))
    give(left, from, path, in: watch)
    give(right, path, from, in: watch)
    watches[watch]!.directoryMoves += 1
    let type = watches[watch]!.nodes[path]!.type
    change(.move, path, from: from, in: watch, type: type, flags: .exchange)
  }

  private func take(_ path: String, in watch: UInt32) -> [String: Node] {
    let taken = watches[watch]!.nodes.filter { isAtOrBelow($0.key, path) }
    for key in taken.keys { watches[watch]!.nodes[key] = nil }
    return taken
  }

  private func give(_ taken: [String: Node], _ from: String, _ path: String, in watch: UInt32) {
    for (key, node) in taken {
      watches[watch]!.nodes[path + key.dropFirst(from.count)] = node
    }
  }
}

/// Whether `path` is `directory` or below it; the empty directory is the root.
func isAtOrBelow(_ path: String, _ directory: String) -> Bool {
  directory.isEmpty || path == directory || path.hasPrefix(directory + "/")
}

/// One random change of a random tree.
extension World {
  func happen(_ random: inout SeededRandom) {
    time += 1_000_000
    let watch = watches.filter { $0.value.state == .live }.keys.sorted().randomElement(
      using: &random)
    guard let watch else { return }
    let nodes = watches[watch]!.nodes
    let paths = nodes.keys.sorted()
    let free = freePath(nodes, &random)
    let victim = paths.randomElement(using: &random)
    switch (Int.random(in: 0..<100, using: &random), victim, free) {
    case (0..<25, _, let free?): put(free, .file, in: watch)
    case (25..<38, _, let free?): put(free, .directory, in: watch)
    case (38..<55, let victim?, _) where nodes[victim]!.type == .file:
      modify(victim, in: watch, flags: random.chance(20) ? .replaced : .closed)
    case (55..<65, let victim?, _):
      delete(victim, in: watch, flags: random.chance(30) ? .moved : [])
    case (65..<80, let victim?, let free?) where !isAtOrBelow(free, victim):
      move(victim, to: free, in: watch)
    case (80..<86, let victim?, _) where nodes[victim]!.type == .file:
      let other = paths.randomElement(using: &random)!
      if other != victim, nodes[other]!.type == .file { move(victim, to: other, in: watch) }
    case (86..<92, let victim?, _):
      let other = paths.randomElement(using: &random)!
      if !isAtOrBelow(other, victim), !isAtOrBelow(victim, other) {
        exchange(victim, other, in: watch)
      }
    case (92..<100, _, let free?):
      put(free, .directory, in: watch, flags: .moved)
      for name in ["a", "x.css"] { put(free + "/" + name, .file, in: watch) }
    default: break
    }
  }

  /// A name that is free, in a directory that is there.
  private func freePath(_ nodes: [String: Node], _ random: inout SeededRandom) -> String? {
    let directories = nodes.filter { $0.value.type == .directory }.keys.sorted()
    let parent = random.chance(30) ? nil : directories.randomElement(using: &random)
    guard (parent?.count ?? 0) < 12 else { return nil }
    let name = ["a", "b", "src", "x.css", "y.css", "z.txt"].randomElement(using: &random)!
    let path = parent.map { "\($0)/\(name)" } ?? name
    return nodes[path] == nil ? path : nil
  }
}
