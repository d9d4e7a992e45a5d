internal import FileEvents
internal import Syscalls

/// What is pending leaves as changes. They are not a copy of the records: each is the difference
/// between where clients believe a node and where the tree has it, so that the sum of them always
/// turns the clients' picture into the tree.
extension Watch {
  /// How long a change that cannot be told yet is let be, and how long at most, in nanoseconds.
  private static let patience: Int64 = 2_000_000
  private static let giveUp: Int64 = 200_000_000
  /// How many pending changes the move or the end of a directory looks through.
  private static let flushLimit = 4_096

  /// Sends what is due.
  func sendDue() {
    guard !coalescer.isEmpty else { return }
    let now = ground.now
    while let item = coalescer.head(due: now) {
      switch item {
      case .note(let note):
        send(note)
        coalescer.removeNote()
      case .placement(let node):
        if tell(node) { continue }
        let since = coalescer.postpone(now, patience: Self.patience)
        guard now - since < Self.giveUp else {
          force(node)
          continue
        }
      }
    }
    while let node = coalescer.dueContent(now) {
      if !tellContent(node) { coalescer.retryContent(node, now, patience: Self.patience) }
    }
  }

  /// Sends everything that need not wait for half of a rename.
  func sendAll() {
    guard isTelling, !coalescer.isEmpty else { return }
    for item in coalescer.items {
      switch item {
      case .placement(let node): if coalescer.isPending(node) { _ = tell(node) }
      case .note(let note): send(note)
      }
    }
    coalescer.removeNotes()
    for node in coalescer.nodes where coalescer[node]?.isPlacement == false {
      _ = tellContent(node)
    }
  }

  /// Whether a path leads from the root to `node`: not below a directory that is half renamed.
  func isAttached(_ node: NodeID) -> Bool { tree.isWithin(node, Node.root) }

  // MARK: Placements

  /// Tells where the node is now, and first whatever must be told before. False when that has to
  /// wait: for half of a rename, or for a look at the disk that the records will explain.
  private func tell(_ node: NodeID, forced: Bool = false) -> Bool {
    guard !tree[node].flags.contains(.beingTold) else { return false }
    if tree[node].flags.contains(.ghost) { return tellGone(node) }
    guard isAttached(node) else { return false }
    guard isUntold(node) || beliefs[node] != nil else { return tellContent(node) }
    let life = tree[node].life
    tree[node].flags.insert(.beingTold)
    defer { if tree.isAlive(node, life: life) { tree[node].flags.remove(.beingTold) } }
    let parent = tree[node].parent
    if isUntold(parent) {
      guard tell(parent), !isUntold(parent) else { return false }
    } else if beliefs[parent] != nil {
      _ = tell(parent)
    }
    // A move into what clients believe to be below itself means nothing to them.
    if beliefs[node] != nil, isBelieved(parent, within: node) { return false }
    let place = place(of: node)
    switch clear(place, for: node) {
    case .blocked: return false
    case .exchanged: return true
    case .free: return arrive(node, at: place, over: Node.none, forced)
    case .replacing(let ghost): return arrive(node, at: place, over: ghost, forced)
    }
  }

  /// What could not be told for so long is told in whatever way remains.
  private func force(_ node: NodeID) {
    if isUntold(node), isAttached(node), !isUntold(tree[node].parent), tell(node, forced: true) {
      return
    }
    retract(node)
  }

  private enum Clearing {
    case free
    /// A ghost that the node replaces.
    case replacing(NodeID)
    case exchanged
    case blocked
  }

