internal import Bytes
internal import FileEvents
internal import FileWatching
internal import HTTPTypes

/// A watch as asked for in JSON.
extension WatchSpec {
  private static let durations: ClosedRange<Duration> = .zero...(.seconds(3600))
  private static let patternLimit = 1_000

  /// Reads a spec; 400 and 422 name the field, 403 a root outside `roots`.
  init(_ value: JSONValue, roots: [[UInt8]]) throws(Problem) {
    var members = try MemberReader(value, as: "spec")
    guard let root = try members.string("root") else {
      throw .malformed("root", "is missing: the directory or file to watch")
    }
    self = try AllowedRoots(roots).spec(for: root)
    if let id = try members.string("id") {
      guard WatchID.isValid(id) else {
        throw .malformed("id", "must be [a-z0-9][a-z0-9._-]{0,63}, not \(id)")
      }
      self.id = id
    }
    recursive = try members.bool("recursive") ?? recursive
    ignore = try Self.patterns("ignore", &members)
    include = try Self.patterns("include", &members)
    gitignore = try members.bool("gitignore") ?? gitignore
    hidden = try members.bool("hidden") ?? hidden
    if let names = try members.strings("kinds"), let kinds = try ChangeKinds(names: names) {
      self.kinds = kinds
    }
    if let name = try members.string("backend") {
      guard let backend = BackendChoice(rawValue: name) else {
        let known = BackendChoice.allCases.map(\.rawValue).joined(separator: ", ")
        throw .malformed("backend", "must be one of \(known), not \(name)")
      }
      self.backend = backend
    }
    pollInterval =
      try Self.duration("pollInterval", &members, Self.pollIntervals) ?? pollInterval
    settle = try Self.duration("settle", &members) ?? settle
    settleMax = try Self.duration("settleMax", &members) ?? max(settle, settleMax)
    guard settleMax >= settle else {
      throw .malformed("settleMax", "must not be shorter than settle")
    }
    followSymlinks = try members.bool("followSymlinks") ?? followSymlinks
    index = try members.bool("index") ?? index
    label = try members.string("label")
    ephemeral = try members.bool("ephemeral") ?? ephemeral
    try members.finish()
  }

  fileprivate static func duration(
    _ name: String, _ members: inout MemberReader, _ range: ClosedRange<Duration> = durations
  ) throws(Problem) -> Duration? {
    guard let text = try members.string(name) else { return nil }
    return try DurationField.parse(name, text, range)
  }

  fileprivate static func patterns(
    _ name: String, _ members: inout MemberReader
  ) throws(Problem) -> [String] {
    let patterns = try members.strings(name) ?? []
    guard patterns.count <= patternLimit else { throw .malformed(name, "\(patternLimit) at most") }
    return patterns
  }

  func describe(into json: inout JSONText) {
    json.field("root", path: root)
    if let id { json.field("id", id) }
    json.field("recursive", recursive)
    json.field("ignore", ignore)
    json.field("include", include)
    json.field("gitignore", gitignore)
    json.field("hidden", hidden)
    json.field("kinds", kinds.kinds.map(\.name))
    json.field("backend", backend.rawValue)
    json.field("pollInterval", DurationText.text(pollInterval))
    json.field("settle", DurationText.text(settle))
    json.field("settleMax", DurationText.text(settleMax))
    json.field("followSymlinks", followSymlinks)
    json.field("index", index)
    if let label { json.field("label", label) }
    json.field("ephemeral", ephemeral)
  }
}

extension WatchPatch {
  /// Reads a merge patch (RFC 7396): null is a member's default. 400 names the field, also one that
  /// a watch has but that cannot be patched.
  init(_ value: JSONValue) throws(Problem) {
    self.init()
    var members = try MemberReader(value, as: "patch")
    let plain = WatchSpec(root: [])
    if members.has("ignore") { ignore = try WatchSpec.patterns("ignore", &members) }
    if members.has("include") { include = try WatchSpec.patterns("include", &members) }
    if members.has("hidden") { hidden = try members.bool("hidden") ?? plain.hidden }
    if members.has("kinds") {
      kinds = plain.kinds
      if let names = try members.strings("kinds"), let named = try ChangeKinds(names: names) {
        kinds = named
      }
    }
    if members.has("settle") {
      settle = try WatchSpec.duration("settle", &members) ?? plain.settle
    }
    if members.has("settleMax") {
      settleMax = try WatchSpec.duration("settleMax", &members) ?? plain.settleMax
    }
    if members.has("label") { label = .some(try members.string("label")) }
    try members.finish()
  }
}

extension WatchStatus {
  func describe(into json: inout JSONText) {
    json.field("id", id)
    json.field("root", path: root)
    json.field("state", state.name)
    if let reason {
      json.field("reason", reason.detail)
      json.field("problem") { reason.describe(into: &$0) }
    }
    json.field("backend", backend)
    json.field("filesystem") {
      $0.field("type", filesystemType)
      $0.field("remote", filesystemIsRemote)
    }
    json.field("crawl") {
      $0.field("directories", crawl.directories)
      $0.field("files", crawl.files)
      $0.field("seconds", seconds: crawl.seconds)
      $0.field("done", crawl.done)
    }
    json.field("kernelWatches", kernelWatches)
    json.field("counters") {
      $0.field("events", counters.events)
      $0.field("changes", counters.changes)
      $0.field("overflows", counters.overflows)
      $0.field("rescans", counters.rescans)
    }
    json.field("spec") { spec.describe(into: &$0) }
  }
}

extension WatchProblem {
  fileprivate func describe(into json: inout JSONText) {
    json.field("code", code.rawValue)
    if errno != 0 { json.field("errno", ErrnoName.of(errno)) }
    json.field("path", path: path)
    json.field("detail", detail)
    if let hint { json.field("hint", hint) }
    if let used { json.field("used", used) }
    if let maximum { json.field("maximum", maximum) }
    if let directories { json.field("directories", directories) }
  }
}

/// Where watches may be rooted. The spelling is judged here; that no symbolic link leads out again
/// is seen to when the root is opened (openat2(2), RESOLVE_BENEATH).
struct AllowedRoots {
  private let roots: [[UInt8]]

  init(_ roots: [[UInt8]]) { self.roots = roots }

  /// A spec whose root lies in an allowed directory; 403 otherwise.
  func spec(for root: String) throws(Problem) -> WatchSpec {
    guard root.utf8.first == slash else {
      throw .malformed("root", "must be an absolute path, not \(root)")
    }
    guard !root.utf8.contains(0) else { throw .malformed("root", "holds a NUL byte") }
    let parts = root.utf8.split(separator: slash).filter { !$0.elementsEqual(".".utf8) }
    guard !parts.contains(where: { $0.elementsEqual("..".utf8) }) else {
      throw .malformed("root", "must not hold ..")
    }
    let clean = parts.isEmpty ? [slash] : parts.reduce(into: []) { $0 += [slash] + $1 }
    guard let allowed = roots.first(where: { Self.contains($0, clean) }) else {
      throw Problem(
        .forbidden, "path-not-allowed", "\(root) is not below a directory that may be watched",
        hint: "--allow-root \(root)", field: "root")
    }
    var spec = WatchSpec(root: clean)
    spec.confinedTo = allowed
    return spec
  }

  /// By components: /srv/site does not contain /srv/site-secret.
  private static func contains(_ directory: [UInt8], _ path: [UInt8]) -> Bool {
    if directory == [slash] || directory == path { return true }
    return path.starts(with: directory) && path[directory.count] == slash
  }
}

private let slash = UInt8(ascii: "/")
