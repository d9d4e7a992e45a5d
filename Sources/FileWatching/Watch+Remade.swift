internal import FileEvents
internal import Syscalls

/// Names that were made and left while their records waited in one queue. By the records nothing
/// stands there; but were the object linked back to such a name, no record of that would come
/// (`RecordOrder`). So they are compared with the disk when all else is settled, where they are many
/// by one listing of their directory.
extension Watch {
  /// How many are let wait at most.
  private static let remadeLimit = 16_384
  /// More names than this in one directory are worth a listing, of so many entries for each.
  private static let fewRemade = 8
  private static let entriesForEach = 32

  /// A name was made and left.
  func noteRemade(_ name: UnsafeRawBufferPointer, in directory: NodeID) {
    remade.append(name, in: directory, life: tree[directory].life, of: ground.stretch)
    if remade.count >= Self.remadeLimit { checkRemade() }
  }

  /// Suspects the names at which something stands.
  func checkRemade() {
    guard !remade.isEmpty else { return }
    let names = remade
    remade.removeAll()
    var hashes = NumberTable<Bool>()
    var counts = NumberTable<Int>()
    names.forEach { name, directory, life in
      guard tree.isAlive(directory, life: life) else { return }
      hashes[Self.hash(directory, name)] = true
      counts[directory] = (counts[directory] ?? 0) + 1
    }
    for directory in counts.allKeys {
      let count = counts[directory] ?? 0
      guard count > Self.fewRemade, list(directory, count * Self.entriesForEach, hashes) else {
        continue
      }
      counts[directory] = nil
    }
    guard !counts.isEmpty else { return }
    names.forEach { name, directory, life in
      guard counts.contains(directory), tree.isAlive(directory, life: life) else { return }
      suspects.append(place(Array(name), in: directory))
    }
  }

  /// Suspects the names in `directory` that are among `hashes`: two names of one hash cost a look.
  /// False where it cannot be listed, or has more than `limit` entries.
  private func list(_ directory: NodeID, _ limit: Int, _ hashes: NumberTable<Bool>) -> Bool {
    guard isAttached(directory), let file = try? open(directory),
      let status = try? FileStatus.of(file.descriptor),
      !tree[directory].isKnown || tree[directory].isSameObject(as: status)
    else { return false }
    var rest = limit
    return withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 8) { buffer in
      while rest > 0, let count = try? file.readEntries(into: buffer) {
        guard count > 0 else { return true }
        var entries = DirectoryEntries(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        while let entry = entries.next() {
          rest -= 1
          guard hashes.contains(Self.hash(directory, entry.name)) else { continue }
          suspects.append(place(Array(entry.name), in: directory))
        }
      }
      return false
    }
  }

  private static func hash(_ directory: NodeID, _ name: UnsafeRawBufferPointer) -> UInt32 {
    Tree.hash(directory, name) >> 1
  }
}
