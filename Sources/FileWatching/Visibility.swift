internal import FileEvents

/// Which names of a watch exist as far as it is concerned. What is not visible is outside: it is not
/// remembered, not watched, and a move from or to it is a move out of or into the watch.
struct Visibility {
  private let hidden: Bool
  private let ignore: IgnoreList
  private let include: [Glob]
  /// Of a root that is a file: the only name there is.
  private let soleName: [UInt8]?

  /// Throws `.invalidGlob`, with the pattern in `detail`.
  init(spec: WatchSpec, soleName: [UInt8]?) throws(WatchProblem) {
    hidden = spec.hidden
    self.soleName = soleName
    do throws(GlobError) {
      ignore = try IgnoreList(spec.ignore)
    } catch {
      throw Self.problem(error, field: "ignore", spec.ignore)
    }
    var include: [Glob] = []
    for pattern in spec.include {
      do throws(GlobError) {
        include.append(try Glob(pattern))
      } catch {
        throw Self.problem(error, field: "include", [pattern])
      }
    }
    self.include = include
  }

  private static func problem(
    _ error: GlobError, field: String, _ patterns: [String]
  ) -> WatchProblem {
    WatchProblem(
      .invalidGlob,
      detail: "\(field): \(patterns.joined(separator: " ")): \(error.reason.rawValue) at "
        + "\(error.offset)")
  }

  /// Whether every name is visible, so that none need be looked at.
  var isTotal: Bool { hidden && soleName == nil && ignore.isEmpty && include.isEmpty }

  /// Whether visibility depends on more than the last component, so that moving a directory may
  /// change what is visible below it.
  var dependsOnDirectory: Bool { !ignore.isEmpty || !include.isEmpty }

  /// `path` is relative to the base; its directory is visible. A directory is seen when something
  /// below it could be. `isGitIgnored` is asked where the watch's own patterns say nothing.
  func sees(
    _ path: ArraySlice<UInt8>, name: UnsafeRawBufferPointer, isDirectory: Bool,
    isGitIgnored: () -> Bool
  ) -> Bool {
    if let soleName { return path.elementsEqual(soleName) }
    if !hidden, name.first == 0x2E { return false }
    let span = path.span
    if ignore.verdict(path: span, isDirectory: isDirectory) ?? isGitIgnored() { return false }
    guard !include.isEmpty else { return true }
    return include.contains { glob in
      glob.matches(span) || isDirectory && glob.couldMatchBelow(span)
    }
  }
}
