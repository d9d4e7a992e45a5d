internal import Bytes
internal import Fanout
internal import FileEvents
internal import HTTPTypes

/// What a client may say of a subscription, in a query or in a WebSocket's `subscribe`; the words
/// are the same.
struct SubscriptionFields {
  var watch: [String]
  var path: [String]
  var ignore: [String]
  var kinds: [String]
  var since: String?
  var overflow: String?
  var maxLag: Int?
  var initial: Bool

  private static let lagRange = 1...10_000_000
  private static let patternLimit = 64

  init(query: inout QueryReader) throws(Problem) {
    watch = try query.all("watch")
    path = try query.all("path")
    ignore = try query.all("ignore")
    kinds = try query.all("kinds")
    since = try query.one("since")
    overflow = try query.one("overflow")
    maxLag = try query.integer("maxLag", Self.lagRange)
    initial = try query.flag("initial") ?? false
  }

  init(members: inout MemberReader) throws(Problem) {
    watch = try members.strings("watch") ?? []
    path = try members.strings("path") ?? []
    ignore = try members.strings("ignore") ?? []
    kinds = try members.strings("kinds") ?? []
    since = try members.string("since")
    overflow = try members.string("overflow")
    maxLag = try members.integer("maxLag", Self.lagRange)
    initial = try members.bool("initial") ?? false
  }

  /// A reconnecting EventSource repeats its address and adds where it stopped: that wins.
  mutating func resume(_ request: HTTPRequest) throws(Problem) {
    guard let last = request.headerFields[.lastEventID] else { return }
    guard Cursor(last) != nil else {
      throw .malformed("Last-Event-ID", "\(last) is not a cursor of this server")
    }
    since = last
  }

  /// What it means; 400 and 422 name the field.
  func request(_ shared: Shared) throws(Problem) -> SubscriptionRequest {
    guard path.count <= Self.patternLimit, ignore.count <= Self.patternLimit else {
      throw .malformed(
        path.count > Self.patternLimit ? "path" : "ignore", "\(Self.patternLimit) at most")
    }
    for id in watch where !WatchID.isValid(id) {
      throw .malformed("watch", "\(id) is not an id: [a-z0-9][a-z0-9._-]{0,63}")
    }
    var request = SubscriptionRequest(serverName: "tidings/\(shared.configuration.version)")
    request.watches = watch
    request.filter = try filter()
    request.kinds = try ChangeKinds(names: kinds)
    request.start = try start()
    request.overflow = try policy()
    request.maxLag = maxLag
    request.initial = initial
    return request
  }

  private func filter() throws(Problem) -> PathFilter {
    var paths: [Glob] = []
    var ignores: [Glob] = []
    for text in path { paths.append(try glob(text, "path")) }
    for text in ignore { ignores.append(try glob(text, "ignore")) }
    return PathFilter(paths: paths, ignores: ignores)
  }

  private func glob(_ text: String, _ field: String) throws(Problem) -> Glob {
    do throws(GlobError) { return try Glob(text) } catch {
      throw Problem(
        .unprocessableContent, "invalid-glob",
        "\(field): \(text): \(error.reason.rawValue) at offset \(error.offset)", field: field)
    }
  }

  private func policy() throws(Problem) -> OverflowPolicy {
    guard let overflow else { return .reset }
    guard let policy = OverflowPolicy(rawValue: overflow) else {
      let known = OverflowPolicy.allCases.map(\.rawValue).joined(separator: ", ")
      throw .malformed("overflow", "must be one of \(known), not \(overflow)")
    }
    return policy
  }

  private func start() throws(Problem) -> SubscriptionRequest.Start {
    switch since {
    case nil, "now": return .now
    case "earliest": return .earliest
    case let text?:
      if let cursor = Cursor(text) { return .cursor(cursor) }
      guard !text.contains("-"), let age = DurationText.parse(text) else {
        throw .malformed("since", "must be a cursor, now, earliest or an age (10m), not \(text)")
      }
      return .age(age.nanoseconds)
    }
  }
}

extension ChangeKinds {
  /// Reads comma lists of kinds; nil for none at all.
  init?(names lists: [String]) throws(Problem) {
    let names = lists.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
    guard !names.isEmpty else { return nil }
    var kinds: ChangeKinds = []
    for name in names {
      guard let kind = ChangeKind(name: name) else {
        let known = ChangeKind.allCases.map(\.name).joined(separator: ", ")
        throw .malformed("kinds", "\(name) is none of \(known)")
      }
      kinds.insert(ChangeKinds(kind))
    }
    self = kinds
  }
}

/// The ids of watches.
enum WatchID {
  /// `[a-z0-9][a-z0-9._-]{0,63}`.
  static func isValid(_ id: String) -> Bool {
    guard let first = id.utf8.first, id.utf8.count <= 64 else { return false }
    func isLetterOrDigit(_ byte: UInt8) -> Bool {
      (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
    }
    return isLetterOrDigit(first)
      && id.utf8.allSatisfy { isLetterOrDigit($0) || $0 == 0x2E || $0 == 0x5F || $0 == 0x2D }
  }
}
