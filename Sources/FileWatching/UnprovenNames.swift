/// Names to compare with the disk, should that be needed. A plain value.
struct UnprovenNames {
  /// Which stretch of the kernel's queue the latest is of: `Ground.stretch`.
  private(set) var stretch: UInt64 = 0
  /// All names one after another.
  private var names: [UInt8] = []
  private var entries: [(directory: NodeID, life: UInt32, end: Int)] = []

  var isEmpty: Bool { entries.isEmpty }
  var count: Int { entries.count }

  mutating func append(
    _ name: UnsafeRawBufferPointer, in directory: NodeID, life: UInt32, of stretch: UInt64
  ) {
    self.stretch = stretch
    names.append(contentsOf: name)
    entries.append((directory, life, names.count))
  }

  mutating func removeAll() {
    names.removeAll(keepingCapacity: names.count < 16_384)
    entries.removeAll(keepingCapacity: entries.count < 1_024)
  }

  func forEach(
    _ body: (_ name: UnsafeRawBufferPointer, _ directory: NodeID, _ life: UInt32) -> Void
  ) {
    names.withUnsafeBytes { names in
      var start = 0
      for entry in entries {
        let name = UnsafeRawBufferPointer(rebasing: names[start..<entry.end])
        body(name, entry.directory, entry.life)
        start = entry.end
      }
    }
  }
}