  /// Makes room in the clients' picture for `node` at `place`.
  private func clear(_ place: Place, for node: NodeID) -> Clearing {
    let occupant = believed(at: place)
    guard occupant != Node.none, occupant != node else { return .free }
    if tree[occupant].flags.contains(.ghost) {
      let bothDirectories = tree[occupant].isDirectory && tree[node].isDirectory
      let noDirectory = !tree[occupant].isDirectory && !tree[node].isDirectory
      if noDirectory || bothDirectories && !isUntold(node) {
        return letOut(of: occupant) ? .replacing(occupant) : .blocked
      }
      return tellGone(occupant) ? .free : .blocked
    }
    if let from = beliefs[node], isAttached(occupant), self.place(of: occupant) == from,
      spec.kinds.contains(.move), !isBelieved(occupant, within: node),
      !isBelieved(node, within: occupant)
    {
      return exchange(node, occupant, at: place, from: from) ? .exchanged : .blocked
    }
    // Names that went round: somebody has to let go.
    if tree[occupant].flags.contains(.beingTold) { retract(occupant) } else { _ = tell(occupant) }
    return believed(at: place) == occupant ? .blocked : .free
  }

  /// Tells of everything that clients believe below a ghost and that lives on elsewhere.
  private func letOut(of ghost: NodeID) -> Bool {
    guard tree[ghost].isDirectory, !beliefs.isEmpty else { return true }
    let below = beliefs.places.allKeys.filter { $0 != ghost && isBelieved($0, within: ghost) }
    for node in below.sorted() where !tree[node].flags.contains(.ghost) {
      guard beliefs[node] == nil || tell(node), !isBelieved(node, within: ghost) else {
        return false
      }
    }
    // What has ended below it ends with it, without a word; unless it was in what has left.
    let ended = below.filter {
      beliefs[$0] != nil && tree[$0].flags.contains(.ghost) && isBelieved($0, within: ghost)
    }
    for node in ended { layToRest(node) }
    return true
  }

  private func tellGone(_ ghost: NodeID) -> Bool {
    guard beliefs[ghost] != nil else {
      erase(ghost)
      return true
    }
    let life = tree[ghost].life
    flushBelow(ghost)
    guard letOut(of: ghost) else { return false }
    // It may have been laid to rest with what it was believed to be in.
    guard tree.isAlive(ghost, life: life), beliefs[ghost] != nil else { return true }
    if let place = beliefs[ghost], !tree[ghost].isDirectory {
      // delete + create of one name is one change, in the place of the later record.
      let heir = node(at: place)
      if heir != Node.none, isUntold(heir), !tree[heir].isDirectory, !mergesNothing,
        !tree[heir].flags.contains(.beingTold), isBelievedInPlace(place.directory)
      {
        return tell(heir)
      }
    }
    let change = takeChange(of: ghost)
    if change.content.contains(.modified) {
      write(.modify, change, tree[ghost].type, of: ghost)
    }
    write(.delete, change, tree[ghost].type, of: ghost, flags: change.flags)
    layToRest(ghost)
    return true
  }

  private func isBelievedInPlace(_ directory: NodeID) -> Bool {
    !isUntold(directory) && beliefs[directory] == nil
  }

  /// The node comes to `place` in the clients' picture, over a ghost or over nothing.
  private func arrive(
    _ node: NodeID, at place: Place, over ghost: NodeID, _ isForced: Bool
  ) -> Bool {
    let isNew = isUntold(node)
    let before = tree[node]
    let sight = look(again: node)
    // What is not there any more, or is another thing, is not told of: the records say why.
    if isNew, sight.isGone, spec.index, !mergesNothing, !isForced { return false }
    if !isNew, tree[node].isDirectory { flushBelow(node) }
    // That may have ended in a circle: what was cleared for the node, or its directory, is no more.
    guard isUntold(node) == isNew, !isUntold(place.directory),
      believed(at: place) == ghost || believed(at: place) == node
    else { return false }
    var change = takeChange(of: node)
    var oldType: FileType?
    if ghost != Node.none {
      oldType = tree[ghost].type
      if isNew, let gone = coalescer[ghost] { change.count += gone.count }
    }
    if isNew {
      tellNew(node, at: place, change, sight.status, oldType)
    } else if let from = beliefs[node] {
      tellMoved(node, at: place, believedPath(from), change, sight.status, oldType)
    }
    if ghost != Node.none { layToRest(ghost) }
    tree[node].flags.remove(.untold)
    said(node, sight.status)
    beliefs.forget(node)
    if !isNew {
      sendContent(change, of: node, before, sight.status)
      if tree[node].isDirectory, !spec.kinds.contains(.move) { tellAllBelow(node, change) }
    }
    return true
  }

