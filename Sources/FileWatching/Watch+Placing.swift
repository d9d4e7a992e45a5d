internal import FileEvents
internal import Syscalls

/// The only ways in which nodes come, move and go: each keeps account of what clients believe, so
/// that whatever the records were, telling ends with the tree as it is.
extension Watch {
  /// A node that nobody was told of hangs in the tree now.
  func tellCreated(_ node: NodeID, flags: ChangeFlags) {
    guard isTelling else { return }
    tree[node].flags.insert(.untold)
    coalescer.placed(node, flags: flags, counts: 1, ground.moment)
  }

  /// Takes a node from where it hangs, for good or for another place. Half of a rename has no place
  /// in the order until the other comes: it keeps nobody waiting.
  func unhang(_ node: NodeID, asHalf isHalf: Bool = false) {
    if isTelling {
      if !tree[node].flags.contains(.untold), beliefs[node] == nil {
        beliefs.set(node, at: place(of: node))
      }
      if !isHalf { coalescer.placed(node, flags: [], counts: 0, ground.moment) }
    }
    tree.detach(node)
    if isHalf { tree[node].flags.insert(.half) }
  }

  /// Hangs a node that was taken from elsewhere.
  func hang(_ node: NodeID, at place: Place, flags: ChangeFlags = []) {
    tree[node].flags.remove(.half)
    place.name.withUnsafeBytes { tree.hang(node, named: $0, in: place.directory) }
    guard isTelling else { return }
    if beliefs[node] == place { beliefs.forget(node) }
    coalescer.placed(node, flags: flags, counts: 1, ground.moment)
  }

  /// The node and all below it are gone from the disk, or from what this watch sees. What clients
  /// know of it stays as a ghost until they have been told.
  func drop(_ node: NodeID, flags: ChangeFlags = []) {
    for below in tree.descendants(of: node).reversed() {
      letGo(below)
      if beliefs[below] != nil {
        unhang(below)
        haunt(below, flags)
      } else if tree[below].flags.contains(.untold) || !isTelling {
        erase(below)
      }
    }
    letGo(node)
    guard isTelling, !tree[node].flags.contains(.untold) else { return erase(node) }
    if tree[node].parent != Node.none { unhang(node) }
    haunt(node, flags)
  }

  private func haunt(_ node: NodeID, _ flags: ChangeFlags) {
    tree[node].flags.remove(.half)
    tree[node].flags.insert(.ghost)
    coalescer.placed(node, flags: flags, counts: 1, ground.moment)
  }

  /// Nothing is watched or remembered for the node any more.
  private func letGo(_ node: NodeID) {
    disarm(node)
    polling.forget(node)
    if tree[node].flags.contains(.unwatched) {
      problems[node] = nil
      problemsChanged()
    }
    guard tree[node].isDirectory else { return }
    recentScans[node] = nil
    gitIgnores?.forget(node)
    audit.remove(node)
  }

  /// Frees a node without children.
  func erase(_ node: NodeID) {
    beliefs.forget(node)
    coalescer.remove(node)
    tree.free(node)
  }

  /// Frees a ghost, now that clients know, and what was believed below it.
  func layToRest(_ ghost: NodeID) {
    for below in tree.descendants(of: ghost).reversed() { erase(below) }
    erase(ghost)
  }

  // MARK: What clients believe

  /// Whether clients do not know of the node yet, and it is looked at before they do.
  func isUnseen(_ node: NodeID) -> Bool {
    isUntold(node) && !tree[node].isKnown && coalescer.isPending(node)
  }

  func isUntold(_ node: NodeID) -> Bool { tree[node].flags.contains(.untold) }

  /// Who clients believe at `place`; `Node.none` for nobody.
  func believed(at place: Place) -> NodeID {
    let other = beliefs.occupant(of: place)
    if other != Node.none { return other }
    let node = node(at: place)
    return node != Node.none && !isUntold(node) && beliefs[node] == nil ? node : Node.none
  }

  /// Whether clients believe `node` to be `directory` or below it.
  func isBelieved(_ node: NodeID, within directory: NodeID) -> Bool {
    var current = node
    while current != Node.none {
      if current == directory { return true }
      current = beliefs[current]?.directory ?? tree[current].parent
    }
    return false
  }

  /// Appends the path under which clients know `node`, which was told of.
  func appendBelievedPath(of node: NodeID, to bytes: inout [UInt8]) {
    guard node != Node.root, node != Node.none else { return }
    if beliefs.isEmpty {
      _ = tree.appendPath(of: node, to: &bytes)
      return
    }
    if let place = beliefs[node] { return appendBelieved(place, to: &bytes) }
    appendBelievedDirectory(tree[node].parent, to: &bytes)
    tree.appendName(of: node, to: &bytes)
  }

  /// Appends the path of a name in a directory that clients know.
  func appendBelieved(_ place: Place, to bytes: inout [UInt8]) {
    appendBelievedDirectory(place.directory, to: &bytes)
    bytes.append(contentsOf: place.name)
  }

  private func appendBelievedDirectory(_ directory: NodeID, to bytes: inout [UInt8]) {
    appendBelievedPath(of: directory, to: &bytes)
    if directory != Node.root, directory != Node.none { bytes.append(0x2F) }
  }
}
