internal import FileEvents
internal import Syscalls

extension Watcher {
  /// Does what was asked and answers. True when the thread is to end.
  func obey(_ command: TreeCommand) -> Bool {
    switch command {
    // Who is told of a watch must find it in the journal: published first, answered then.
    case .add(let spec, let reply):
      let added = Result { () throws(WatchProblem) in try add(spec) }
      ground.journal.flush(now: ground.moment.time)
      reply(added)
    case .remove(let id, let reply):
      let isRemoved = remove(id)
      ground.journal.flush(now: ground.moment.time)
      reply(isRemoved)
    case .statuses(let reply):
      // What is counted as published has been.
      ground.journal.flush(now: ground.moment.time)
      reply(watches.values.sorted { $0.number < $1.number }.map(\.status))
    case .list(let request, let reply):
      listWhenCaughtUp(request, reply)
    case .settle(let reply):
      settling.append(reply)
      for watch in watches.values where watch.hasPolled { _ = watch.polling.hurry(ground.now) }
    case .sync(let request):
      sync(request)
    case .patch(let id, let patch, let reply):
      guard let watch = watch(called: id) else {
        reply(nil)
        break
      }
      let patched = Result { () throws(WatchProblem) in
        try watch.patch(patch)
        return watch.status
      }
      ground.journal.flush(now: ground.moment.time)
      reply(patched)
    case .rescan(let id, let path, let reply):
      guard let watch = watch(called: id) else {
        reply(.noSuchWatch)
        break
      }
      reply(watch.rescan(path) ? .begun : .noSuchPath)
    case .stop:
      for watch in watches.values { watch.sendAll() }
      for one in waiting { one.answer(false) }
      waiting.removeAll()
      return true
    }
    return false
  }

  func watch(called id: String) -> Watch? { watches.values.first { $0.id == id } }

  private func add(_ spec: WatchSpec) throws(WatchProblem) -> WatchAddition {
    try Self.checkSupport(spec)
    let opened = try OpenedRoot(orAwaited: spec)
    let ground = try ground(for: spec, on: opened)
    let visibility = try Visibility(spec: spec, soleName: opened.soleName)
    if let id = spec.id, let existing = watch(called: id) {
      guard existing.root == opened.path else {
        throw WatchProblem(
          .watchConflict,
          detail: "watch \(id) has the root \(String(decoding: existing.root, as: UTF8.self))")
      }
      if existing.spec.isSameWatch(as: spec) {
        return WatchAddition(status: existing.status, created: false)
      }
      _ = remove(id)
    } else if spec.id == nil,
      let existing = watches.values.first(where: {
        $0.root == opened.path && $0.spec.isSameWatch(as: spec)
      })
    {
      return WatchAddition(status: existing.status, created: false)
    }
    let id =
      spec.id
      ?? WatchIdentifier.make(for: opened.path) { candidate in
        watches.values.contains { $0.id == candidate }
      }
    let watch = Watch(
      number: nextNumber, id: id, spec: spec, opened: opened, visibility: visibility,
      hasHistory: !usedIDs.insert(id).inserted, ground: ground)
    nextNumber += 1
    watches[watch.number] = watch
    if opened.isAwaited { watch.awaitFirst() } else { watch.begin() }
    return WatchAddition(status: watch.status, created: true)
  }

  private func remove(_ id: String) -> Bool {
    guard let watch = watch(called: id) else { return false }
    watch.sendAll()
    watch.end()
    watches[watch.number] = nil
    watch.state = .removed
    watch.tellState()
    return true
  }

  /// What a spec may ask and this version does not do is refused by name.
  private static func checkSupport(_ spec: WatchSpec) throws(WatchProblem) {
    if spec.followSymlinks {
      throw WatchProblem(
        .unsupported, detail: "followSymlinks: not supported; watch the target as another root")
    }
  }
}

extension WatchSpec {
  /// Whether both ask for the same, however it is called.
  func isSameWatch(as other: WatchSpec) -> Bool {
    var mine = self
    var theirs = other
    mine.root = theirs.root  // whatever leads to the same canonical root
    mine.id = nil
    theirs.id = nil
    mine.label = nil
    theirs.label = nil
    mine.confinedTo = nil
    theirs.confinedTo = nil
    mine.awaitsRoot = theirs.awaitsRoot
    return mine == theirs
  }
}

/// Ids for watches that were given none.
enum WatchIdentifier {
  /// The base name, made to fit `[a-z0-9._-]`, and four characters of a hash of the canonical root:
  /// the same in every life of the server. Where that is in use by a watch of the same root with
  /// other options, a number follows.
  static func make(for root: [UInt8], isTaken: (String) -> Bool) -> String {
    let base = root.split(separator: 0x2F).last.map(Array.init) ?? []
    var name = base.prefix(48).map { byte -> UInt8 in
      switch byte {
      case 0x41...0x5A: byte + 0x20
      case 0x61...0x7A, 0x30...0x39, 0x2E, 0x2D, 0x5F: byte
      default: 0x2D
      }
    }
    let isAlphanumeric = { (byte: UInt8) in
      (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
    }
    name = Array(name.drop { !isAlphanumeric($0) })
    if name.isEmpty { name = Array("root".utf8) }
    // FNV-1a: the same number on every machine and in every build.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in root { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
    let suffix = (0..<4).map { alphabet[Int(hash >> (60 - 5 * UInt64($0)) & 31)] }
    let id = String(decoding: name + [0x2D] + suffix, as: UTF8.self)
    guard isTaken(id) else { return id }
    var number = 2
    while isTaken("\(id)-\(number)") { number += 1 }
    return "\(id)-\(number)"
  }
}
