internal import FileEvents
internal import Syscalls
internal import SystemPackage

extension Watch {
  /// What a look at a name found.
  enum Look {
    case found(FileStatus)
    case absent
    /// Neither present nor absent can be said.
    case failed(Errno)
  }

  /// Looks at `name` in `directory`, by the path the tree has for it now.
  func look(at name: UnsafeRawBufferPointer, in directory: NodeID) -> Look {
    guard let base = openBase(), putPath(of: directory) else {
      return .failed(.noSuchFileOrDirectory)
    }
    if !scratch.isEmpty { scratch.append(0x2F) }
    scratch.append(contentsOf: name)
    scratch.append(0)
    return look(base)
  }

  /// Looks at a node by its current path.
  func look(at node: NodeID) -> Look {
    guard let base = openBase(), putPath(of: node) else { return .failed(.noSuchFileOrDirectory) }
    if scratch.isEmpty { scratch.append(0x2E) }
    scratch.append(0)
    return look(base)
  }

  private func look(_ base: OpenFile) -> Look {
    ground.willLook()
    return scratch.withUnsafeBytes { bytes in
      do throws(Errno) {
        return .found(
          try FileStatus.at(base.descriptor, bytes.baseAddress!.assumingMemoryBound(to: CChar.self))
        )
      } catch {
        return switch error {
        case .noSuchFileOrDirectory, .notDirectory, .tooManySymbolicLinkLevels, .staleNFSFileHandle:
          .absent
        default: .failed(error)
        }
      }
    }
  }

  /// What a second look at a node showed.
  struct Sight {
    var status: FileStatus?
    /// It is not there, or another object is.
    var isGone = false
  }

  /// Looks at a node and keeps what is seen. A name that turned out to be another object is compared
  /// again when the records at hand have been applied.
  func look(again node: NodeID) -> Sight {
    guard spec.index || tree[node].type == .unknown, isAttached(node) else { return Sight() }
    switch look(at: node) {
    case .failed: return Sight()
    case .absent:
      if node != Node.root { doubt(place(of: node)) }
      return Sight(isGone: true)
    case .found(let status):
      let isDirectory = status.kind == .directory
      let isOther = tree[node].isKnown && !tree[node].isSameObject(as: status)
      guard isDirectory == tree[node].isDirectory, !isOther else {
        if node != Node.root { doubt(place(of: node)) }
        return Sight(isGone: true)
      }
      if spec.index {
        if tree[node].isModified(in: status) {
          tree[node].flags.insert(.unsaid)
          if !isDirectory, isPolled(tree[node].parent) {
            polling.recent[node] = RecentContent(hash: nil, since: ground.now)
          }
        }
        remember(node)
      }
      tree.note(node, status)
      return Sight(status: status)
    }
  }

  /// Opens a directory of the tree for listing. The root of the tree is `.`.
  func open(_ node: NodeID) throws(Errno) -> OpenFile {
    guard let base = openBase(), putPath(of: node) else { throw .noSuchFileOrDirectory }
    if scratch.isEmpty { scratch.append(0x2E) }
    scratch.append(0)
    let descriptor = base.descriptor
    ground.willLook()
    let opened = scratch.withUnsafeBytes { bytes -> Result<OpenFile, Errno> in
      do throws(Errno) {
        return .success(
          try OpenFile.directory(
            beneath: descriptor, bytes.baseAddress!.assumingMemoryBound(to: CChar.self)))
      } catch {
        return .failure(error)
      }
    }
    return try opened.get()
  }

  /// Puts the node's path, relative to the base, into `scratch`. False for a detached node.
  private func putPath(of node: NodeID) -> Bool {
    scratch.removeAll(keepingCapacity: true)
    return tree.appendPath(of: node, to: &scratch)
  }

  func place(of node: NodeID) -> Place {
    place(tree.name(of: node), in: tree[node].parent)
  }

  func place(_ name: [UInt8], in directory: NodeID) -> Place {
    Place(directory: directory, life: tree[directory].life, name: name)
  }

  /// Whether the directory of a place still is the one that was meant.
  func isThere(_ place: Place) -> Bool { tree.isAlive(place.directory, life: place.life) }

  func node(at place: Place) -> NodeID {
    guard isThere(place) else { return Node.none }
    return place.name.withUnsafeBytes { tree.child(of: place.directory, $0) }
  }

