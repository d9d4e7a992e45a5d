/// Whoever can stand in a `TurnOrder`.
protocol TurnMember: AnyObject {
  /// Who comes next in the order. The order's alone.
  var nextInTurn: Self? { get set }
}

/// Whose write comes next in a turn: those who take everything they are given first, then those who
/// are behind, one portion each, round and round, as long as the turn allows. Nobody stands in it
/// twice. Confined to its loop.
final class TurnOrder<Member: TurnMember> {
  /// Lists through the members, which are at hand anyway. Who came since `leaving` was empty, the last
  /// first, and whose turn is next, the first first. To put somebody in and take him out moves
  /// references and counts none but the order's own.
  private var arrived: Member?
  private var leaving: Member?
  private var behind: [Member] = []
  private var nextBehind = 0

  /// Whether somebody who is behind has been left for the next turn.
  var hasLaggards: Bool { nextBehind < behind.count }

  func add(_ member: Member, isBehind: Bool) {
    guard !isBehind else {
      behind.append(member)
      return
    }
    member.nextInTurn = arrived.take()
    arrived = member
  }

  /// Who came first of those who are not behind.
  func nextPrompt() -> Member? {
    if leaving == nil { turnAround() }
    guard let member = leaving.take() else { return nil }
    leaving = member.nextInTurn.take()
    return member
  }

  private func turnAround() {
    while let member = arrived.take() {
      arrived = member.nextInTurn.take()
      member.nextInTurn = leaving.take()
      leaving = member
    }
  }

  /// Who has been behind and waited longest.
  func nextLaggard() -> Member? {
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
