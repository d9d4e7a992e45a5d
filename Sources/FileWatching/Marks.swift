/// Who owns which mark: a directory is marked once, however many watches hold it. A plain value, the
/// tree thread's.
struct Marks {
  struct Owner: Equatable {
    /// Number of the watch.
    var watch: UInt32
    /// `Node.none` for the sentinel of a watch whose root is gone.
    var node: NodeID
  }

  private struct Entry {
    var first: Owner
    var others: [Owner] = []
  }

  /// A mark that nobody owns any more and whose `forgotten` has not come is in no table: its records
  /// find no owner. Marks never come back, so nothing else can be meant.
  private var entries = NumberTable<Entry>()

  var count: Int { entries.count }

  func owners(of mark: Int32) -> (first: Owner, others: [Owner])? {
    entries[UInt32(bitPattern: mark)].map { ($0.first, $0.others) }
  }

  mutating func add(_ owner: Owner, to mark: Int32) {
    let mark = UInt32(bitPattern: mark)
    guard var entry = entries[mark] else {
      entries[mark] = Entry(first: owner)
      return
    }
    guard entry.first != owner, !entry.others.contains(owner) else { return }
    entry.others.append(owner)
    entries[mark] = entry
  }

  /// True when that was the last owner: the mark is to be disarmed.
  mutating func remove(_ owner: Owner, from mark: Int32) -> Bool {
    let mark = UInt32(bitPattern: mark)
    guard var entry = entries[mark] else { return false }
    if entry.first == owner {
      guard !entry.others.isEmpty else {
        entries[mark] = nil
        return true
      }
      entry.first = entry.others.removeLast()
    } else {
      entry.others.removeAll { $0 == owner }
    }
    entries[mark] = entry
    return false
  }

  /// The kernel has ended the mark.
  mutating func forget(_ mark: Int32) { entries[UInt32(bitPattern: mark)] = nil }
}
