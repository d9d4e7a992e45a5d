/// Whose write comes next in a turn: those who take everything they are given first, then those who
/// are behind, one portion each, round and round, as long as the turn allows. Confined to its loop.
struct TurnOrder<Member> {
  private var prompt: [Member] = []
  private var behind: [Member] = []
  private var nextBehind = 0

  /// Whether somebody who is behind has been left for the next turn.
  var hasLaggards: Bool { nextBehind < behind.count }

  mutating func add(_ member: Member, isBehind: Bool) {
    if isBehind { behind.append(member) } else { prompt.append(member) }
  }

  /// Everybody who is not behind, in the order they came; nobody the second time.
  mutating func takePrompt() -> [Member] {
    let taken = prompt
    prompt = []
    return taken
  }

  /// Who has been behind and waited longest.
  mutating func nextLaggard() -> Member? {
    guard hasLaggards else { return nil }
    defer {
      nextBehind += 1
      if nextBehind == behind.count {
        behind.removeAll(keepingCapacity: behind.count <= 256)
        nextBehind = 0
      } else if nextBehind >= 256, nextBehind * 2 > behind.count {
        behind.removeSubrange(..<nextBehind)
        nextBehind = 0
      }
    }
    return behind[nextBehind]
  }
}
