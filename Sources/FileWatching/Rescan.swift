internal import FileEvents
internal import Syscalls

/// What came of asking for a rescan.
package enum RescanOutcome: Sendable, Equatable {
  case begun, noSuchWatch
  /// Nothing stands at the path, neither for the watch nor on the disk.
  case noSuchPath
}

extension Watch {
  /// Compares the whole watch with the disk, directory by directory.
  func enqueueRescan() {
    counters.rescans += 1
    enqueueScan(Node.root, deep: true, flags: .rescan, told: spec.index)
  }

  /// The same of what stands at `path` and below it, because somebody asks. Without an index nothing
  /// is remembered that could be compared: clients are told to look, and why. False when nothing
  /// stands there.
  func rescan(_ path: [UInt8], _ reason: ResetReason = .rescan) -> Bool {
    guard !path.isEmpty, soleName == nil else {
      guard path.isEmpty else { return false }
      if !spec.index { tellUnknown(path, reason) }
      isRootDoubtful = true
      if state != .gone { enqueueRescan() }
      return true
    }
    var node = Node.root
    let components = path.split(separator: 0x2F)
    guard spec.recursive || components.count == 1 else { return false }
    for component in components {
      let directory = node
      node = component.withUnsafeBytes { tree.child(of: directory, $0) }
      let place = place(Array(component), in: directory)
      guard node != Node.none, !tree[node].flags.contains(.passing) else {
        // With what is new, all that is below it is looked at.
        guard isVisibleOnDisk(place) else { return false }
        counters.rescans += 1
        if spec.index { doubt(place) } else { tellUnknown(path, reason) }
        return true
      }
    }
    counters.rescans += 1
    if !spec.index { tellUnknown(path, reason) }
    doubt(place(of: node))
    if tree[node].isDirectory {
      enqueueScan(node, deep: true, flags: .rescan, told: spec.index)
    }
    return true
  }

  private func tellUnknown(_ path: [UInt8], _ reason: ResetReason) {
    guard isTelling else { return }
    sendAll()
    tellReset(reason, path: path)
  }

  private func isVisibleOnDisk(_ place: Place) -> Bool {
    guard !place.name.isEmpty, place.name != [0x2E], place.name != [0x2E, 0x2E] else {
      return false
    }
    return place.name.withUnsafeBytes { name in
      guard case .found(let status) = look(at: name, in: place.directory) else { return false }
      return sees(name, in: place.directory, isDirectory: status.kind == .directory)
    }
  }
}
