import Testing

@testable import TidingsClient

/// Dice that always show the most.
private struct Highest: RandomNumberGenerator {
  mutating func next() -> UInt64 { .max }
}

/// Dice that always show the least: not 0, which an unbiased draw throws again for ever.
private struct Lowest: RandomNumberGenerator {
  mutating func next() -> UInt64 { 1 }
}

struct ReconnectRuleTests {
  private func least(_ rule: inout ReconnectRule, wish: Duration?) -> Duration {
    var lowest = Lowest()
    return rule.delay(wish: wish, using: &lowest)
  }

  private func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }

  @Test("jitter is full: from nothing to a bound that doubles up to the cap")
  func backoff() {
    var highest = Highest()
    var lowest = Lowest()
    var rule = ReconnectRule(.init())
    let bounds = (0..<8).map { _ in seconds(rule.delay(wish: nil, using: &highest)) }
    #expect(bounds == [0.5, 1, 2, 4, 8, 16, 20, 20])
    rule = ReconnectRule(.init())
    let least = (0..<8).map { _ in rule.delay(wish: nil, using: &lowest) }
    #expect(least.allSatisfy { $0 == .zero })
  }

  @Test("a stream that works begins the back-off anew")
  func healthy() {
    var highest = Highest()
    var rule = ReconnectRule(.init())
    for _ in 0..<5 { _ = rule.delay(wish: nil, using: &highest) }
    rule.opened()
    let more = rule.delay(wish: nil, using: &highest)
    #expect(more == .seconds(16))
    rule.healthy()
    let first = rule.delay(wish: nil, using: &highest)
    #expect(first == .milliseconds(500))
  }

  @Test("what the server wishes is waited for at least, its retry where it wishes nothing else")
  func wishes() {
    var rule = ReconnectRule(.init())
    #expect(least(&rule, wish: .seconds(7)) == .seconds(7))
    rule.retry(milliseconds: 2380)
    #expect(least(&rule, wish: nil) == .milliseconds(2380))
    #expect(least(&rule, wish: .seconds(7)) == .seconds(7))
    #expect(least(&rule, wish: .zero) == .zero)
    rule.retry(milliseconds: 10)
    #expect(least(&rule, wish: nil) == .milliseconds(10))
  }

  @Test("no wish silences a client for ever")
  func longestWish() {
    var rule = ReconnectRule(.init())
    #expect(least(&rule, wish: .seconds(86_400)) == .seconds(300))
    #expect(least(&rule, wish: .seconds(-5)) == .zero)
    rule.retry(milliseconds: .max)
    #expect(least(&rule, wish: nil) == .seconds(300))
  }

  @Test("a loss is told once for each reason in a row, and again after a hello")
  func news() {
    var rule = ReconnectRule(.init())
    let gone = ClientError.connection("refused", code: 111)
    let told = [gone, gone, .unavailable(Problem(status: 503)), gone].map { rule.isNews($0) }
    #expect(told == [true, false, true, true])
    rule.opened()
    let again = rule.isNews(gone)
    #expect(again)
  }
}
