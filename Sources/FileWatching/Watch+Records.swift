internal import DequeModule
internal import FileEvents
internal import Syscalls

extension Watch {
  /// Applies one record about `directory` of this watch. `name` is valid during the call.
  func apply(_ record: BackendRecord, _ name: UnsafeRawBufferPointer, in directory: NodeID) {
    counters.events += 1
    if gitIgnores != nil { doubtIgnores(record.action, name, in: directory) }
    switch record.action {
    case .created: created(name, in: directory, isDirectory: record.isDirectory)
    case .deleted: deleted(name, in: directory, isDirectory: record.isDirectory)
    case .departed:
      departed(name, in: directory, isDirectory: record.isDirectory, cookie: record.cookie)
      if record.cookie == 0 { expire(0) }
    case .arrived:
      arrived(name, in: directory, isDirectory: record.isDirectory, cookie: record.cookie)
    case .modified: touched(name, in: directory, .modified, isDirectory: false)
    case .attributes:
      touched(name, in: directory, .attributes, isDirectory: record.isDirectory)
    case .closedAfterWriting:
      touched(name, in: directory, .closed, isDirectory: false)
      note(.close, name, in: directory, isDirectory: false, flags: .written)
    case .opened: note(.open, name, in: directory, isDirectory: record.isDirectory)
    case .accessed: note(.access, name, in: directory, isDirectory: record.isDirectory)
    case .closed: note(.close, name, in: directory, isDirectory: record.isDirectory)
    case .selfGone:
      if directory == Node.root { isRootDoubtful = true }
    case .forgotten:
      if tree[directory].mark >= 0 {
        tree[directory].mark = -1
        kernelWatches -= 1
      }
      if directory == Node.root { isRootDoubtful = true } else { doubt(place(of: directory)) }
    case .unmarkedAttributes, .overflow:
      break  // not about a directory of this watch
    }
    if ground.kind.mayTellEarly { suspect(record, name, in: directory) }
  }

  /// A record that came early told what will be so, and those that come late what is so no more: unless
  /// all turn out to be in order, the disk knows, once they are applied.
  private func suspect(
    _ record: BackendRecord, _ name: UnsafeRawBufferPointer, in directory: NodeID
  ) {
    switch record.action {
    case .created where spec.index: break  // what is told of as new is looked at
    case .created, .deleted, .departed, .arrived:
      if record.isRemade { noteRemade(name, in: directory) }
      proveNames()
      unproven.append(name, in: directory, life: tree[directory].life, of: ground.stretch)
    case .modified, .attributes, .closedAfterWriting, .opened, .accessed, .closed, .selfGone,
      .forgotten, .unmarkedAttributes, .overflow:
      break
    }
  }

  /// Whether the tree has a name from a look at the disk, after the record may have been made.
  private func isSuspect(_ place: Place) -> Bool {
    guard isRecent(place) else { return false }
    audit.insert(place.directory)
    return true
  }

  /// Whether records still to come may be older than what the tree has at a name.
  func isRecent(_ place: Place) -> Bool {
    isRecentlyScanned(place.directory)
      || !recentFinds.isEmpty && (recentFinds[place] ?? 0) >= ground.since
  }

  private var hasRecent: Bool { !recentScans.isEmpty || !recentFinds.isEmpty }

  private func isRecentlyScanned(_ directory: NodeID) -> Bool {
    !recentScans.isEmpty && (recentScans[directory] ?? 0) >= ground.since
  }

  // MARK: Entries

  private func created(_ name: UnsafeRawBufferPointer, in directory: NodeID, isDirectory: Bool) {
    guard sees(name, in: directory, isDirectory: isDirectory) else { return }
    let known = tree.child(of: directory, name)
    guard known == Node.none else {
      // A scan was faster,
      if !isDirectory, !tree[known].isDirectory, isUnseen(known) { return }
      // or a record was lost: the disk knows.
      return reconcile(place(Array(name), in: directory), flags: [])
    }
    appear(name, in: directory, isDirectory: isDirectory, flags: [])
  }

