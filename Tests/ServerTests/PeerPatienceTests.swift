import Syscalls
import Testing

@testable import Server

@Suite("Patience with the peer of a stream")
struct PeerPatienceTests {
  private static let stall: Int64 = 600 * second
  private static let silence: Int64 = 30 * second

  /// What is seen in one look, seconds after the start.
  struct Look: Sendable {
    var at: Int64
    var sent: UInt64
    var isBlocked = false
    /// Nil: not TCP.
    var unacknowledged: Int? = 0
    var probes = 0
    var secondsSinceAcknowledgement: Int64 = 0
  }

  private func verdicts(_ looks: [Look]) -> [PeerPatience.Verdict] {
    var patience = PeerPatience()
    return looks.map { look in
      let tcp = look.unacknowledged.map {
        TCPPeerState(
          unacknowledged: $0, unansweredProbes: look.probes,
          nanosecondsSinceAcknowledgement: look.secondsSinceAcknowledgement * second)
      }
      return patience.look(
        now: (1_000 + look.at) * second, sentBytes: look.sent, isBlocked: look.isBlocked, tcp: tcp,
        stall: Self.stall, silence: Self.silence)
    }
  }

  @Test("who has acknowledged everything need not be looked at again")
  func settled() {
    #expect(verdicts([Look(at: 0, sent: 100)]) == [.settled])
    #expect(verdicts([Look(at: 0, sent: 100, unacknowledged: nil)]) == [.settled])
  }

  @Test("a closed window is no silence: it may stay closed for as long as --stall says")
  func stalled() {
    let looks = [0, 100, 599, 600].map {
      Look(at: $0, sent: 100, isBlocked: true, probes: 1, secondsSinceAcknowledgement: min($0, 119))
    }
    #expect(verdicts(looks) == [.waiting, .waiting, .waiting, .stalled])
  }

  @Test("every byte taken begins the time of --stall anew")
  func progress() {
    let looks = [
      Look(at: 0, sent: 100, isBlocked: true), Look(at: 599, sent: 101, isBlocked: true),
      Look(at: 1_198, sent: 101, isBlocked: true), Look(at: 1_199, sent: 101, isBlocked: true),
    ]
    #expect(verdicts(looks) == [.waiting, .waiting, .waiting, .stalled])
  }

  @Test("a client that was blocked, caught up and is blocked again begins anew, too")
  func unblocked() {
    let looks = [
      Look(at: 0, sent: 100, isBlocked: true), Look(at: 500, sent: 100),
      Look(at: 700, sent: 100, isBlocked: true),
    ]
    #expect(verdicts(looks) == [.waiting, .settled, .waiting])
  }

  @Test("data that nobody acknowledges for 30 s means that nobody is there")
  func gone() {
    let looks = [0, 10, 20, 29, 30].map {
      Look(at: $0, sent: 100, unacknowledged: 1, secondsSinceAcknowledgement: $0 + 1)
    }
    #expect(verdicts(looks) == [.waiting, .waiting, .waiting, .waiting, .gone])
  }

  @Test("an acknowledgement that is old because nothing was sent is no silence")
  func idleBefore() {
    let look = Look(at: 0, sent: 100, unacknowledged: 1, secondsSinceAcknowledgement: 3_600)
    let next = Look(at: 10, sent: 100, unacknowledged: 0, secondsSinceAcknowledgement: 9)
    #expect(verdicts([look, next]) == [.waiting, .settled])
  }

  @Test("whoever acknowledges now and then has never been silent for long")
  func slowNetwork() {
    let looks = (0..<20).map {
      Look(at: $0 * 10, sent: UInt64($0), unacknowledged: 3, secondsSinceAcknowledgement: 8)
    }
    #expect(verdicts(looks).allSatisfy { $0 == .waiting })
  }

  @Test("a closed window whose probes nobody answers is a peer that is gone")
  func goneBehindClosedWindow() {
    let looks = [0, 15, 30].map {
      Look(
        at: $0, sent: 100, isBlocked: true, probes: 5, secondsSinceAcknowledgement: $0 + 40)
    }
    #expect(verdicts(looks) == [.waiting, .waiting, .gone])
  }
}
