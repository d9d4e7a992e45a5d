import Testing

@testable import Server

@Suite("Whose write comes next")
struct TurnOrderTests {
  private final class Somebody: TurnMember {
    let number: Int
    var nextInTurn: Somebody?

    init(_ number: Int) { self.number = number }
  }

  private let order = TurnOrder<Somebody>()

  private func add(_ numbers: Int..., isBehind: Bool) {
    for number in numbers { order.add(Somebody(number), isBehind: isBehind) }
  }

  @Test("those who keep up come first, in the order they came, and once")
  func promptFirst() {
    add(1, isBehind: true)
    add(2, 3, 4, isBehind: false)
    #expect(order.nextPrompt()?.number == 2)
    // Whoever comes meanwhile comes behind them.
    add(5, 6, isBehind: false)
    #expect((3...6).map { _ in order.nextPrompt()?.number } == [3, 4, 5, 6])
    #expect(order.nextPrompt() == nil)
    #expect(order.nextLaggard()?.number == 1)
    #expect(order.nextLaggard() == nil)
    #expect(!order.hasLaggards)
  }

  @Test("whoever has had his turn can come again")
  func again() {
    let somebody = Somebody(1)
    for _ in 0..<3 {
      order.add(somebody, isBehind: false)
      #expect(order.nextPrompt() === somebody)
      #expect(somebody.nextInTurn == nil && order.nextPrompt() == nil)
    }
  }

  @Test(
    "whoever is behind and wants more goes behind the others who are", arguments: [1, 2, 7, 600])
  func roundRobin(count: Int) {
    for member in 0..<count { add(member, isBehind: true) }
    var served: [Int] = []
    for _ in 0..<(3 * count) {
      let member = order.nextLaggard()!
      served.append(member.number)
      order.add(member, isBehind: true)
    }
    #expect(served == (0..<3).flatMap { _ in Array(0..<count) })
    #expect(order.hasLaggards)
  }
}

@Suite("Cutting a stop into slices")
struct DrainSlicesTests {
  @Test(
    "the slices are equal but for one, and together everybody",
    arguments: [(0, 1), (1, 1), (40, 20), (10, 20), (10_000, 100), (7, 3)])
  func slices(count: Int, ticks: Int) {
    var slices = DrainSlices(count: count, ticks: ticks)
    var all: [Int] = []
    var sizes: Set<Int> = []
    for _ in 0..<ticks {
      #expect(!slices.isOver)
      let slice = slices.next()
      sizes.insert(slice.count)
      all += slice
    }
    #expect(slices.isOver && slices.next().isEmpty)
    #expect(all == Array(0..<count))
    #expect((sizes.max()! - sizes.min()!) <= 1)
  }

  @Test(
    "returns are spread over 500 a second, and over 4 s at least",
    arguments: [(1, 0, 4_000), (2_000, 0, 4_000), (10_000, 0, 20_000), (10_000, 10_000, 10_000)])
  func spread(clients: Int, drain: Int, milliseconds: Int) {
    #expect(Shared.reconnectSpreadMilliseconds(clients: clients, drain: drain) == milliseconds)
  }
}
