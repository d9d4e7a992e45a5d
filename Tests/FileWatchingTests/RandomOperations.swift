import FileEvents
import Foundation

/// Random changes to a directory, the same for the same seed.
struct RandomOperations {
  private var state: UInt64
  let disk: Disk
  private(set) var done = 0

  init(seed: UInt64, disk: Disk) {
    state = seed
    self.disk = disk
  }

  /// SplitMix64.
  private mutating func random(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return Int((mixed ^ mixed >> 31) % UInt64(bound))
  }

  /// A path of one to four components out of few names, so that operations meet.
  private mutating func path() -> [UInt8] {
    let names = ["a", "b", "c", "d", "e\u{301}", "f f"]
    let depth = 1 + random(4)
    return Array((0..<depth).map { _ in names[random(names.count)] }.joined(separator: "/").utf8)
  }

  private mutating func outside() -> [UInt8] { Array("../outside-\(random(4))".utf8) }

  /// Does `count` operations; what is impossible at the moment is skipped.
  mutating func run(_ count: Int) {
    for _ in 0..<count {
      done += 1
      try? step()
    }
  }

  private mutating func step() throws {
    let text = Array(repeating: UInt8(ascii: "x"), count: random(50))
    switch random(100) {
    case 0..<22: try disk.write(path(), text)
    case 22..<34: try disk.append(path(), text)
    case 34..<50: try disk.makeDirectories(path())
    case 50..<58: try disk.remove(path())
    case 58..<62: try disk.removeAll(path())
    case 62..<78: try disk.move(path(), path())
    case 78..<82: try disk.exchange(path(), path())
    case 82..<86: try disk.move(path(), outside())
    case 86..<90: try disk.move(outside(), path())
    case 90..<93: try disk.link(to: path(), path())
    // No hard links: a write through the other name is told to nobody (the kernel's rule).
    case 93..<95: try disk.touch(path())
    case 95..<97: try disk.changeMode(path(), random(2) == 0 ? 0o700 : 0o755)
    case 97..<98:
      // An atomic save.
      let target = path()
      try disk.write(target + [0x7E], text)
      try disk.move(target + [0x7E], target)
    default:
      // A vim-like save.
      let target = path()
      try disk.move(target, target + [0x7E])
      try disk.write(target, text)
      try disk.remove(target + [0x7E])
    }
  }
}
