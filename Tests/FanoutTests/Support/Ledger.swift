import EventFormats
import Fanout
import FileEvents

/// Everything one client was told of, by the numbers of what happened; the other side of the promise:
/// each change a client sees was delivered, or, where it coalesces, a later one that says the same was,
/// or one that began and ended without its knowledge; or it is in the scope of a reset.
struct Ledger {
  /// Numbers of what was told of a path, by `watch:path`.
  private var told: [String: [UInt64]] = [:]
  /// Of these the ones that speak for everything below, too.
  private var toldEnds: [String: [UInt64]] = [:]
  private var resets: [(numbers: ClosedRange<UInt64>, scope: [String])] = []
  /// Resets without an id: they stand for what happened up to the next one.
  private var unnumbered: [(lostAfter: UInt64, scope: [String])] = []
  /// Where the client began to be told everything.
  private var base: UInt64 = 0

  /// From here on nothing may be missing.
  mutating func begin(at number: UInt64) { base = number }

  /// Everything up to here has been accounted for.
  mutating func begin(anewAt number: UInt64) {
    self = Ledger()
    base = number
  }

  /// Takes what the client was told. What is wrong with it, if something is.
  mutating func take(_ event: Event, _ world: World) -> String? {
    defer {
      if let id = event.id {
        for reset in unnumbered { add(reset, upTo: id) }
        unnumbered = []
      }
    }
    switch event.name {
    case "reset":
      let lostAfter = (event["lostAfter"] as? String).flatMap { Cursor($0) }?.sequence ?? 0
      unnumbered.append((lostAfter, event.scope))
      return nil
    case "change":
      guard let number = world.timeline.number(of: event) else { return "never happened: \(event)" }
      if let id = event.id, id != number { return "\(number) has the id of another: \(event)" }
      add(event, number)
      return nil
    default: return nil
    }
  }

  private mutating func add(_ event: Event, _ number: UInt64) {
    let path = event.key("path")
    told[path, default: []].append(number)
    if event["from"] != nil {
      let from = event.key("from")
      told[from, default: []].append(number)
      toldEnds[from, default: []].append(number)
      if event["exchange"] != nil { toldEnds[path, default: []].append(number) }
    }
    let replaces = event["replaced"] != nil && event.kind == "move"
    if event.kind == "delete" || replaces { toldEnds[path, default: []].append(number) }
  }

  private mutating func add(_ reset: (lostAfter: UInt64, scope: [String]), upTo id: UInt64) {
    resets.append((min(reset.lostAfter + 1, id)...id, reset.scope))
  }

  /// What `selection` sees of what happened since the beginning, and this client cannot know of.
  func missing(_ world: World, _ selection: TestSelection, _ overflow: OverflowPolicy) -> [String] {
    guard base < world.hub.head else { return [] }
    var missing: [String] = []
    for number in (base + 1)...world.hub.head {
      let (record, bytes) = world.history[Int(number) - 1]
      guard record.subject != .watch, selection.sees(record, bytes, world) else { continue }
      for effect in Effect.all(of: record, bytes, world.watches[record.watch]!.id)
      where selection.isInside(effect.path, directory: effect.mayBeDirectory) {
        if isCovered(effect.key, number) { continue }
        let isStoodFor =
          overflow == .coalesce
          && (isSuperseded(effect.key, number, world.timeline)
            || hasVanished(effect, number, world.timeline))
        if !isStoodFor { missing.append("\(number), \(effect.kind) of \(effect.key), is missing") }
      }
    }
    return missing
  }

  /// It was told itself, or has to be read again.
  private func isCovered(_ key: String, _ number: UInt64) -> Bool {
    told[key]?.contains(number) == true
      || resets.contains { reset in
        reset.numbers.contains(number) && reset.scope.contains { Self.covers($0, key) }
      }
  }

  /// With a scope the directories that lead to it are read again.
  private static func covers(_ scope: String, _ path: String) -> Bool {
    scope.hasSuffix(":") && path.hasPrefix(scope) || isAtOrBelow(path, scope)
      || isAtOrBelow(scope, path)
  }

  /// Something later was told of the path, or the end of a directory above it; or that has to be read
  /// again.
  private func isSuperseded(_ key: String, _ number: UInt64, _ timeline: Timeline) -> Bool {
    func isTold(_ of: String, _ later: UInt64, among told: [String: [UInt64]]) -> Bool {
      later > number && (told[of]?.contains(later) == true || isCovered(key, later))
    }
    return timeline.all[key]?.contains { isTold(key, $0, among: told) } == true
      || lineage(of: key).contains { above in
        timeline.ends[above]?.contains { isTold(above, $0, among: toldEnds) } == true
      }
  }

