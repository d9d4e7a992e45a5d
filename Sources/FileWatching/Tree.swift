internal import FileEvents
internal import Syscalls

/// The names below one root: nodes with parent pointers in an arena, found by (directory, name) in
/// one hash table. A path is derived, never stored, so renaming a directory relinks one node. A plain
/// value; owned by its watch, on the tree thread.
struct Tree: ~Copyable {
  private(set) var nodes: [Node]
  private var freeSlots: [NodeID] = []
  /// All names one after another; a freed name leaves a gap until the arena is packed.
  private var names: [UInt8] = []
  private var wastedNameBytes = 0
  /// Open addressing, linear probing; a power of two of slots, at most three quarters used.
  private var slots: [NodeID]
  private var used = 0
  private(set) var directories = 0
  private(set) var others = 0

  init() {
    slots = Array(repeating: Node.none, count: 64)
    var nobody = Node()
    nobody.flags = .free
    var root = Node()
    root.type = .directory
    nodes = [nobody, root]
  }

  subscript(id: NodeID) -> Node {
    _read { yield nodes[Int(id)] }
    _modify { yield &nodes[Int(id)] }
  }

  /// Whether `id` still is the node that had this life.
  func isAlive(_ id: NodeID, life: UInt32) -> Bool {
    nodes[Int(id)].life == life && !nodes[Int(id)].flags.contains(.free)
  }

  // MARK: Names

  /// The child of `directory` named `name`, or `Node.none`.
  func child(of directory: NodeID, _ name: UnsafeRawBufferPointer) -> NodeID {
    let hash = Self.hash(directory, name)
    let mask = slots.count - 1
    var slot = Int(hash) & mask
    while true {
      let id = slots[slot]
      if id == Node.none { return Node.none }
      let node = nodes[Int(id)]
      if node.hash == hash, node.parent == directory, has(node, name) { return id }
      slot = (slot + 1) & mask
    }
  }

  private func has(_ node: Node, _ name: UnsafeRawBufferPointer) -> Bool {
    guard Int(node.nameLength) == name.count else { return false }
    return names.withUnsafeBytes { all in
      let start = Int(node.nameStart)
      return isEqual(UnsafeRawBufferPointer(rebasing: all[start..<start + name.count]), name)
    }
  }

  /// The last component of the node's path; empty for the root. Not while the tree is altered.
  func withName<Result>(
    of id: NodeID, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    let node = nodes[Int(id)]
    return names.withUnsafeBytes { all in
      let start = Int(node.nameStart)
      return body(UnsafeRawBufferPointer(rebasing: all[start..<start + Int(node.nameLength)]))
    }
  }

  func name(of id: NodeID) -> [UInt8] { withName(of: id) { Array($0) } }

  /// Appends the last component of the node's path.
  func appendName(of id: NodeID, to bytes: inout [UInt8]) {
    withName(of: id) { bytes.append(contentsOf: $0) }
  }

  /// Appends the path from the root, `/`-separated; nothing for the root itself. False when the node
  /// hangs nowhere (half of a rename).
  func appendPath(of id: NodeID, to bytes: inout [UInt8]) -> Bool {
    guard id != Node.root else { return true }
    let parent = nodes[Int(id)].parent
    guard parent != Node.none else { return false }
    guard appendPath(of: parent, to: &bytes) else { return false }
    if parent != Node.root { bytes.append(0x2F) }
    appendName(of: id, to: &bytes)
    return true
  }

  /// Whether `id` is `ancestor` or stands below it.
  func isWithin(_ id: NodeID, _ ancestor: NodeID) -> Bool {
    var current = id
    while current != Node.none {
      if current == ancestor { return true }
      current = nodes[Int(current)].parent
    }
    return false
  }

  // MARK: Growing and shrinking

  /// Makes a child. There must be none of that name.
  mutating func insert(
    _ type: FileType, named name: UnsafeRawBufferPointer, in directory: NodeID
  ) -> NodeID {
    let id: NodeID
    if let free = freeSlots.popLast() {
      id = free
      let life = nodes[Int(id)].life
      nodes[Int(id)] = Node()
      nodes[Int(id)].life = life
    } else {
      id = NodeID(nodes.count)
      nodes.append(Node())
    }
    nodes[Int(id)].type = type
    if type == .directory { directories += 1 } else { others += 1 }
    hang(id, named: name, in: directory)
    return id
  }

  /// Takes the node (and what is below it) from where it hangs; `hang` puts it elsewhere.
  mutating func detach(_ id: NodeID) {
    removeSlot(id)
    let node = nodes[Int(id)]
    if node.previousSibling != Node.none {
      nodes[Int(node.previousSibling)].nextSibling = node.nextSibling
    } else {
      nodes[Int(node.parent)].firstChild = node.nextSibling
    }
    if node.nextSibling != Node.none {
      nodes[Int(node.nextSibling)].previousSibling = node.previousSibling
    }
    nodes[Int(id)].parent = Node.none
    nodes[Int(id)].previousSibling = Node.none
    nodes[Int(id)].nextSibling = Node.none
    wastedNameBytes += Int(node.nameLength)
  }