  private func appear(
    _ name: UnsafeRawBufferPointer, in directory: NodeID, isDirectory: Bool, flags: ChangeFlags
  ) {
    guard spec.index || isDirectory || isTelling else { return }
    let node = tree.insert(isDirectory ? .directory : .unknown, named: name, in: directory)
    tree[node].stamp = stamp
    tellCreated(node, flags: flags)
    if isDirectory { enqueueScan(node) } else { keepPassing(node) }
  }

  private func deleted(_ name: UnsafeRawBufferPointer, in directory: NodeID, isDirectory: Bool) {
    let node = knownOrPassing(name, in: directory, isDirectory: isDirectory)
    guard node != Node.none else { return }
    if hasRecent || tree[node].isDirectory != isDirectory {
      let place = place(Array(name), in: directory)
      if isSuspect(place) || tree[node].isDirectory != isDirectory {
        return reconcile(place, flags: [])
      }
    }
    remove(node)
  }

  private func touched(
    _ name: UnsafeRawBufferPointer, in directory: NodeID, _ content: ContentChange,
    isDirectory: Bool
  ) {
    guard !name.isEmpty else {
      let isTold = directory == Node.root || ground.kind.tellsOfDirectoriesThemselves
      if isTold, isTelling, soleName == nil {
        coalescer.touched(directory, content, ground.moment)
      }
      return
    }
    let node = knownOrPassing(name, in: directory, isDirectory: isDirectory)
    guard node != Node.none else {
      if spec.index, sees(name, in: directory, isDirectory: isDirectory) {
        doubt(place(Array(name), in: directory))
      }
      return
    }
    if isDirectory, tree[node].mark < 0 { enqueueScan(node) }
    guard isTelling else { return }
    coalescer.touched(node, content, ground.moment)
  }

  private func note(
    _ kind: ChangeKind, _ name: UnsafeRawBufferPointer, in directory: NodeID, isDirectory: Bool,
    flags: ChangeFlags = []
  ) {
    guard spec.kinds.contains(kind), isTelling, !name.isEmpty,
      sees(name, in: directory, isDirectory: isDirectory)
    else { return }
    let node = tree.child(of: directory, name)
    let type: FileType =
      isDirectory ? .directory : node == Node.none ? .unknown : tree[node].type
    coalescer.noted(
      Note(
        kind: kind, type: type, flags: flags,
        place: place(Array(name), in: directory), first: ground.now,
        time: ground.moment.time, process: ground.moment.process))
  }

  /// The node of a name; without an index, a passing one for a file that is visible.
  private func knownOrPassing(
    _ name: UnsafeRawBufferPointer, in directory: NodeID, isDirectory: Bool
  ) -> NodeID {
    let node = tree.child(of: directory, name)
    guard node == Node.none, !spec.index, !isDirectory, isTelling,
      sees(name, in: directory, isDirectory: false)
    else { return node }
    let made = tree.insert(.unknown, named: name, in: directory)
    if isUntold(directory) { tree[made].flags.insert(.untold) }
    keepPassing(made)
    return made
  }

  // MARK: Renames

  private func departed(
    _ name: UnsafeRawBufferPointer, in directory: NodeID, isDirectory: Bool, cookie: UInt32
  ) {
    let from = place(Array(name), in: directory)
    if isDirectory { audit.insert(directory) }
    if exchanged?.from == from, exchanged?.cookie == nil {
      exchanged?.cookie = cookie
      return
    }
    if displaced == from { doubt(from) }
    displaced = nil
    let node = knownOrPassing(name, in: directory, isDirectory: isDirectory)
    // What this watch does not see comes from outside, wherever it goes.
    if node == Node.none, !sees(name, in: directory, isDirectory: isDirectory) { return }
    if isSuspect(from) { doubt(from) }
    let life = tree[node].life
    var half = RenameHalf(node: node, from: from, deadline: ground.now + Ground.halfPatience)
    if node != Node.none, tree[node].isDirectory != isDirectory, tree[node].type != .unknown {
      doubt(from)
      half.node = Node.none
    }
    // While a directory is taken for two, a rename in it is told of both.
    if let other = halves.removeValue(forKey: cookie), other.node != Node.none {
      lose(other.node)
      doubt(other.from)
    }
    guard isThere(from), half.node == Node.none || tree.isAlive(node, life: life),
      !tree[node].flags.contains(.ghost)
    else { return doubt(from) }
    if half.node != Node.none { unhang(node, asHalf: true) }
    halves[cookie] = half
  }