  /// It happened between the beginning and the end of something that the client saw neither of: of
  /// what stood at the path, or of a directory above it.
  private func hasVanished(_ effect: Effect, _ number: UInt64, _ timeline: Timeline) -> Bool {
    lineage(of: effect.key).contains { key in
      let isOwn = key == effect.key
      let mayBegin = isOwn && effect.kind == .end ? number - 1 : number
      let mayEnd = isOwn && effect.kind == .begin ? number + 1 : number
      guard let begin = timeline.begins[key]?.last(where: { $0 <= mayBegin }), begin > base,
        let end = timeline.ends[key]?.first(where: { $0 >= mayEnd && $0 > begin })
      else { return false }
      return told[key]?.contains { begin <= $0 && $0 < end } != true
    }
  }

  /// A path and every directory above it, the root aside.
  private func lineage(of key: String) -> [String] {
    [key] + zip(key.indices, key).filter { $0.1 == "/" }.map { String(key[..<$0.0]) }
  }
}

/// What a record says of one path.
private struct Effect {
  enum Kind { case begin, change, end }
  let kind: Kind
  let key: String
  let path: [UInt8]
  let mayBeDirectory: Bool

  static func all(of record: JournalRecord, _ bytes: [UInt8], _ watch: String) -> [Effect] {
    let isDirectory = record.type == .directory || record.type == .unknown
    func effect(_ kind: Kind, _ range: Range<Int>, _ mayBeDirectory: Bool) -> Effect {
      let path = Array(bytes[range])
      return Effect(
        kind: kind, key: "\(watch):" + String(decoding: path, as: UTF8.self), path: path,
        mayBeDirectory: mayBeDirectory)
    }
    guard record.subject == .change else { return [effect(.change, record.pathRange, true)] }
    switch record.kind {
    case .create: return [effect(.begin, record.pathRange, isDirectory)]
    case .delete: return [effect(.end, record.pathRange, isDirectory)]
    case .move where record.flags.contains(.exchange):
      let other = record.fromType == .directory
      return [
        effect(.end, record.fromRange, isDirectory), effect(.begin, record.fromRange, other),
        effect(.end, record.pathRange, other), effect(.begin, record.pathRange, isDirectory),
      ]
    case .move:
      return [
        effect(.end, record.fromRange, isDirectory), effect(.begin, record.pathRange, isDirectory),
      ]
    case .modify, .attrib, .open, .access, .close:
      return [effect(.change, record.pathRange, false)]
    }
  }
}

/// What happened when to which path, by `watch:path`: numbers ascend.
struct Timeline {
  /// Something came to stand there.
  private(set) var begins: [String: [UInt64]] = [:]
  /// What stood there went, and all below it.
  private(set) var ends: [String: [UInt64]] = [:]
  /// Whatever happened there.
  private(set) var all: [String: [UInt64]] = [:]
  /// By `time path`.
  private var numbers: [String: UInt64] = [:]

  mutating func add(_ record: JournalRecord, _ bytes: [UInt8], _ watch: String, _ number: UInt64) {
    guard record.subject == .change else { return }
    for effect in Effect.all(of: record, bytes, watch) {
      switch effect.kind {
      case .begin: begins[effect.key, default: []].append(number)
      case .end: ends[effect.key, default: []].append(number)
      case .change: break
      }
      all[effect.key, default: []].append(number)
      numbers["\(Self.milliseconds(record.time)) \(effect.key)"] = number
    }
    guard record.kind == .move, record.flags.contains(.replaced) else { return }
    let path = "\(watch):" + String(decoding: bytes[record.pathRange], as: UTF8.self)
    ends[path, default: []].append(number)
  }

  /// Which change an event tells of: each has a millisecond of its own, but for those of one path each
  /// that come with a directory.
  func number(of event: Event) -> UInt64? {
    let digits = (event["time"] as! String).dropFirst(11).dropLast().split { ":.".contains($0) }
      .map { Int($0)! }
    let milliseconds = ((digits[0] * 60 + digits[1]) * 60 + digits[2]) * 1_000 + digits[3]
    return numbers["\(milliseconds) \(event.key("path"))"]
  }

  /// Since midnight.
  private static func milliseconds(_ time: Int64) -> Int64 { time / 1_000_000 % 86_400_000 }
}

extension Event {
  /// `watch:path`
  func key(_ member: String) -> String { "\(self["watch"]!):\(self[member]!)" }
}
