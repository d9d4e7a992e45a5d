import FileEvents
import Testing

@testable import FileWatching

/// Time is an argument: a millisecond here is one on paper.
@Suite("When what is pending leaves")
struct CoalescerTests {
  private static let millisecond: Int64 = 1_000_000
  private let a: NodeID = 2
  private let b: NodeID = 3

  private func made(settle: Int64 = 20, settleMax: Int64 = 500) -> Coalescer {
    Coalescer(settle: settle * Self.millisecond, settleMax: settleMax * Self.millisecond)
  }

  private func at(_ milliseconds: Int64) -> Moment {
    Moment(now: milliseconds * Self.millisecond, time: milliseconds * Self.millisecond)
  }

  /// The nodes that leave when nobody looks before `milliseconds`, in order.
  private func leaving(_ coalescer: inout Coalescer, at milliseconds: Int64) -> [NodeID] {
    var left: [NodeID] = []
    let now = milliseconds * Self.millisecond
    while case .placement(let node)? = coalescer.head(due: now) {
      left.append(node)
      coalescer.remove(node)
    }
    while let node = coalescer.dueContent(now) {
      left.append(node)
      coalescer.remove(node)
    }
    return left
  }

  @Test(
    "content leaves after settle of quiet, at the latest settleMax after the first record",
    arguments: [
      ([0], 20), ([0, 10], 30), ([0, 15, 30, 45], 65),
      (Array(stride(from: 0, through: 490, by: 10)), 500),
      (Array(stride(from: 0, through: 5_000, by: 10)), 500),
    ] as [([Int64], Int64)])
  func quiet(_ records: [Int64], _ due: Int64) {
    var coalescer = made()
    for time in records where time < due { coalescer.touched(a, .modified, at(time)) }
    #expect(leaving(&coalescer, at: due - 1) == [])
    #expect(leaving(&coalescer, at: due) == [a])
    #expect(coalescer.isEmpty && coalescer.nextDue() == nil)
  }

  @Test("comings and goings leave in the order in which they began, however long the first settles")
  func order() {
    var coalescer = made()
    coalescer.placed(a, flags: [], counts: 1, at(0))
    coalescer.placed(b, flags: [], counts: 1, at(5))
    coalescer.touched(a, .modified, at(15))
    #expect(leaving(&coalescer, at: 30) == [], "b is quiet, but a began before it")
    #expect(leaving(&coalescer, at: 35) == [a, b])
  }

  @Test("content alone may overtake what came before it")
  func overtaking() {
    var coalescer = made()
    coalescer.placed(a, flags: [], counts: 1, at(0))
    coalescer.touched(b, .modified, at(1))
    coalescer.touched(a, .modified, at(19))
    #expect(leaving(&coalescer, at: 21) == [b])
    #expect(leaving(&coalescer, at: 39) == [a])
  }

  @Test("records of one path become one change that counts them")
  func merged() throws {
    var coalescer = made()
    coalescer.touched(a, .modified, at(0))
    coalescer.touched(a, .closed, flags: .rescan, at(1))
    coalescer.placed(a, flags: .moved, counts: 1, at(2))
    let taken = coalescer.remove(a)
    let change = try #require(taken)
    #expect(change.content == [.modified, .closed])
    #expect(change.flags == [.rescan, .moved])
    #expect(change.count == 3 && change.isPlacement)
    #expect(change.first == at(0).now && change.last == at(2).now)
    #expect(leaving(&coalescer, at: 1_000) == [])
  }

  @Test("with settle 0 everything is due at once")
  func raw() {
    var coalescer = made(settle: 0, settleMax: 0)
    coalescer.placed(a, flags: [], counts: 1, at(7))
    #expect(leaving(&coalescer, at: 7) == [a])
    coalescer.touched(a, .modified, at(7))
    #expect(leaving(&coalescer, at: 7) == [a])
  }

  @Test("a settleMax below settle is settle")
  func bounds() {
    var coalescer = made(settle: 50, settleMax: 10)
    coalescer.touched(a, .modified, at(0))
    #expect(coalescer.nextDue() == at(50).now)
  }

  @Test("what cannot leave is tried again after its patience, and says since when it could not")
  func patience() {
    var coalescer = made(settle: 0)
    coalescer.placed(a, flags: [], counts: 1, at(0))
    #expect(coalescer.postpone(at(0).now, patience: Self.millisecond) == at(0).now)
    #expect(coalescer.head(due: at(0).now) == nil)
    #expect(coalescer.nextDue() == at(1).now)
    #expect(coalescer.postpone(at(1).now, patience: Self.millisecond) == at(0).now)
    #expect(leaving(&coalescer, at: 2) == [a])
  }

  @Test("what has come to its place meanwhile need not have patience")
  func arrival() {
    var coalescer = made(settle: 0)
    coalescer.placed(a, flags: [], counts: 0, at(0))
    coalescer.placed(b, flags: [], counts: 1, at(0))
    _ = coalescer.postpone(at(0).now, patience: Self.millisecond)
    coalescer.placed(b, flags: [], counts: 1, at(0))
    #expect(leaving(&coalescer, at: 0) == [])
    coalescer.placed(a, flags: [], counts: 1, at(0))
    #expect(leaving(&coalescer, at: 0) == [a, b])
  }
}
