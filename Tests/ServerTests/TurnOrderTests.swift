import Testing

@testable import Server

@Suite("Whose write comes next")
struct TurnOrderTests {
  @Test("those who keep up come first, in the order they came, and once")
  func promptFirst() {
    var order = TurnOrder<Int>()
    order.add(1, isBehind: true)
    order.add(2, isBehind: false)
    order.add(3, isBehind: false)
    #expect(order.takePrompt() == [2, 3])
    #expect(order.takePrompt().isEmpty)
    #expect(order.nextLaggard() == 1)
    #expect(order.nextLaggard() == nil)
    #expect(!order.hasLaggards)
  }

  @Test(
    "whoever is behind and wants more goes behind the others who are", arguments: [1, 2, 7, 600])
  func roundRobin(count: Int) {
    var order = TurnOrder<Int>()
    for member in 0..<count { order.add(member, isBehind: true) }
    var served: [Int] = []
    for _ in 0..<(3 * count) {
      let member = order.nextLaggard()!
      served.append(member)
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
