import EventFormats
import Fanout
import FileEvents
import Testing

@Suite("A poll")
struct PollTests {
  private final class Owner: SubscriptionOwner {
    var isReady = false
    func subscriptionIsReady(_ subscription: Subscription) { isReady = true }
    func subscription(_ subscription: Subscription, needs page: ListingRequest) {}
  }

  private let world = World()
  private let owner = Owner()

  init() {
    world.setState(.live, of: 1, id: "w")
    world.publish()
  }

  private func poll(from start: SubscriptionRequest.Start) -> Subscription {
    var request = SubscriptionRequest(serverName: "test")
    request.start = start
    request.isPoll = true
    return world.hub.subscribe(request, framing: .jsonArray, owner: owner, now: world.time)
  }

  private func pull(_ subscription: Subscription, _ events: Int?) -> (Pull, String) {
    var output: [UInt8] = []
    let pulled = subscription.pull(into: &output, limit: 1 << 20, events: events)
    return (pulled, String(decoding: output, as: UTF8.self))
  }

  private func put(_ range: Range<Int>) {
    for number in range { world.put("\(number)", .directory) }
    world.publish()
  }

  @Test("says nothing but what happened, as elements of an array")
  func plain() {
    let subscription = poll(from: .cursor(world.hub.headCursor))
    #expect(pull(subscription, 10) == (.caughtUp, ""))
    #expect(subscription.eventsSent == 0)
    put(0..<1)
    #expect(owner.isReady)
    let (pulled, text) = pull(subscription, 10)
    #expect(pulled == .caughtUp)
    #expect(text.hasPrefix(",{\"event\":\"change\"") && text.hasSuffix("}"))
    #expect(subscription.eventsSent == 1)
    world.hub.unsubscribe(subscription)
  }

  @Test(
    "stops after so many records, and its cursor is where the next begins",
    arguments: [1, 3, 9, 10])
  func limited(limit: Int) {
    var cursor = world.hub.headCursor
    // Others of the same filter, whose broadcasts must not be taken for this one's.
    let others = (0..<2).map { _ in poll(from: .now) }
    for other in others { _ = pull(other, nil) }
    put(0..<10)
    var text = ""
    for done in stride(from: 0, to: 10, by: limit) {
      let subscription = poll(from: .cursor(cursor))
      text += pull(subscription, limit).1
      #expect(subscription.eventsSent == UInt64(min(limit, 10 - done)))
      cursor = subscription.cursor
      world.hub.unsubscribe(subscription)
    }
    #expect(cursor == world.hub.headCursor)
    #expect(text == pull(others[0], nil).1)
    for other in others { world.hub.unsubscribe(other) }
  }

  @Test("knows how much of the journal is unseen, in bytes and since when")
  func lag() {
    let subscription = poll(from: .now)
    _ = pull(subscription, nil)
    #expect(subscription.lagBytes == 0 && subscription.unseenSince == nil)
    put(0..<10)
    let all = subscription.lagBytes
    #expect(all == 10 * (MemoryLayout<JournalRecord>.stride + 1))
    #expect(subscription.unseenSince == world.time)
    _ = pull(subscription, 4)
    #expect(subscription.lagBytes == all / 10 * 6)
    world.hub.unsubscribe(subscription)
  }
}