  private func arrived(
    _ name: UnsafeRawBufferPointer, in directory: NodeID, isDirectory: Bool, cookie: UInt32
  ) {
    if isDirectory { audit.insert(directory) }
    if let echo = exchanged, echo.cookie == cookie {
      exchanged = nil
      return
    }
    let place = self.place(Array(name), in: directory)
    // Whatever left this name was gone before the other came: the two never meet.
    let half = halves.removeValue(forKey: cookie)
    for (other, half) in halves where half.from == place { expire(other) }
    // With what has not come the directory itself may have gone.
    guard isThere(place) else {
      if let half, half.node != Node.none { lose(half.node) }
      return
    }
    if isSuspect(place) { doubt(place) }
    let isVisible = sees(name, in: directory, isDirectory: isDirectory)
    guard let half, half.node != Node.none else {
      if isVisible {
        movedIn(place, isDirectory: isDirectory, isDoubtful: half != nil && spec.index)
      }
      return
    }
    guard isVisible, isTheSame(half, at: place) else {
      lose(half.node)
      doubt(half.from)
      if isVisible { reconcile(place, flags: []) }
      return
    }
    let target = node(at: place)
    if target != Node.none, exchange(half, with: target, at: place) { return }
    attach(half, at: place, over: target)
  }

  /// A second look where a scan may have been ahead of the record.
  private func isTheSame(_ half: RenameHalf, at place: Place) -> Bool {
    guard isSuspect(half.from) || isSuspect(place) || isRecentlyScanned(half.node) else {
      return true
    }
    let found = place.name.withUnsafeBytes { look(at: $0, in: place.directory) }
    guard tree[half.node].isKnown else {
      // Nobody can say; the records do, and whatever stands at either name now is looked at. Unless
      // the scan has seen what has come.
      doubt(half.from)
      doubt(place)
      let target = node(at: place)
      guard case .found(let status) = found, target != Node.none, tree[target].isKnown else {
        return true
      }
      return !tree[target].isSameObject(as: status)
    }
    guard case .found(let status) = found else { return false }
    return tree[half.node].isSameObject(as: status)
  }

  private func attach(_ half: RenameHalf, at place: Place, over target: NodeID) {
    let node = half.node
    // Without an index nobody knows whether something stood there.
    displaced = target != Node.none || !spec.index ? place : nil
    // Where the disk was ahead, records may seem to put a directory into itself.
    guard isThere(place), isOfUse(place.directory), !tree.isWithin(place.directory, node) else {
      doubt(half.from)
      doubt(place)
      return lose(node)
    }
    if target != Node.none {
      // Told before the end of what it replaces, it says so itself.
      if isTelling { coalescer.placed(node, flags: [], counts: 0, ground.moment) }
      drop(target)
    }
    hang(node, at: place)
    // What was seen of it under its old name may have been another's.
    if (lastLooks[node] ?? .min) >= ground.since { doubt(place) }
    moved(node)
  }

  /// Whether something can hang in a directory: it is in the tree, or waits with half of a rename.
  func isOfUse(_ directory: NodeID) -> Bool {
    var top = directory
    while tree[top].parent != Node.none { top = tree[top].parent }
    return top == Node.root || tree[top].flags.contains(.half)
  }

