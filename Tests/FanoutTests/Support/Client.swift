import EventFormats
import Fanout
import FileEvents
import Foundation

/// One event as a client reads it from an NDJSON line.
struct Event: CustomStringConvertible {
  let members: [String: Any]
  let description: String

  init(_ line: Substring) throws {
    description = String(line)
    members = try JSONSerialization.jsonObject(with: Data(line.utf8)) as! [String: Any]
  }

  var name: String { members["event"] as! String }
  var cursor: String? { members["id"] as? String }
  /// The number in the cursor.
  var id: UInt64? { cursor.flatMap { Cursor($0) }?.sequence }
  var kind: String? { members["kind"] as? String }
  var path: String? { members["path"] as? String }
  var reason: String? { members["reason"] as? String }
  var scope: [String] {
    (members["scope"] as? [[String: String]] ?? []).map { "\($0["watch"]!):\($0["path"]!)" }
  }

  subscript(name: String) -> Any? { members[name] }

  /// `kind path`, with `<- from` and the flags; of other events the name and what they say.
  var short: String {
    switch name {
    case "change":
      let from = (members["from"] as? String).map { " <- \($0)" } ?? ""
      let flags = ["moved", "exchange", "replaced"].filter { members[$0] as? Bool == true }
      return ([kind!, path! + from] + flags).joined(separator: " ")
    case "entry": return "entry \(path!)"
    case "reset": return "reset \(reason!) \(scope.joined(separator: ","))"
    case "watch": return "watch \(members["watch"]!) \(members["state"]!)"
    default: return name
    }
  }

  /// With the number of records it stands for, when that is not one.
  var shortWithCount: String { (members["count"] as? Int).map { "\(short) ×\($0)" } ?? short }
}

/// One connection with one subscription, which reads when told to.
final class Client {
  let world: World
  let subscription: Subscription
  private(set) var isReady = false
  private(set) var requests: [ListingRequest] = []
  private(set) var events: [Event] = []
  private(set) var lastPull: Pull?
  /// Whether it takes whole what others were told, where it can.
  var takesBroadcasts = false
  private(set) var broadcastsTaken = 0

  private final class Relay: SubscriptionOwner {
    weak var client: Client?
    func append(
      _ broadcast: Broadcast, of subscription: Subscription, to output: inout [UInt8]
    ) {
      output += broadcast.bytes
    }
    func subscriptionIsReady(_ subscription: Subscription) { client?.isReady = true }
    func subscription(_ subscription: Subscription, needs page: ListingRequest) {
      client?.requests.append(page)
    }
  }
  private let relay: Relay

  init(_ world: World, _ request: SubscriptionRequest, framing: StreamFraming = .ndjson) {
    self.world = world
    relay = Relay()
    subscription = world.hub.subscribe(request, framing: framing, owner: relay, now: world.time)
    relay.client = self
  }

  convenience init(
    _ world: World, watches: [String] = [], paths: [String] = [], ignores: [String] = [],
    kinds: ChangeKinds? = nil, start: SubscriptionRequest.Start = .now, initial: Bool = false,
    overflow: OverflowPolicy = .reset, maxLag: Int? = nil
  ) throws {
    var request = SubscriptionRequest(serverName: "test")
    request.watches = watches
    request.filter = try PathFilter(paths: paths, ignores: ignores)
    request.kinds = kinds
    request.start = start
    request.initial = initial
    request.overflow = overflow
    request.maxLag = maxLag
    self.init(world, request)
  }

  /// Broadcasts are given to it to write, and made for it even where it is the only one.
  func writesBroadcasts() { subscription.letOwnerWriteBroadcasts() }

