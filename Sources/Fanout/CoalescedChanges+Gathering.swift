internal import FileEvents

extension CoalescedChanges {
  private struct Directory: Hashable {
    let watch: UInt32
    let path: [UInt8]
  }

  /// Makes one `reset` of all that is in a directory, for those with most in them first and their
  /// parents last, until half of the room is free again.
  func gatherByDirectory() {
    while !isHalfEmpty {
      let crowds = crowds()
      var chosen: Set<Directory> = []
      var left = count
      for (directory, members) in crowds.sorted(by: { $0.value > $1.value }) {
        if members < 2 || left <= limits.paths / 2 { break }
        chosen.insert(directory)
        left -= members - 1
      }
      // Nothing in common: a floor higher. What is long rather than many is cut short likewise.
      if left == count { chosen = Set(crowds.keys) }
      guard !chosen.isEmpty else { return }
      gather(chosen)
    }
  }

  /// How many entries stand directly in each directory.
  private func crowds() -> [Directory: Int] {
    var crowds: [Directory: Int] = [:]
    forEachLive { index in
      let record = entries[index].record
      guard entries[index].slot != .watch, !record.pathRange.isEmpty else { return }
      let path = names[record.pathRange]
      let end = path.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex
      crowds[Directory(watch: record.watch, path: Array(path[..<end])), default: 0] += 1
    }
    return crowds
  }

  private func gather(_ chosen: Set<Directory>) {
    var gathered: [Directory: Gathered] = [:]
    forEachLive { index in
      let entry = entries[index]
      guard entry.slot != .watch, let directory = uppermost(of: chosen, for: entry) else { return }
      gathered[directory, default: Gathered()].add(entry, isSelf: entry.isAt(directory.path))
      remove(index)
    }
    let latest = latest
    makeRoom(for: gathered.count)
    for (directory, content) in gathered.sorted(by: { $0.value.lowest < $1.value.lowest }) {
      var record = JournalRecord(subject: .reset, watch: directory.watch, time: content.time)
      record.reason = .lagged
      append(
        .reset, record, directory.path.span, sequence: latest, lowest: content.lowest,
        isNew: content.isNew)
    }
  }

  /// Of the directories at or above an entry the one next to the root.
  private func uppermost(of chosen: Set<Directory>, for entry: Entry) -> Directory? {
    let path = names[entry.record.pathRange]
    for end in path.startIndex...path.endIndex {
      let isBorder =
        end == path.startIndex || end == path.endIndex || path[end] == UInt8(ascii: "/")
      guard isBorder else { continue }
      let directory = Directory(watch: entry.record.watch, path: Array(path[..<end]))
      if chosen.contains(directory) { return directory }
    }
    return nil
  }

  private struct Gathered {
    var lowest = UInt64.max
    var time = Int64.min
    var isNew = false

    mutating func add(_ entry: Entry, isSelf: Bool) {
      lowest = min(lowest, entry.lowest)
      time = max(time, entry.record.time)
      if isSelf, entry.slot == .come || entry.slot == .reset { isNew = entry.isNew }
    }
  }
}

extension CoalescedChanges.Entry {
  fileprivate func isAt(_ path: [UInt8]) -> Bool { record.pathRange.count == path.count }
}
