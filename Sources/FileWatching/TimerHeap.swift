/// When to look at which pending change again, earliest first: a binary heap. A timer of another turn
/// than its entry's is stale; its owner ignores it.
struct TimerHeap {
  struct Timer {
    /// Nanoseconds, monotonic.
    let time: Int64
    let entry: UInt32
    let turn: UInt64
  }

  /// In heap order.
  private(set) var all: [Timer] = []

  var first: Timer? { all.first }

  mutating func push(_ time: Int64, _ entry: UInt32, turn: UInt64) {
    all.append(Timer(time: time, entry: entry, turn: turn))
    var child = all.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard all[child].time < all[parent].time else { return }
      all.swapAt(child, parent)
      child = parent
    }
  }

  mutating func removeFirst() {
    all.swapAt(0, all.count - 1)
    all.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < all.count && all[child].time < all[least].time { least = child }
      guard least != parent else { return }
      all.swapAt(parent, least)
      parent = least
    }
  }

  mutating func removeAll() { all.removeAll(keepingCapacity: all.count < 1_024) }
}
