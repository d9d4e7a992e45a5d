import FileEvents
import Glibc
import Syscalls

/// A `.gitignore` up to the first NUL, a path behind it: what the last line that matches says is what
/// a second reading of gitignore(5) says, with fnmatch(3) for the names. Whatever is below an ignored
/// directory is ignored.
func fuzzGitIgnore(_ bytes: UnsafeRawBufferPointer) {
  let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
  guard parts.count == 2 else { return }
  let path = Array(parts[1])
  let components = path.split(separator: slash, omittingEmptySubsequences: false).map { Array($0) }
  // fnmatch(3) tries every way there is.
  guard path.count <= 60, components.allSatisfy({ !$0.isEmpty && !$0.contains(0) }) else { return }
  let list = IgnoreList(file: Array(parts[0]))
  var isIgnored = false
  for depth in 1...components.count {
    let isDirectory = depth < components.count
    let entry = Array(components[..<depth].joined(separator: [slash]))
    let verdict = list.verdict(path: entry.span, isDirectory: isDirectory)
    isIgnored = isIgnored || verdict == true
    precondition(
      list.ignores(path: entry, isDirectory: isDirectory) == isIgnored, "not from above")
    let lines = parts[0].split(separator: 10).reversed().lazy
    let expected = lines.map { GitRule.verdict(of: Array($0), components[..<depth], isDirectory) }
      .first { $0 != .nothing }
    switch expected {
    case .unknown: break
    case nil, .nothing: precondition(verdict == nil, "of nothing")
    case .ignored: precondition(verdict == true, "not ignored")
    case .seen: precondition(verdict == false, "not seen")
    }
  }
}

private let slash = UInt8(ascii: "/")

private enum Verdict {
  case nothing, ignored, seen
  /// The line is one that fnmatch(3) reads otherwise, or that is no pattern.
  case unknown
}

/// gitignore(5) once more, with no thought of speed.
private enum GitRule {
  static func verdict(
    of line: [UInt8], _ components: ArraySlice<[UInt8]>, _ isDirectory: Bool
  ) -> Verdict {
    if isOdd(line) { return .unknown }
    var text = line[...]
    if text.first == UInt8(ascii: "#") { return .nothing }
    let said: Verdict = text.first == UInt8(ascii: "!") ? .seen : .ignored
    if said == .seen { text.removeFirst() }
    if text.last == slash {
      text.removeLast()
      if !isDirectory { return .nothing }
    }
    if text.isEmpty { return .nothing }
    let isOfNames = !text.contains(slash)
    if text.first == slash { text.removeFirst() }
    let pattern = text.split(separator: slash)
    return matches(pattern[...], isOfNames ? components.suffix(1) : components) ? said : .nothing
  }

  /// What does not count at the file's begin and at a line's end, `//`, an escaped end, sets that hold
  /// more than members and ranges or stand beside a `/`, and `x**/`, of which git says otherwise than
  /// its manual: the end-to-end tests ask git.
  private static func isOdd(_ line: [UInt8]) -> Bool {
    let pairs = zip(line, line.dropFirst())
    let hasSets = line.contains(UInt8(ascii: "["))
    return line.count > 60 || line.starts(with: [0xEF]) || line.contains(13)
      || line.last == UInt8(ascii: " ") || line.last == UInt8(ascii: "\\")
      || pairs.contains { $1 == slash && ($0 == slash || $0 == UInt8(ascii: "\\")) }
      || hasSets && (line.contains(slash) || !hasPlainSets(line))
      || line.contains(slash) && hasInnerStars(line)
      || line.count { $0 == star } > 5
  }

  /// Whether two asterisks stand behind something else in their component.
  private static func hasInnerStars(_ line: [UInt8]) -> Bool {
    line.indices.dropFirst().dropLast().contains { index in
      line[index] == star && line[index + 1] == star && line[index - 1] != slash
        && line[index - 1] != star && !(index == 1 && line[0] == UInt8(ascii: "!"))
    }
  }

  private static let star = UInt8(ascii: "*")

  private static func matches(
    _ pattern: ArraySlice<ArraySlice<UInt8>>, _ path: ArraySlice<[UInt8]>
  ) -> Bool {
    guard let first = pattern.first else { return path.isEmpty }
    guard first.count >= 2, first.allSatisfy({ $0 == star }) else {
      guard let name = path.first else { return false }
      return isMatch(first, name) && matches(pattern.dropFirst(), path.dropFirst())
    }
    // At the end: everything below, not the directory itself.
    if pattern.count == 1 { return !path.isEmpty }
    return (0...path.count).contains { matches(pattern.dropFirst(), path.dropFirst($0)) }
  }

  private static func isMatch(_ pattern: ArraySlice<UInt8>, _ name: [UInt8]) -> Bool {
    func text(_ bytes: some Sequence<UInt8>) -> [CChar] {
      bytes.map { CChar(bitPattern: $0) } + [0]
    }
    return fnmatch(text(pattern), text(name), 0) == 0
  }

  /// Whether every `[` begins or ends where nobody doubts it: members are letters, digits, bytes
  /// beyond ASCII, upward ranges of these, or one class.
  private static func hasPlainSets(_ line: [UInt8]) -> Bool {
    var rest = line[...]
    while let open = rest.firstIndex(of: UInt8(ascii: "[")) {
      rest = rest[(open + 1)...]
      if let first = rest.first, "!^".utf8.contains(first) { rest.removeFirst() }
      guard let close = rest.firstIndex(of: UInt8(ascii: "]")), close > rest.startIndex else {
        return false
      }
      var members = rest[..<close]
      while let low = members.popFirst() {
        guard isMember(low) else { return false }
        guard members.first == UInt8(ascii: "-") else { continue }
        members.removeFirst()
        guard let high = members.popFirst(), isMember(high), low <= high else { return false }
      }
      rest = rest[(close + 1)...]
    }
    return !line.contains(UInt8(ascii: "\\"))
  }

  private static func isMember(_ byte: UInt8) -> Bool {
    byte >= 0x80 || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
      || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
  }
}

/// Records lie one behind the other within what was read, and end; a handle can be made of each place,
/// and tells places apart as their bytes do.
func fuzzFanotify(_ bytes: UnsafeRawBufferPointer) {
  var end = 0
  var count = 0
  var last: (handle: ObjectHandle, bytes: [UInt8])?
  for event in FanotifyEvents(bytes) {
    count += 1
    precondition(count * 24 <= bytes.count, "more records than there is room for")
    let begin = end
    for entry in [event.entry, event.from, event.to].compactMap(\.self) {
      precondition(entry.directory.lowerBound >= begin + 24 + 4 && entry.directory.count >= 16)
      precondition(entry.name.lowerBound == entry.directory.upperBound)
      precondition(entry.name.upperBound <= bytes.count)
      precondition(!bytes[entry.name].contains(0), "a NUL in a name")
      end = max(end, entry.name.upperBound)
      let place = UnsafeRawBufferPointer(rebasing: bytes[entry.directory])
      let handle = ObjectHandle(record: place)
      // The length is in the handle's own count.
      let said = Array(place[..<8]) + Array(place[12...])
      if let last {
        precondition((handle == last.handle) == (said == last.bytes), "handles mistaken")
        if handle == last.handle { precondition(handle.hashValue == last.handle.hashValue) }
      }
      last = (handle, said)
    }
  }
}