  /// What a directory took along needs another look where the disk was ahead of the records.
  func moved(_ node: NodeID, flags: ChangeFlags = []) {
    guard tree[node].isDirectory else { return }
    moves &+= 1
    dropOldLooks()
    for look in looks
    where tree.isAlive(look.node, life: look.life) && tree.isWithin(look.node, node) {
      if tree[look.node].isDirectory {
        enqueueScan(look.node)
      } else {
        doubt(self.place(of: look.node))
      }
    }
    for lost in vanished { enqueueAgain(lost.scan) }
    vanished.removeAll()
    let isSeenByPlace = visibility.dependsOnDirectory || gitIgnores != nil
    if tree[node].mark < 0 || isSeenByPlace {
      enqueueScan(
        node, deep: isSeenByPlace || !ground.kind.marksDirectories, flags: flags)
    }
  }

  /// Something came from outside what this watch sees.
  private func movedIn(_ place: Place, isDirectory: Bool, isDoubtful: Bool) {
    let target = node(at: place)
    // Should the name be left at once, it was an exchange with something that no mark told of.
    displaced = target != Node.none || !spec.index ? place : nil
    if target != Node.none {
      if isDoubtful || isSuspect(place) || isDirectory || tree[target].isDirectory {
        reconcile(place, flags: [])
        return
      }
      drop(target)
    }
    if isDoubtful { return reconcile(place, flags: []) }
    place.name.withUnsafeBytes {
      appear($0, in: place.directory, isDirectory: isDirectory, flags: .moved)
    }
  }

  /// RENAME_EXCHANGE comes as two renames, the first over a target that turns up at the old name.
  private func exchange(_ half: RenameHalf, with target: NodeID, at place: Place) -> Bool {
    guard tree[target].isKnown, self.node(at: half.from) == Node.none else { return false }
    guard isThere(half.from) else { return false }
    let found = half.from.name.withUnsafeBytes { look(at: $0, in: half.from.directory) }
    guard case .found(let status) = found, tree[target].isSameObject(as: status) else {
      return false
    }
    let node = half.node
    guard isOfUse(half.from.directory), isOfUse(place.directory),
      !tree.isWithin(place.directory, node), !tree.isWithin(half.from.directory, target)
    else { return false }
    // What moved first is told first.
    if isTelling { coalescer.placed(node, flags: [], counts: 0, ground.moment) }
    unhang(target)
    hang(node, at: place)
    hang(target, at: half.from)
    exchanged = ExchangeEcho(from: place, cookie: nil)
    moved(node)
    moved(target)
    return true
  }

  /// The other half has not come: it lies outside.
  func expire(_ cookie: UInt32) {
    guard let half = halves.removeValue(forKey: cookie), half.node != Node.none else { return }
    lose(half.node)
  }

  private func lose(_ node: NodeID) { drop(node, flags: .moved) }

  // MARK: Leaving

  /// The node is gone from the disk, with all below it.
  func remove(_ node: NodeID, flags: ChangeFlags = []) { drop(node, flags: flags) }

  func doubt(_ place: Place) {
    guard isThere(place) else { return }
    doubts.append(place)
    audit.insert(place.directory)
  }

  /// Remembers that a node was looked at by a path which records to come may move.
  func remember(_ node: NodeID) {
    let now = Clock.monotonic()
    looks.append((node, tree[node].life, now))
    lastLooks[node] = now
  }

  /// Forgets looks that no record to come can be older than.
  func dropOldLooks() {
    while let oldest = looks.first, oldest.time < ground.since {
      looks.removeFirst()
      if lastLooks[oldest.node] == oldest.time { lastLooks[oldest.node] = nil }
    }
  }

  /// Names of a directory were seen on the disk: records that may be older are checked.
  func looked(into directory: NodeID) {
    recentScans[directory] = Clock.monotonic()
    remember(directory)
  }

  /// A node that no index keeps.
  func keepPassing(_ node: NodeID) {
    guard !spec.index, !tree[node].isDirectory else { return }
    tree[node].flags.insert(.passing)
    passing.append((node, tree[node].life))
  }
}
