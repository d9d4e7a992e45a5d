internal import FileEvents
internal import Syscalls

extension Watcher {
  /// Does what was asked and answers, or has a scanner do it. True when the thread is to end.
  func obey(_ command: TreeCommand) -> Bool {
    guard ground.link?.isRevoked != true else { return true }
    guard !handOn(command) else { return false }
    switch command {
    // Who is told of a watch must find it in the journal: published first, answered then.
    case .add(let spec, let reply):
      add(spec, reply)
    case .remove(let id, let reply):
      remove(id) { [unowned self] isRemoved in
        publish()
        reply(isRemoved)
      }
      return ground.link != nil
    case .statuses(let reply):
      // What is counted as published has been.
      publish()
      let others = scanners.values.compactMap { $0.status(now: ground.now) }
      reply((watches.values.map(\.status) + others).sorted { $0.number < $1.number })
    case .list(let request, let reply):
      listWhenCaughtUp(request, reply)
    case .settle(let reply):
      settling.append(afterScanners(reply))
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
      publish()
      reply(patched)
    case .rescan(let id, let path, let reply):
      guard let watch = watch(called: id) else {
        reply(.noSuchWatch)
        break
      }
      reply(watch.rescan(path) ? .begun : .noSuchPath)
    case .begin(let commission, let reply):
      return begin(commission, reply)
    case .unlessAnswered(let once, let command):
      return once.isTaken ? false : obey(command)
    case .opened(let key, let found): opened(key, found)
    case .ended(let key): ended(key)
    case .stop:
      for watch in watches.values { watch.sendAll() }
      publish()
      endScanners()
      return true
    }
    return false
  }

  /// Answers those who wait for what will not come any more.
  func answerAll() {
    for one in waiting { one.answer(false) }
    waiting.removeAll()
    for reply in settling { reply() }
    settling.removeAll()
  }

  func watch(called id: String) -> Watch? { watches.values.first { $0.id == id } }

  private func add(
    _ spec: WatchSpec,
    _ reply: @escaping @Sendable (Result<WatchAddition, WatchProblem>) -> Void
  ) {
    var added: Result<WatchAddition, WatchProblem>
    do throws(WatchProblem) {
      try Self.checkSupport(spec)
      // What may hang must not even be opened here.
      let mount = hangingMounts.first(around: spec.root)
      if mount != nil || spec.backend == .poll { return try addScanner(spec, on: mount, reply) }
      let opened = try OpenedRoot(orAwaited: spec)
      if opened.filesystem.isRemote { return try addScanner(spec, on: nil, reply) }
      let ground = try ground(for: spec, on: opened)
      let visibility = try Visibility(spec: spec, soleName: opened.soleName)
      switch try claim(spec, opened.path) {
      case .same(let status): added = .success(WatchAddition(status: status, created: false))
      case .replacing(let id): return remove(id) { [unowned self] _ in add(spec, reply) }
      case .new(let id):
        let watch = Watch(
          number: nextNumber, id: id, spec: spec, opened: opened, visibility: visibility,
          hasHistory: !usedIDs.insert(id).inserted, ground: ground)
        nextNumber += 1
        watches[watch.number] = watch
        if opened.isAwaited { watch.awaitFirst() } else { watch.begin() }
        added = .success(WatchAddition(status: watch.status, created: true))
      }
    } catch {
      added = .failure(error)
    }
    publish()
    reply(added)
  }

  /// What a spec is to become, given what there is.
  enum Claim {
    /// A watch of this id.
    case new(String)
    /// What is there already.
    case same(WatchStatus)
    /// The same root with other options, once what has this id is removed.
    case replacing(String)
  }

  /// `root` is what the spec's leads to. Throws `.watchConflict`.
  func claim(_ spec: WatchSpec, _ root: [UInt8]) throws(WatchProblem) -> Claim {
    if let id = spec.id {
      guard let existing = watch(called: id)?.status ?? scanner(called: id)?.status(now: ground.now)
      else { return .new(id) }
      guard existing.root == root else {
        throw WatchProblem(
          .watchConflict,
          detail: "watch \(id) has the root \(String(decoding: existing.root, as: UTF8.self))")
      }
      return existing.spec.isSameWatch(as: spec) ? .same(existing) : .replacing(id)
    }
    if let same = watches.values.first(where: { $0.root == root && $0.spec.isSameWatch(as: spec) })
    {
      return .same(same.status)
    }
    for scanner in scanners.values where !scanner.isEnding {
      guard let status = scanner.status(now: ground.now), status.root == root,
        status.spec.isSameWatch(as: spec)
      else { continue }
      return .same(status)
    }
    return .new(
      WatchIdentifier.make(for: root) { candidate in
        watch(called: candidate) != nil || scanner(called: candidate) != nil
      })
  }

  /// Ends a watch, after what is pending about it. `then`: whether there was one.
  func remove(_ id: String, then: @escaping (Bool) -> Void) {
    if let scanner = scanner(called: id) { return end(scanner, then: then) }
    guard let watch = watch(called: id) else { return then(false) }
    watch.sendAll()
    watch.end()
    watches[watch.number] = nil
    watch.state = .removed
    watch.tellState()
    then(true)
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