  private func takeChange(of node: NodeID) -> PendingChange {
    coalescer.remove(node)
      ?? PendingChange(
        count: 1, first: ground.now, last: ground.now, time: ground.moment.time, turn: 0)
  }

  private func tellNew(
    _ node: NodeID, at place: Place, _ change: PendingChange, _ status: FileStatus?,
    _ oldType: FileType?
  ) {
    var flags = change.flags
    if change.content.contains(.closed) { flags.insert(.closed) }
    let type = status.map { FileType($0.kind) } ?? tree[node].type
    guard let oldType else {
      return write(.create, change, type, at: place, status: status, flags: flags)
    }
    if type == oldType || oldType == .unknown || type == .unknown {
      flags.remove(.moved)
      write(.modify, change, type, at: place, status: status, flags: flags.union(.replaced))
    } else {
      write(.delete, change, oldType, at: place)
      write(.create, change, type, at: place, status: status, flags: flags)
    }
  }

  private func tellMoved(
    _ node: NodeID, at place: Place, _ from: [UInt8], _ change: PendingChange,
    _ status: FileStatus?, _ oldType: FileType?
  ) {
    let type = status.map { FileType($0.kind) } ?? tree[node].type
    var flags = change.flags
    flags.remove(.moved)
    guard spec.kinds.contains(.move) else {
      write(.delete, change, type, path: from)
      if let oldType { write(.delete, change, oldType, at: place) }
      return write(.create, change, type, at: place, status: status, flags: flags)
    }
    if oldType != nil { flags.insert(.replaced) }
    write(.move, change, type, at: place, from: from, status: status, flags: flags)
  }

  /// Without `move` among the kinds a directory comes with everything that is below it.
  private func tellAllBelow(_ directory: NodeID, _ change: PendingChange) {
    for node in tree.descendants(of: directory) where !isUntold(node) && beliefs[node] == nil {
      write(
        .create, change, tree[node].type, at: place(of: node), status: look(again: node).status,
        flags: change.flags)
    }
  }

  /// Both stand where clients believe the other. False when what had to be told first has changed
  /// that.
  private func exchange(_ node: NodeID, _ other: NodeID, at place: Place, from: Place) -> Bool {
    guard !tree[other].flags.contains(.beingTold) else { return false }
    let life = tree[other].life
    tree[other].flags.insert(.beingTold)
    defer { if tree.isAlive(other, life: life) { tree[other].flags.remove(.beingTold) } }
    flushBelow(node)
    flushBelow(other)
    guard beliefs[node] == from, beliefs[other] == place else { return false }
    let before = tree[node]
    let otherBefore = tree[other]
    let status = look(again: node).status
    let otherStatus = look(again: other).status
    let change = takeChange(of: node)
    let otherChange = takeChange(of: other)
    write(
      .move, change, status.map { FileType($0.kind) } ?? before.type, at: place,
      from: believedPath(from), status: status, flags: change.flags.union(.exchange),
      fromType: otherStatus.map { FileType($0.kind) } ?? otherBefore.type)
    beliefs.forget(node)
    beliefs.forget(other)
    sendContent(change, of: node, before, status)
    sendContent(otherChange, of: other, otherBefore, otherStatus)
    return true
  }

  /// Ends what cannot be told as it is, such as three names that went round: clients are told that
  /// the node is gone, and then anew of all that is there.
  private func retract(_ node: NodeID) {
    guard !tree[node].flags.contains(.free) else { return }
    guard !isUntold(node), beliefs[node] != nil else {
      // Others need not wait for it: it goes to the end of the order.
      let change = coalescer.remove(node)
      guard isOfUse(node) else { return }
      if isUntold(node) {
        coalescer.placed(node, flags: change?.flags ?? [], counts: 1, ground.moment)
      } else if let change, !change.content.isEmpty {
        coalescer.touched(node, change.content, flags: change.flags, ground.moment)
      }
      if isAttached(node), node != Node.root { doubt(place(of: node)) }
      return
    }
    write(.delete, takeChange(of: node), tree[node].type, of: node)
    let below = beliefs.places.allKeys.filter { $0 != node && isBelieved($0, within: node) }
    for other in below.sorted() + [node] where beliefs[other] != nil { disbelieve(other) }
  }

