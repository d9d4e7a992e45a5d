internal import FileEvents
internal import Syscalls

/// What of a watch has no mark and is looked at again now and then: when, and what a look remembers
/// for the next. A plain value, the tree thread's; times are nanoseconds, monotonic.
///
/// A round is one look at everything that is polled. It tells what differs as any other scan does,
/// save that a name that is missing counts as gone when the round has ended: until then the object
/// may turn up under another.
struct Polling {
  /// A round is followed by rest, so that looking takes at most a tenth of the time: what is slow to
  /// look through is looked through less often.
  static let part: Int64 = 10
  /// How long a round may wait for scans that records ask for, in nanoseconds: while they pour in there
  /// may always be one.
  static let patience: Int64 = 5_000_000_000
  /// Bytes of a file that are read to tell its content from another of the same size and time.
  static let contentLimit = 64 << 10

  let interval: Int64

  /// Directories that a limit has left without a mark.
  var unmarked: Set<NodeID> = []
  /// Of which limit, with the numbers of its latest refusal.
  var refusal: WatchProblem?
  /// Whether a mark was refused since the latest round began: no other is asked for until the next.
  var isRefused = false

  /// When the next round begins; nil while nothing is polled.
  private(set) var due: Int64?
  private var began: Int64?
  /// How long the round has been looking so far.
  private var spent: Int64 = 0
  private var begun: UInt64 = 0
  private(set) var ended: UInt64 = 0
  /// The round somebody waits for.
  private(set) var wanted: UInt64 = 0

  /// Where in this round an object was missing, or another: decided when it ends.
  var unsure: [Place] = []
  /// The nodes that no listing of this round showed, by their life.
  var missing: [NodeID: UInt32] = [:]
  /// New names of objects that still seem to have their old: links, or moved, and a remote
  /// filesystem's cache says otherwise. Decided when the round ends, before the others.
  var candidates: [Place] = []
  /// Whether the round has seen all listings.
  var isEnding = false
  /// What stood where something else was moved to in this round.
  var aside: [(node: NodeID, life: UInt32)] = []
  /// All objects known when the first was looked for in this round.
  private var objects: [ObjectIdentity: NodeID]?

  /// Files whose size and time may not tell their next change.
  var recent: [NodeID: RecentContent] = [:]
  /// Without an index: what all entries of a directory were like.
  var summaries: [NodeID: UInt64] = [:]

  init(interval: Int64) { self.interval = interval }

  // MARK: Rounds

  var isRunning: Bool { began != nil }

  /// Whether the round has gone on for longer than its patience.
  func isOverdue(_ now: Int64) -> Bool { began.map { now - $0 > Self.patience } ?? false }

  /// Whether every round somebody waits for has ended.
  var isCaughtUp: Bool { ended >= wanted }

  /// Asks for a round that begins after now, soon. The number of rounds that will have ended then.
  mutating func hurry(_ now: Int64) -> UInt64 {
    wanted = begun + 1
    if due != nil { due = now }
    return wanted
  }

  /// Something is polled from now on.
  mutating func schedule(_ now: Int64) {
    if due == nil { due = isCaughtUp ? now + interval : now }
  }

  mutating func begin(_ now: Int64) {
    began = now
    spent = 0
    begun += 1
    isRefused = false
  }

  /// Time went by with looking.
  mutating func spend(since start: Int64) {
    if isRunning { spent += Clock.monotonic() - start }
  }

  mutating func end(_ now: Int64) {
    guard let began else { return }
    self.began = nil
    ended = begun
    forgetRound()
    due = isCaughtUp ? began + max(interval, Self.part * spent) : now
  }

  /// Nothing is polled any more.
  mutating func stop() {
    guard due != nil || !isCaughtUp else { return }
    begun = max(begun, wanted)
    ended = begun
    began = nil
    due = nil
    forgetRound()
  }

  private mutating func forgetRound() {
    isEnding = false
    objects = nil
    unsure.removeAll()
    missing.removeAll()
    candidates.removeAll()
    aside.removeAll()
  }

  /// Nothing is known any more of what was polled.
  mutating func forgetAll() {
    unmarked.removeAll()
    refusal = nil
    isRefused = false
    forgetRound()
    recent.removeAll()
    summaries.removeAll()
  }

  mutating func forget(_ node: NodeID) {
    guard !recent.isEmpty || !summaries.isEmpty || !unmarked.isEmpty else { return }
    recent[node] = nil
    summaries[node] = nil
    healed(node)
  }

  /// The directory has got its mark after all, or needs none.
  mutating func healed(_ node: NodeID) {
    if unmarked.remove(node) != nil, unmarked.isEmpty {
      refusal = nil
      isRefused = false
    }
  }

  // MARK: Objects

  /// The node that was this object, `Node.none` for none; it may be another's by now.
  mutating func node(like status: FileStatus, in tree: borrowing Tree) -> NodeID {
    if objects == nil {
      var found: [ObjectIdentity: NodeID] = [:]
      for index in tree.nodes.indices {
        let node = tree.nodes[index]
        if node.isKnown, !node.flags.contains(.free) {
          found[ObjectIdentity(inode: node.inode, birth: node.birth)] = NodeID(index)
        }
      }
      objects = found
    }
    return objects?[ObjectIdentity(inode: status.inode, birth: status.birthTime)] ?? Node.none
  }
}

private struct ObjectIdentity: Hashable {
  var inode: UInt64
  var birth: Int64
}

/// A file whose time was new when it was looked at: until the filesystem's clock has gone on, another
/// write may leave the same size and time, and only its content tells.
struct RecentContent {
  /// Nil where it was not read: then it counts as another.
  var hash: Int?
  var since: Int64

  /// How far the clock that gave a file its time goes in one step, in nanoseconds: 2 s where it
  /// counts whole seconds (FAT), a tick of the kernel elsewhere.
  static func granule(of status: FileStatus) -> Int64 {
    status.mtime % 1_000_000_000 == 0 ? 2_000_000_000 : 20_000_000
  }

  /// Whether at `time` (nanoseconds since 1970) the file could be written to and keep its time.
  static func mayRepeat(_ status: FileStatus, at time: Int64) -> Bool {
    status.mtime > time - granule(of: status)
  }
}
