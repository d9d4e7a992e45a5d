/// A hash table by numbers that the kernel or the tree gives out: nodes, marks. A plain value. No
/// stranger chooses the keys, so a multiplication is hash enough; Dictionary's, which has to withstand
/// chosen keys, costs as much as the rest of a record's way.
struct NumberTable<Value> {
  /// In no slot's key: no node and no mark has this number.
  private static var free: UInt32 { .max }
  private static var leastSlots: Int { 16 }

  /// Open addressing, linear probing; a power of two of slots, at most three quarters used.
  private var keys: [UInt32]
  private var values: [Value?]
  private(set) var count = 0

  init() {
    keys = Array(repeating: Self.free, count: Self.leastSlots)
    values = Array(repeating: nil, count: Self.leastSlots)
  }

  var isEmpty: Bool { count == 0 }

  /// All keys, in no order.
  var allKeys: [UInt32] { keys.filter { $0 != Self.free } }

  subscript(key: UInt32) -> Value? {
    get { find(key).flatMap { values[$0] } }
    set {
      guard let newValue else {
        if let slot = find(key) { clear(slot) }
        return
      }
      precondition(key != Self.free)
      if (count + 1) * 4 > keys.count * 3 { resize(to: keys.count * 2) }
      let slot = slot(of: key)
      if keys[slot] != key {
        keys[slot] = key
        count += 1
      }
      values[slot] = newValue
    }
  }

  func contains(_ key: UInt32) -> Bool { find(key) != nil }

  mutating func removeValue(forKey key: UInt32) -> Value? {
    guard let slot = find(key) else { return nil }
    let value = values[slot].take()
    clear(slot)
    return value
  }

  /// Gives back what a storm has taken.
  mutating func removeAll() {
    guard keys.count > Self.leastSlots || count > 0 else { return }
    self = NumberTable()
  }

  private func find(_ key: UInt32) -> Int? {
    guard count > 0, key != Self.free else { return nil }
    let slot = slot(of: key)
    return keys[slot] == key ? slot : nil
  }

  /// Where `key` is, or the free slot where it would be.
  private func slot(of key: UInt32) -> Int {
    let mask = keys.count - 1
    var slot = Self.home(of: key, mask)
    while keys[slot] != key, keys[slot] != Self.free { slot = (slot + 1) & mask }
    return slot
  }

  private static func home(of key: UInt32, _ mask: Int) -> Int {
    Int(truncatingIfNeeded: (UInt64(key) &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
  }

  /// Backward-shift deletion: no tombstones, so lookups stay short for ever.
  private mutating func clear(_ emptied: Int) {
    let mask = keys.count - 1
    var hole = emptied
    var next = (hole + 1) & mask
    while keys[next] != Self.free {
      let home = Self.home(of: keys[next], mask)
      if (next &- home) & mask >= (next &- hole) & mask {
        keys[hole] = keys[next]
        values[hole] = values[next].take()
        hole = next
      }
      next = (next + 1) & mask
    }
    keys[hole] = Self.free
    values[hole] = nil
    count -= 1
    if count == 0, keys.count > 1_024 { self = NumberTable() }
  }

  private mutating func resize(to size: Int) {
    let old = (keys, values)
    keys = Array(repeating: Self.free, count: size)
    values = Array(repeating: nil, count: size)
    for (key, value) in zip(old.0, old.1) where key != Self.free {
      let slot = slot(of: key)
      keys[slot] = key
      values[slot] = value
    }
  }
}