  /// Whether this watch has anything to do with a name.
  func sees(_ name: UnsafeRawBufferPointer, in directory: NodeID, isDirectory: Bool) -> Bool {
    if visibility.isTotal, gitIgnores == nil { return true }
    guard putPath(of: directory) else { return false }
    if !scratch.isEmpty { scratch.append(0x2F) }
    scratch.append(contentsOf: name)
    return visibility.sees(scratch[...], name: name, isDirectory: isDirectory) {
      gitIgnores?.ignores(scratch[...], name.count, in: directory, tree, isDirectory) ?? false
    }
  }

  /// Compares a name with the disk and tells what differs. The one act by which every doubt about a
  /// name ends.
  func reconcile(_ place: Place, flags: ChangeFlags) {
    guard isThere(place), isOfUse(place.directory) else { return }
    // In half of a rename nothing can be looked at: later.
    guard isAttached(place.directory) else { return doubt(place) }
    switch place.name.withUnsafeBytes({ look(at: $0, in: place.directory) }) {
    case .failed: return
    case .absent: believe(nil, at: place, flags: flags)
    case .found(let status): believe(status, at: place, flags: flags)
    }
  }

  /// Makes the tree what a look at a name has shown, nil for nothing there, and tells what differs.
  func believe(_ status: FileStatus?, at place: Place, flags: ChangeFlags) {
    let node = node(at: place)
    let before = tree[node]
    if let status {
      if node == Node.none {
        appear(place, status, flags: flags)
      } else {
        compare(node, with: status, flags: flags)
      }
    } else if node != Node.none {
      remove(node, flags: flags)
    }
    // Records still to come may be older than what was found, or speak of another at this name.
    let now = self.node(at: place)
    if now != node || tree[now].life != before.life {
      recentFinds[place] = Clock.monotonic()
    } else if node != Node.none, !before.isKnown {
      remember(node)
    }
    remember(place.directory)
  }

  /// A name that was not known has `status`.
  func appear(_ place: Place, _ status: FileStatus, flags: ChangeFlags) {
    let type = FileType(status.kind)
    let isVisible = place.name.withUnsafeBytes {
      sees($0, in: place.directory, isDirectory: type == .directory)
    }
    guard isVisible, spec.index || type == .directory || isTelling else { return }
    if adopt(status, at: place) { return }
    let node = place.name.withUnsafeBytes { tree.insert(type, named: $0, in: place.directory) }
    tree.note(node, status)
    tellCreated(node, flags: flags)
    if type == .directory {
      enqueueScan(node, flags: flags.intersection(.rescan))
    } else {
      keepPassing(node)
    }
  }

  /// A known node is found on the disk with `status`: tells what differs.
  func compare(_ node: NodeID, with status: FileStatus, flags: ChangeFlags) {
    let known = tree[node]
    let type = FileType(status.kind)
    if !known.isKnown, (type == .directory) == known.isDirectory {
      if type == .directory, known.mark < 0 { enqueueScan(node) }
      // What is pending looks for itself, and must see that it is the first look.
      if coalescer.isPending(node) { return }
      tree.note(node, status)
      if type != .directory, isTelling, spec.index {
        // It was told of when nothing could be seen of it.
        coalescer.touched(node, .modified, flags: flags, ground.moment)
      }
      return
    }
    guard known.isSameObject(as: status) else { return replace(node, with: status, flags: flags) }
    let isPending = coalescer.isPending(node)
    let isModified = known.isModified(in: status)
    let isAltered = known.mode != status.mode || (type != .directory && known.ctime != status.ctime)
    tree.note(node, status)
    // Without an index what a file was like is kept for identity alone; records tell of the rest.
    if isTelling, spec.index || type == .directory, isModified || !isPending {
      if isModified {
        let content: ContentChange =
          known.mode != status.mode ? [.modified, .attributes] : .modified
        coalescer.touched(node, content, flags: flags, ground.moment)
      } else if isAltered {
        coalescer.touched(node, .attributes, flags: flags, ground.moment)
      }
    }
    if type == .directory, isUnarmed(known) { enqueueScan(node) }
  }

  /// A known directory is found with `status`: all that is told of itself is another mode.
  func compareMode(_ directory: NodeID, with status: FileStatus, flags: ChangeFlags) {
    guard isTelling, tree[directory].isKnown, tree[directory].mode != status.mode else { return }
    tree[directory].mode = status.mode
    coalescer.touched(directory, .attributes, flags: flags, ground.moment)
  }

  /// Whether a directory should have a mark and has none.
  func isUnarmed(_ node: Node) -> Bool {
    node.mark < 0 && !node.flags.contains(.unwatched) && ground.kind.marksDirectories
  }

  /// Another object stands where `node` was.
  func replace(_ node: NodeID, with status: FileStatus, flags: ChangeFlags) {
    let place = place(of: node)
    drop(node, flags: flags)
    appear(place, status, flags: flags)
  }
}