  /// Hangs a detached node under another name.
  mutating func hang(_ id: NodeID, named name: UnsafeRawBufferPointer, in directory: NodeID) {
    if wastedNameBytes > 65_536, wastedNameBytes > names.count / 2 { packNames() }
    nodes[Int(id)].nameStart = UInt32(names.count)
    nodes[Int(id)].nameLength = UInt8(name.count)
    names.append(contentsOf: name)
    nodes[Int(id)].hash = Self.hash(directory, name)
    nodes[Int(id)].parent = directory
    let next = nodes[Int(directory)].firstChild
    nodes[Int(id)].nextSibling = next
    if next != Node.none { nodes[Int(next)].previousSibling = id }
    nodes[Int(directory)].firstChild = id
    addSlot(id)
  }

  /// Forgets a node that has no children, hanging or detached.
  mutating func free(_ id: NodeID) {
    if nodes[Int(id)].parent != Node.none { detach(id) }
    if nodes[Int(id)].isDirectory { directories -= 1 } else { others -= 1 }
    nodes[Int(id)].life &+= 1
    nodes[Int(id)].flags = .free
    freeSlots.append(id)
  }

  /// Says what stands at a node, keeping count.
  mutating func retype(_ id: NodeID, _ type: FileType) {
    let old = nodes[Int(id)].type
    guard old != type else { return }
    if old == .directory { directories -= 1; others += 1 }
    if type == .directory { directories += 1; others -= 1 }
    nodes[Int(id)].type = type
  }

  /// Keeps what a look at the disk told.
  mutating func note(_ id: NodeID, _ status: FileStatus) {
    retype(id, FileType(status.kind))
    nodes[Int(id)].note(status)
  }

  /// All nodes below `id`, parents first.
  func descendants(of id: NodeID) -> [NodeID] {
    guard nodes[Int(id)].firstChild != Node.none else { return [] }
    var found: [NodeID] = []
    var next = 0
    var directory = id
    while true {
      var child = nodes[Int(directory)].firstChild
      while child != Node.none {
        found.append(child)
        child = nodes[Int(child)].nextSibling
      }
      guard next < found.count else { return found }
      directory = found[next]
      next += 1
    }
  }

  // MARK: The hash table

  private mutating func addSlot(_ id: NodeID) {
    if (used + 1) * 4 > slots.count * 3 { growSlots() }
    let mask = slots.count - 1
    var slot = Int(nodes[Int(id)].hash) & mask
    while slots[slot] != Node.none { slot = (slot + 1) & mask }
    slots[slot] = id
    used += 1
  }

  /// Backward-shift deletion: no tombstones, so lookups stay short for ever.
  private mutating func removeSlot(_ id: NodeID) {
    let mask = slots.count - 1
    var hole = Int(nodes[Int(id)].hash) & mask
    while slots[hole] != id { hole = (hole + 1) & mask }
    var next = (hole + 1) & mask
    while slots[next] != Node.none {
      let home = Int(nodes[Int(slots[next])].hash) & mask
      if (next &- home) & mask >= (next &- hole) & mask {
        slots[hole] = slots[next]
        hole = next
      }
      next = (next + 1) & mask
    }
    slots[hole] = Node.none
    used -= 1
  }

  private mutating func growSlots() {
    let old = slots
    slots = Array(repeating: Node.none, count: old.count * 2)
    let mask = slots.count - 1
    for id in old where id != Node.none {
      var slot = Int(nodes[Int(id)].hash) & mask
      while slots[slot] != Node.none { slot = (slot + 1) & mask }
      slots[slot] = id
    }
  }

  private mutating func packNames() {
    var packed: [UInt8] = []
    packed.reserveCapacity(names.count - wastedNameBytes)
    for index in nodes.indices where nodes[index].parent != Node.none {
      let start = Int(nodes[index].nameStart)
      nodes[index].nameStart = UInt32(packed.count)
      packed.append(contentsOf: names[start..<start + Int(nodes[index].nameLength)])
    }
    for index in nodes.indices where nodes[index].parent == Node.none {
      nodes[index].nameStart = 0
      nodes[index].nameLength = 0
    }
    names = packed
    wastedNameBytes = 0
  }

  /// Eight bytes a step; the directory is the seed.
  static func hash(_ directory: NodeID, _ name: UnsafeRawBufferPointer) -> UInt32 {
    var state = UInt64(directory) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(name.count)
    var offset = 0
    while offset + 8 <= name.count {
      state = mix(state ^ name.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      offset += 8
    }
    var tail: UInt64 = 0
    while offset < name.count {
      tail = tail << 8 | UInt64(name[offset])
      offset += 1
    }
    state = mix(state ^ tail)
    return UInt32(truncatingIfNeeded: state ^ state >> 32)
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    let product = (value ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return product.high ^ product.low
  }
}

/// Whether two buffers of the same count hold the same bytes.
private func isEqual(_ one: UnsafeRawBufferPointer, _ other: UnsafeRawBufferPointer) -> Bool {
  var offset = 0
  while offset + 8 <= one.count {
    if one.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      != other.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    {
      return false
    }
    offset += 8
  }
  while offset < one.count {
    if one[offset] != other[offset] { return false }
    offset += 1
  }
  return true
}
