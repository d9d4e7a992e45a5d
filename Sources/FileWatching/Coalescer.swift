internal import DequeModule
internal import FileEvents

/// Decides when what is pending leaves (wire contract, section 2, "Merging"). A plain value: time is
/// an argument, nodes are numbers. Comings, goings and moves leave in the order in which they began;
/// a change of content alone leaves when its path has been quiet for `settle`, at the latest
/// `settleMax` after its first record. With `settle` 0 everything is due at once.
struct Coalescer {
  /// Nanoseconds.
  var settle: Int64
  var settleMax: Int64

  /// What leaves in order.
  enum Item {
    case placement(NodeID)
    case note(Note)
  }

  private var pending = NumberTable<PendingChange>()
  private var order: Deque<(item: Item, turn: UInt64)> = []
  private var timers = TimerHeap()
  private var nextTurn: UInt64 = 1
  private var notes = 0
  /// While the head of the order cannot leave: when to try again, and since when it could not.
  private var retry: (at: Int64, since: Int64)?

  /// Durations in nanoseconds; `settleMax` is raised to `settle` where it is less.
  init(settle: Int64, settleMax: Int64) {
    self.settle = settle
    self.settleMax = max(settle, settleMax)
  }

  var isEmpty: Bool { pending.isEmpty && notes == 0 }
  var count: Int { pending.count }
  /// The nodes something is pending about, in no order.
  var nodes: [NodeID] { pending.allKeys }

  func isPending(_ node: NodeID) -> Bool { pending.contains(node) }

  subscript(node: NodeID) -> PendingChange? { pending[node] }

  // MARK: Records

  /// The node came, went or moved. `counts` is the number of records this stands for.
  mutating func placed(
    _ node: NodeID, flags: ChangeFlags, counts: UInt32, _ moment: Moment
  ) {
    var change = pending[node] ?? begin(moment)
    change.last = moment.now
    change.time = moment.time
    if moment.process != 0 { change.process = moment.process }
    change.flags.formUnion(flags)
    change.count += counts
    if !change.isPlacement {
      change.isPlacement = true
      change.turn = takeTurn()
      order.append((.placement(node), change.turn))
    }
    pending[node] = change
    // It may be what the head could not leave for: the other half of a rename.
    dropStale()
    if let retry, case .placement(node)? = order.first?.item {
      self.retry = (moment.now, retry.since)
    }
  }

  /// Something happened to the node's content.
  mutating func touched(
    _ node: NodeID, _ content: ContentChange, flags: ChangeFlags = [], _ moment: Moment
  ) {
    let known = pending[node]
    var change = known ?? begin(moment)
    change.last = moment.now
    change.time = moment.time
    if moment.process != 0 { change.process = moment.process }
    change.content.formUnion(content)
    change.flags.formUnion(flags)
    change.count += 1
    pending[node] = change
    if known == nil { timers.push(due(change), node, turn: change.turn) }
  }

  mutating func noted(_ note: Note) {
    notes += 1
    order.append((.note(note), 0))
  }

  private mutating func begin(_ moment: Moment) -> PendingChange {
    PendingChange(first: moment.now, last: moment.now, time: moment.time, turn: takeTurn())
  }

  private mutating func takeTurn() -> UInt64 {
    defer { nextTurn += 1 }
    return nextTurn
  }

  // MARK: Leaving

  private func due(_ change: PendingChange) -> Int64 {
    min(change.last + settle, change.first + settleMax)
  }

  /// When something next leaves; nil for never.
  mutating func nextDue() -> Int64? {
    dropStale()
    var next = timers.first?.time
    if let head = order.first {
      var due =
        switch head.item {
        case .placement(let node): due(pending[node]!)
        case .note(let note): note.first + settle
        }
      if let retry { due = max(due, retry.at) }
      next = min(next ?? due, due)
    }
    return next
  }

  /// The item that leaves first, if it is due; it stays until `leave` or `remove`.
  mutating func head(due now: Int64) -> Item? {
    dropStale()
    guard let head = order.first else { return nil }
    if let retry, retry.at > now { return nil }
    switch head.item {
    case .placement(let node): return due(pending[node]!) <= now ? head.item : nil
    case .note(let note): return note.first + settle <= now ? head.item : nil
    }
  }

  /// The note at the head has been told.
  mutating func removeNote() {
    order.removeFirst()
    notes -= 1
    retry = nil
  }

  /// All notes have been told.
  mutating func removeNotes() {
    order.removeAll { if case .note = $0.item { true } else { false } }
    notes = 0
  }

  /// The head cannot leave yet: `patience` nanoseconds later it is tried again. Returns since when.
  mutating func postpone(_ now: Int64, patience: Int64) -> Int64 {
    let since = retry?.since ?? now
    retry = (now + patience, since)
    return since
  }

  /// The items in order, for telling everything whatever is due.
  var items: [Item] { order.filter { isCurrent($0) }.map(\.item) }

  /// A node whose content change is due; it stays until `remove`.
  mutating func dueContent(_ now: Int64) -> NodeID? {
    while let timer = timers.first, timer.time <= now {
      timers.removeFirst()
      guard let change = pending[timer.entry], change.turn == timer.turn, !change.isPlacement else {
        continue
      }
      let due = due(change)
      guard due <= now else {
        timers.push(due, timer.entry, turn: timer.turn)
        continue
      }
      return timer.entry
    }
    return nil
  }

  /// A content change that could not be told is looked at again after `patience` nanoseconds.
  mutating func retryContent(_ node: NodeID, _ now: Int64, patience: Int64) {
    guard let change = pending[node] else { return }
    timers.push(now + patience, node, turn: change.turn)
  }

  /// Takes what is pending of a node.
  @discardableResult
  mutating func remove(_ node: NodeID) -> PendingChange? {
    guard let change = pending.removeValue(forKey: node) else { return nil }
    if change.isPlacement { retry = nil }
    if isEmpty { reclaim() }
    return change
  }

  /// Drops everything, untold.
  mutating func discardAll() { self = Coalescer(settle: settle, settleMax: settleMax) }

  private func isCurrent(_ entry: (item: Item, turn: UInt64)) -> Bool {
    guard case .placement(let node) = entry.item else { return true }
    return pending[node]?.turn == entry.turn
  }

  private mutating func dropStale() {
    while let first = order.first, !isCurrent(first) { order.removeFirst() }
  }

  /// Gives storage back once nothing is pending, so that a storm leaves no mountain.
  private mutating func reclaim() {
    order.removeAll(keepingCapacity: order.count < 1_024)
    timers.removeAll()
    retry = nil
  }
}
