/// Which paths of a watch a client means: `src/` (everything below), `src/a.css` (that path), or a
/// pattern. `*` any run and `?` one character inside a name (a character is a Unicode scalar, or one
/// byte of a name that is not UTF-8), `**` as a whole component any number of directories (at the
/// end: everything below), `[a-z]` `[!a-z]` `[^a-z]` `[[:alpha:]]` one character of a set, `{a,b}`
/// either, `\` takes the next character literally. A `/` at the start changes nothing.
///
/// Works on bytes. Time is bounded by alternatives (at most 64) × components × bytes, whatever the
/// pattern: nothing backtracks further than its latest `*`.
package struct Glob: Sendable {
  /// As written.
  package let text: String
  private let alternatives: [GlobAlternative]

  /// Compiles `text`; at most 1,024 bytes.
  package init(_ text: String) throws(GlobError) {
    self.text = text
    let alternatives = try GlobParser.alternatives(of: Array(text.utf8), as: .tidings)
      .map { GlobAlternative($0) }
    guard alternatives.allSatisfy({ !$0.components.isEmpty }) else {
      throw GlobError(.empty, at: 0)
    }
    self.alternatives = alternatives
  }

  /// Whether `path`, relative to the watch's root, is meant.
  package func matches(_ path: Span<UInt8>) -> Bool {
    for alternative in alternatives where alternative.matches(path) { return true }
    return false
  }

  /// Whether something below `directory` could be meant (not `directory` itself).
  package func couldMatchBelow(_ directory: Span<UInt8>) -> Bool {
    for alternative in alternatives where alternative.couldMatchBelow(directory) { return true }
    return false
  }

  /// Whether everything below `directory` is meant, by one `dir/` or `dir/**` alone.
  package func coversAllBelow(_ directory: Span<UInt8>) -> Bool {
    for alternative in alternatives where alternative.coversAllBelow(directory) { return true }
    return false
  }

  /// Whether a subtree that is moved from `old` to `new` keeps its matches, as far as can be told
  /// without looking at it: false when in doubt.
  package func matchesAlike(below old: Span<UInt8>, and new: Span<UInt8>) -> Bool {
    for alternative in alternatives where !alternative.isFloating {
      if alternative.coversAllBelow(old), alternative.coversAllBelow(new) { continue }
      if alternative.couldMatchBelow(old) || alternative.couldMatchBelow(new) { return false }
    }
    return true
  }

  /// Where matches can stand, from the literal beginnings of the alternatives.
  package var places: [GlobPlace] {
    alternatives.map { alternative in
      if let path = alternative.exactPath { return .path(path) }
      return .below(alternative.literalDirectory)
    }
  }
}

/// A literal bound on where the matches of a pattern stand.
package enum GlobPlace: Hashable, Sendable {
  /// Only at this path.
  case path([UInt8])
  /// Only below this directory; empty: anywhere.
  case below([UInt8])

  /// The path, or the directory.
  package var bytes: [UInt8] {
    switch self {
    case .path(let bytes), .below(let bytes): bytes
    }
  }
}

extension Glob: Hashable {
  /// Patterns written alike are equal.
  package static func == (left: Glob, right: Glob) -> Bool { left.text == right.text }

  package func hash(into hasher: inout Hasher) { hasher.combine(text) }
}
