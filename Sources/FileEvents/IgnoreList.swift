/// An ordered list of gitignore patterns, all relative to one root: what gitignore(5) says of one
/// file. The last pattern that matches decides; below an ignored directory everything is ignored,
/// whatever `!` says. No braces: gitignore has none.
package struct IgnoreList: Sendable {
  private struct Rule: Sendable {
    var isNegated = false
    var directoriesOnly = false
    /// Without a `/` before its end a pattern speaks of names, at any depth.
    var namesOnly = false
    /// The beginning of a path that stands before `pattern`, as bytes.
    var beginning: [UInt8] = []
    var pattern: GlobAlternative

    func matches(_ path: Span<UInt8>) -> Bool {
      guard !beginning.isEmpty else { return pattern.matches(path) }
      guard path.count >= beginning.count,
        path.extracting(..<beginning.count).equals(beginning)
      else { return false }
      let rest = path.extracting(beginning.count...)
      return rest.count == 0 ? pattern.matchesNothing : pattern.matches(rest)
    }
  }

  private let rules: [Rule]

  /// A list that ignores nothing.
  package init() { rules = [] }

  /// Reads one pattern per string; comments and blank ones say nothing. Refuses what is no pattern,
  /// with the offset inside that string.
  package init(_ patterns: [String]) throws(GlobError) {
    var rules: [Rule] = []
    for pattern in patterns {
      if let rule = try Self.rule(Array(pattern.utf8)[...]) { rules.append(rule) }
    }
    self.rules = rules
  }

  /// Reads the lines of a `.gitignore` file as git does: a byte order mark and a CR before the end of
  /// a line do not count, and a line that is no pattern matches nothing.
  package init(file bytes: [UInt8]) {
    let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
    rules = text.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      do throws(GlobError) { return try Self.rule(line) } catch { return nil }
    }
  }

  /// Whether the list says nothing at all.
  package var isEmpty: Bool { rules.isEmpty }

  /// Whether `path`, relative to the root, is ignored, by itself or by a directory above it. The root
  /// itself never is.
  package func ignores(path: Span<UInt8>, isDirectory: Bool) -> Bool {
    if rules.isEmpty || path.count == 0 { return false }
    var end = path.endOfComponent(from: 0)
    while end < path.count {
      if ignoresEntry(path: path.extracting(..<end), isDirectory: true) { return true }
      end = path.endOfComponent(from: end + 1)
    }
    return ignoresEntry(path: path, isDirectory: isDirectory)
  }

  /// The same for bytes in an array.
  package func ignores(path: [UInt8], isDirectory: Bool) -> Bool {
    ignores(path: path.span, isDirectory: isDirectory)
  }

  /// The same for bytes in a slice.
  package func ignores(path: ArraySlice<UInt8>, isDirectory: Bool) -> Bool {
    ignores(path: path.span, isDirectory: isDirectory)
  }

  /// Whether the patterns ignore `path` itself: for a caller who knows that no directory above it is
  /// ignored, as one who walks the tree from its root does.
  package func ignoresEntry(path: Span<UInt8>, isDirectory: Bool) -> Bool {
    verdict(path: path, isDirectory: isDirectory) ?? false
  }

  /// What the last pattern that matches `path` itself says: ignored, or not; nil when none matches,
  /// so that another list may speak.
  package func verdict(path: Span<UInt8>, isDirectory: Bool) -> Bool? {
    var nameStart = path.count
    while nameStart > 0, path[nameStart - 1] != slash { nameStart -= 1 }
    for rule in rules.reversed() {
      if rule.directoriesOnly, !isDirectory { continue }
      let matches =
        rule.namesOnly
        ? rule.pattern.matches(path.extracting(nameStart...)) : rule.matches(path)
      if matches { return !rule.isNegated }
    }
    return nil
  }

  /// One line of gitignore(5); nil when it says nothing.
  private static func rule(_ line: ArraySlice<UInt8>) throws(GlobError) -> Rule? {
    var text = withoutTrailingSpaces(line)
    var rule = Rule(pattern: GlobAlternative([]))
    switch text.first {
    case nil, UInt8(ascii: "#"): return nil
    case UInt8(ascii: "!"):
      rule.isNegated = true
      text = text.dropFirst()
    default: break
    }
    let written = text
    if text.last == slash {
      rule.directoriesOnly = true
      text = text.dropLast()
    }
    guard !text.isEmpty else { return nil }
    rule.namesOnly = !text.contains(slash)
    var head: [UInt8] = []
    let cut = rule.namesOnly ? nil : cutByGit(text)
    if let cut {
      head = Array(text[..<cut.end])
      text = text[cut.start...]
    }
    // As git matches, an empty name is in no path.
    guard !hasEmptyName(head[...]), !hasEmptyName(written[text.startIndex...]) else { return nil }
    if cut?.isApart == true {
      rule.beginning = Array(head.drop { $0 == slash })
      head = []
    }
    do {
      let tokens = try GlobParser.alternatives(of: head + text, as: .git)
      rule.pattern = GlobAlternative(tokens[0])
    } catch {
      let offset = text.startIndex - line.startIndex - head.count
      throw GlobError(error.reason, at: error.offset + offset)
    }
    return rule
  }

  private static func hasEmptyName(_ text: ArraySlice<UInt8>) -> Bool {
    zip(text, text.dropFirst()).contains { $0 == slash && $1 == slash }
  }

  /// Where git takes `**` for a whole component though it is none. gitignore(5) calls such asterisks
  /// regular; but git compares what precedes the first wildcard apart, byte by byte, and what follows
  /// is a pattern of its own, which the asterisks begin: `b**/c` matches `bc`, `b/c` and `bx/y/c`.
  /// Should an empty name follow them, they can only stand for nothing: `b**//c` matches `b/c`.
  private static func cutByGit(
    _ text: ArraySlice<UInt8>
  ) -> (end: Int, start: Int, isApart: Bool)? {
    guard let end = text.firstIndex(where: { "*?[\\".utf8.contains($0) }), end > text.startIndex,
      text[end - 1] != slash
    else { return nil }
    var start = end
    while true {
      let rest = text[start...].drop { $0 == UInt8(ascii: "*") }
      guard rest.startIndex >= start + 2, (rest.first ?? slash) == slash else {
        return start > end ? (end, end, true) : nil
      }
      guard !rest.isEmpty else { return (end, end, true) }
      start = rest.startIndex + 1
      if start == text.endIndex || text[start] == slash { return (end, start, false) }
    }
  }

  /// Spaces at the end do not count, unless a backslash stands before them.
  private static func withoutTrailingSpaces(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var end = line.endIndex
    while end > line.startIndex, line[end - 1] == UInt8(ascii: " ") {
      let backslashes = line[..<(end - 1)].reversed().prefix { $0 == UInt8(ascii: "\\") }.count
      if backslashes % 2 == 1 { break }
      end -= 1
    }
    return line[..<end]
  }
}

private let slash = UInt8(ascii: "/")
