import FileEvents
import Testing

@testable import FileWatching

@Suite("The order of fanotify's records")
struct RecordOrderTests {
  /// What the kernel does to a queue that nobody reads: what is equal is merged into the earliest.
  private struct Model {
    enum Record: Hashable {
      case entry(object: Int, name: Int)
      case rename(object: Int, from: Int, to: Int)
    }

    /// Names below 5 are in a marked directory.
    static let names = 7
    static func isMarked(_ name: Int) -> Bool { name < 5 }

    var objects: [Int?] = Array(repeating: nil, count: names)
    var made = 0
    var records: [(record: Record, isMade: Bool, isDeleted: Bool)] = []

    mutating func queue(_ record: Record, isMade: Bool = false, isDeleted: Bool = false) {
      switch record {
      case .entry(_, let name): guard Self.isMarked(name) else { return }
      case .rename(_, let from, let to):
        guard Self.isMarked(from) || Self.isMarked(to) else { return }
      }
      if let index = records.lastIndex(where: { $0.record == record }) {
        records[index].isMade = records[index].isMade || isMade
        records[index].isDeleted = records[index].isDeleted || isDeleted
      } else {
        records.append((record, isMade, isDeleted))
      }
    }

    mutating func step(_ random: inout SeededGenerator) {
      let from = Int.random(in: 0..<Self.names, using: &random)
      let to = Int.random(in: 0..<Self.names, using: &random)
      switch (Int.random(in: 0..<5, using: &random), objects[from], objects[to]) {
      case (0, nil, _):
        objects[from] = made
        made += 1
        queue(.entry(object: objects[from]!, name: from), isMade: true)
      case (1, let object?, nil):
        objects[to] = object
        queue(.entry(object: object, name: to), isMade: true)
      case (2, let object?, _):
        objects[from] = nil
        queue(.entry(object: object, name: from), isDeleted: true)
      case (3...4, let object?, let other) where object != other:
        objects[from] = nil
        objects[to] = object
        queue(.rename(object: object, from: from, to: to))
      default: break
      }
    }
  }

  @Test("where the records are said to be in order, they tell what is there")
  func truth() {
    var random = SeededGenerator(seed: RandomTests.seed)
    print("the order of records: TIDINGS_SEED=\(RandomTests.seed)")
    var proven = 0
    for _ in 0..<40_000 {
      var model = Model()
      for name in 0..<Model.names where Bool.random(using: &random) {
        model.objects[name] = model.made
        model.made += 1
      }
      // Some have two names.
      if let linked = model.objects[0], model.objects[1] == nil, Bool.random(using: &random) {
        model.objects[1] = linked
      }
      let before = model
      for _ in 0..<Int.random(in: 1...12, using: &random) { model.step(&random) }
      var order = RecordOrder()
      var told = before.objects.map { $0 != nil }
      var asked: Set<Int> = []
      for (record, isMade, isDeleted) in model.records {
        apply(record, isMade, isDeleted, &order, &told, &asked)
      }
      guard order.isProven else { continue }
      proven += 1
      let wrong = (0..<5).filter { told[$0] != (model.objects[$0] != nil) }
      #expect(
        wrong.allSatisfy { asked.contains($0) && !told[$0] },
        "\(before.objects) \(model.records) \(model.objects)")
    }
    #expect(proven > 4_000)
  }

  private func apply(
    _ record: Model.Record, _ isMade: Bool, _ isDeleted: Bool, _ order: inout RecordOrder,
    _ told: inout [Bool], _ asked: inout Set<Int>
  ) {
    switch record {
    case .entry(_, let name):
      if isMade {
        order.made(entry(name)!)
        told[name] = true
      }
      if isDeleted {
        if order.deleted(entry(name)!) { asked.insert(name) }
        told[name] = false
      }
    case .rename(_, let from, let to):
      if order.moved(from: entry(from), to: entry(to)) { asked.insert(from) }
      told[from] = false
      told[to] = true
    }
  }

  /// All names are the empty one, of marks apart.
  private func entry(_ name: Int) -> RecordOrder.Name? {
    guard Model.isMarked(name) else { return nil }
    return RecordOrder.Name(mark: Int32(name), bytes: UnsafeRawBufferPointer(start: nil, count: 0))
  }

  /// The link is merged into the making of the name that it takes.
  @Test(
    "what was made, moved and linked back while nobody read is found",
    arguments: WatchedTree.backends, [1, 40])
  func linkedBack(_ backend: BackendChoice, _ count: Int) throws {
    let tree = try WatchedTree()
    defer { tree.close() }
    let disk = Disk(root: tree.root)
    var spec = WatchSpec(root: tree.root)
    spec.backend = backend
    let watch = try tree.watch(spec)
    tree.service.pauseReading()
    for number in 0..<count {
      let (name, other) = (Array("name-\(number)".utf8), Array("other-\(number)".utf8))
      try disk.write(name, [])
      try disk.move(name, other)
      if number % 3 != 1 { try disk.hardLink(other, name) }
      if number % 3 == 2 { try disk.remove(other) }
    }
    tree.service.resumeReading()
    try tree.settle()
    #expect(try tree.listing(watch.number, limit: 100) == disk.everything())
  }
}