  /// Clients do not know of the node any more, nor of what they believed in place below it.
  private func disbelieve(_ node: NodeID) {
    if tree[node].flags.contains(.ghost) { return layToRest(node) }
    beliefs.forget(node)
    forgetTelling(node)
  }

  private func forgetTelling(_ node: NodeID) {
    tree[node].flags.insert(.untold)
    coalescer.placed(node, flags: [], counts: 1, ground.moment)
    var child = tree[node].firstChild
    while child != Node.none {
      if !isUntold(child), beliefs[child] == nil { forgetTelling(child) }
      child = tree[child].nextSibling
    }
  }

  /// The move or the end of a directory first sends what was pending below it.
  private func flushBelow(_ directory: NodeID) {
    guard tree[directory].isDirectory, coalescer.count <= Self.flushLimit else { return }
    guard let turn = coalescer[directory]?.turn else { return }
    let nodes = coalescer.nodes.filter {
      $0 != directory && coalescer[$0]!.turn < turn && isBelow($0, directory)
    }
    for node in nodes.sorted(by: { coalescer[$0]!.turn < coalescer[$1]!.turn })
    where coalescer.isPending(node) {
      if coalescer[node]!.isPlacement { _ = tell(node) } else { _ = tellContent(node) }
    }
  }

  private func isBelow(_ node: NodeID, _ directory: NodeID) -> Bool {
    let above = isUntold(node) ? tree[node].parent : node
    return above != Node.none && isBelieved(above, within: directory)
  }

  // MARK: Content

  /// Tells what happened to a node's content. False when it has to wait.
  private func tellContent(_ node: NodeID) -> Bool {
    if tree[node].flags.contains(.ghost) { return true }
    guard isAttached(node), !isUntold(node) else { return false }
    let before = tree[node]
    let status = look(again: node).status
    guard let change = coalescer.remove(node) else { return true }
    sendContent(change, of: node, before, status)
    return true
  }

  /// modify, attrib, or nothing where a close has changed nothing.
  private func sendContent(
    _ change: PendingChange, of node: NodeID, _ before: Node, _ status: FileStatus?
  ) {
    var content = change.content
    // Without a word of the records: what was seen meanwhile must be told of.
    if content.isEmpty, status != nil, tree[node].flags.contains(.unsaid) { content = .modified }
    guard !content.isEmpty else { return }
    let isDifferent = status.map { before.isModified(in: $0) } ?? true
    let isClosed = content.contains(.closed)
    let type = status.map { FileType($0.kind) } ?? tree[node].type
    if content.contains(.modified) || isClosed && (!spec.index || isDifferent || mergesNothing) {
      write(
        .modify, change, type, of: node, status: status,
        flags: isClosed ? change.flags.union(.closed) : change.flags)
    }
    if content.contains(.attributes) {
      write(.attrib, change, type, of: node, status: status, flags: change.flags)
    }
    said(node, status)
  }

  /// Clients were told of the node, with what a look showed or without.
  private func said(_ node: NodeID, _ status: FileStatus?) {
    guard spec.index, !tree[node].isDirectory else { return }
    if status != nil {
      tree[node].flags.remove(.unsaid)
    } else if tree[node].isKnown {
      tree[node].flags.insert(.unsaid)
    }
  }

  private func send(_ note: Note) {
    guard isThere(note.place), !isUntold(note.place.directory) else { return }
    let change = PendingChange(
      count: 1, first: note.first, last: note.first, time: note.time, process: note.process,
      turn: 0)
    write(note.kind, change, note.type, at: note.place, flags: note.flags)
  }
}
