import Syscalls
import Testing

@testable import FileWatching

@Suite("What a scanner and the tree thread know of each other")
struct ScannerLinkTests {
  private static let second: Int64 = 1_000_000_000
  private static let patience = ScannerLink.patience

  private let tree: Inbox
  private let link: ScannerLink

  init() throws {
    tree = try Inbox()
    link = ScannerLink(tree: tree, now: 0)
  }

  /// Whether the tree thread has been told to look after it.
  private func isNudged() -> Bool {
    defer { tree.wakeup.clear() }
    return waitReadable(tree.wakeup.descriptor, timeoutMilliseconds: 0)
  }

  @Test("a look at the disk has its patience, and the next one again")
  func beats() {
    #expect(link.checkTime == Self.patience)
    link.beat(Self.second)
    #expect(link.checkTime == Self.second + Self.patience)
    #expect(!link.isSilent && !isNudged())
  }

  @Test("who has shown itself since is not called silent")
  func shown() throws {
    let time = try #require(link.checkTime)
    link.beat(Self.second)
    #expect(!link.callSilent(since: time))
    #expect(!link.isSilent && !link.takeSilence())
  }

  @Test("who was called silent learns it once, and is looked after again")
  func silent() throws {
    #expect(link.callSilent(since: try #require(link.checkTime)))
    #expect(link.isSilent && link.checkTime == nil && !isNudged())
    link.beat(Self.second)
    #expect(!link.isSilent && link.checkTime == Self.second + Self.patience)
    #expect(isNudged())
    #expect(link.takeSilence() && !link.takeSilence())
  }

  @Test("who sleeps is looked after when it should have woken")
  func rest() {
    #expect(link.rest(until: 5 * Self.second))
    #expect(link.checkTime == 5 * Self.second + Self.patience)
    link.wake(5 * Self.second + 1_000_000)
    #expect(!isNudged())
    #expect(link.rest(until: nil))
    #expect(link.checkTime == nil)
    link.wake(9 * Self.second)
    #expect(isNudged() && link.checkTime == 9 * Self.second + Self.patience)
  }

  @Test("who has been called silent does not go to sleep before it has told")
  func restless() throws {
    #expect(link.callSilent(since: try #require(link.checkTime)))
    #expect(!link.rest(until: nil))
    #expect(link.takeSilence())
  }

  @Test("of two who answer the first counts")
  func once() {
    let once = Once()
    #expect(!once.isTaken && once.take() && once.isTaken && !once.take())
  }
}
