/// Who owns which mark: a directory is marked once, however many watches hold it. A plain value, the
/// tree thread's.
struct Marks {
  struct Owner: Equatable {
    /// Number of the watch.
    var watch: UInt32
    /// `Node.none` for the sentinel of a watch whose root is gone.
    var node: NodeID
  }

  /// Whoever came first. A mark that nobody owns any more and whose `forgotten` has not come is in no
  /// table: its records find no owner. Marks never come back, so nothing else can be meant.
  private var firsts = NumberTable<Owner>()
  /// Of the few that have several.
  private var rests: [Int32: [Owner]] = [:]

  var count: Int { firsts.count }

  /// Whoever owns the mark; of several, whoever came first.
  func first(of mark: Int32) -> Owner? { firsts[UInt32(bitPattern: mark)] }

  /// The owners beside the first.
  func others(of mark: Int32) -> [Owner] { rests.isEmpty ? [] : rests[mark] ?? [] }

  mutating func add(_ owner: Owner, to mark: Int32) {
    guard let first = first(of: mark) else {
      firsts[UInt32(bitPattern: mark)] = owner
      return
    }
    guard first != owner, !others(of: mark).contains(owner) else { return }
    rests[mark, default: []].append(owner)
  }

  /// True when that was the last owner: the mark is to be disarmed.
  mutating func remove(_ owner: Owner, from mark: Int32) -> Bool {
    guard let first = first(of: mark) else { return false }
    var others = others(of: mark)
    if first == owner {
      firsts[UInt32(bitPattern: mark)] = others.popLast()
    } else {
      others.removeAll { $0 == owner }
    }
    rests[mark] = others.isEmpty ? nil : others
    return self.first(of: mark) == nil
  }

  /// The kernel has ended the mark.
  mutating func forget(_ mark: Int32) {
    firsts[UInt32(bitPattern: mark)] = nil
    rests[mark] = nil
  }
}