  /// One pull; returns the events it brought.
  @discardableResult
  func pull(limit: Int = 1 << 20) throws -> [Event] {
    isReady = false
    var output: [UInt8] = []
    if takesBroadcasts, let broadcast = subscription.takeBroadcast() {
      broadcastsTaken += 1
      output = broadcast.bytes
      lastPull = .caughtUp
    } else {
      lastPull = subscription.pull(into: &output, limit: limit)
    }
    let lines = String(decoding: output, as: UTF8.self).split(separator: "\n")
    let new = try lines.map { try Event($0) }
    events += new
    return new
  }

  /// Answers the listing that was asked for, if one was.
  func answerRequest() {
    guard !requests.isEmpty else { return }
    let answer = world.answer(requests.removeFirst())
    subscription.receive(answer)
  }

  /// Pulls, answers and delivers until there is nothing more to come.
  @discardableResult
  func drain(limit: Int = 1 << 20) throws -> [Event] {
    var new: [Event] = []
    for _ in 0..<10_000 {
      new += try pull(limit: limit)
      switch lastPull! {
      case .more: continue
      case .close: return new
      case .caughtUp: return new
      case .waiting:
        if requests.isEmpty, !isReady { return new }
        answerRequest()
        world.deliver()
      }
    }
    throw Endless()
  }

  struct Endless: Error {}

  func close() { world.hub.unsubscribe(subscription) }

  deinit { close() }
}

/// What a client knows of its watches when it has nothing but the events: the rules of the contract
/// and no more. Keys are `watch:path`.
struct Picture {
  var entries: [String: Node] = [:]
  /// Subtrees that a reset told the client to read again.
  var doubts: Set<String> = []
  /// The directories that led to them: read again with them.
  var ways: Set<String> = []

  mutating func apply(_ event: Event) {
    switch event.name {
    case "entry": put(key(event), event)
    case "reset": for scope in event.scope { doubt(scope) }
    case "change":
      switch event.kind! {
      case "create", "modify": put(key(event), event)
      case "delete": _ = take(key(event))
      case "move":
        let (old, new) = (key(event, "from"), key(event))
        if event["exchange"] as? Bool == true {
          let (left, right) = (take(old), take(new))
          give(left, old, new)
          give(right, new, old)
        } else {
          _ = take(new)
          give(take(old), old, new)
        }
        put(new, event)
      default: break
      }
    default: break
    }
  }

  private mutating func doubt(_ scope: String) {
    doubts.insert(scope)
    for (index, character) in zip(scope.indices, scope) where character == "/" {
      ways.insert(String(scope[..<index]))
    }
  }

  func isDoubtful(_ key: String) -> Bool { doubts.contains { isInside(key, $0) } }

  private func key(_ event: Event, _ name: String = "path") -> String {
    "\(event["watch"]!):\(event[name]!)"
  }

  private mutating func put(_ key: String, _ event: Event) {
    let type: FileType =
      switch event["type"] as? String {
      case "file": .file
      case "directory": .directory
      default: .unknown
      }
    let version = (event["size"] as? Int).map { UInt64($0) }
    entries[key] = Node(type: type, version: version ?? 0)
  }

  private typealias Taken = (entries: [String: Node], doubts: Set<String>)

  /// What leaves a doubtful directory stays doubtful.
  private mutating func take(_ key: String) -> Taken {
    let taken = entries.filter { isInside($0.key, key) }
    for key in taken.keys { entries[key] = nil }
    var moving = doubts.filter { isInside($0, key) }
    doubts.subtract(moving)
    if isDoubtful(key) { moving.insert(key) }
    return (taken, moving)
  }

  private mutating func give(_ taken: Taken, _ old: String, _ new: String) {
    for (key, node) in taken.entries { entries[new + key.dropFirst(old.count)] = node }
    for doubt in taken.doubts { doubts.insert(new + doubt.dropFirst(old.count)) }
  }

  private func isInside(_ key: String, _ subtree: String) -> Bool {
    key == subtree || key.hasPrefix(subtree + "/")
      || (subtree.hasSuffix(":") && key.hasPrefix(subtree))
  }
}
