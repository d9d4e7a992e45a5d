/// What a subscription sees of the paths of its watches: some of `paths` (none given: everything),
/// none of `ignores`. Ignoring a directory ignores everything below it.
package struct PathFilter: Hashable, Sendable {
  package let paths: [Glob]
  package let ignores: [Glob]

  /// The filter that sees everything.
  package init() {
    paths = []
    ignores = []
  }

  package init(paths: [Glob], ignores: [Glob] = []) {
    self.paths = paths
    self.ignores = ignores
  }

  /// Compiles the texts of a request.
  package init(paths: [String], ignores: [String] = []) throws(GlobError) {
    var globs: [[Glob]] = [[], []]
    for text in paths { globs[0].append(try Glob(text)) }
    for text in ignores { globs[1].append(try Glob(text)) }
    self.init(paths: globs[0], ignores: globs[1])
  }

  package var seesEverything: Bool { paths.isEmpty && ignores.isEmpty }

  /// Whether the filter sees what happens to `path` itself.
  package func matches(_ path: Span<UInt8>) -> Bool {
    (paths.isEmpty || paths.anyMatches(path)) && !isIgnored(path)
  }

  /// Whether the filter could see something below `directory`.
  package func couldMatchBelow(_ directory: Span<UInt8>) -> Bool {
    guard !isIgnored(directory) else { return false }
    if ignores.coverAllBelow(directory) { return false }
    if paths.isEmpty { return true }
    for glob in paths where glob.couldMatchBelow(directory) { return true }
    return false
  }

  /// Whether `path` counts as inside: it matches, or it is a directory and something below it could.
  package func sees(_ path: Span<UInt8>, mayBeDirectory: Bool) -> Bool {
    if seesEverything { return true }
    return matches(path) || (mayBeDirectory && couldMatchBelow(path))
  }

  /// Whether a directory moved from `old` to `new` brings just what the filter saw of it before, as
  /// far as can be told without looking at it: false when in doubt.
  package func seesAlike(below old: Span<UInt8>, and new: Span<UInt8>) -> Bool {
    for glob in ignores where !glob.matchesAlike(below: old, and: new) { return false }
    if paths.coverAllBelow(old), paths.coverAllBelow(new) { return true }
    for glob in paths where !glob.matchesAlike(below: old, and: new) { return false }
    return true
  }

  /// The smallest subtrees that hold all of `path`'s subtree that the filter could see, but for the
  /// directories that lead to them; none when it sees nothing there. At most 16, else `path` itself.
  package func scopes(below path: [UInt8]) -> [[UInt8]] {
    guard sees(path.span, mayBeDirectory: true) else { return [] }
    if paths.isEmpty { return [path] }
    var scopes: [[UInt8]] = []
    for place in paths.flatMap(\.places) {
      let bytes = place.bytes
      if bytes == path || bytes.span.isBelow(path) {
        scopes.append(bytes)
      } else if bytes.isEmpty || path.span.isBelow(bytes), case .below = place {
        scopes.append(path)
      }
    }
    scopes = scopes.withoutNestedPaths()
    return scopes.count > 16 ? [path] : scopes
  }

  private func isIgnored(_ path: Span<UInt8>) -> Bool {
    if ignores.isEmpty { return false }
    var end = 0
    while end < path.count {
      end = path.endOfComponent(from: end == 0 ? 0 : end + 1)
      if ignores.anyMatches(path.extracting(..<end)) { return true }
    }
    return false
  }
}

extension [Glob] {
  fileprivate func coverAllBelow(_ directory: Span<UInt8>) -> Bool {
    for glob in self where glob.coversAllBelow(directory) { return true }
    return false
  }

  fileprivate func anyMatches(_ path: Span<UInt8>) -> Bool {
    for glob in self where glob.matches(path) { return true }
    return false
  }
}

extension [[UInt8]] {
  /// Each path once, without those below another; in order of their bytes.
  package func withoutNestedPaths() -> [[UInt8]] {
    Set(self).sorted { $0.lexicographicallyPrecedes($1) }.reduce(into: []) { kept, path in
      let isCovered = kept.contains { path.span.isBelow($0) }
      if !isCovered { kept.append(path) }
    }
  }
}
