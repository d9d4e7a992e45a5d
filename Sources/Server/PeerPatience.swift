internal import Syscalls

/// How long a client may go without taking or acknowledging anything (wire contract, section 5). A
/// value: the clock and what the kernel says are arguments.
///
/// A peer that does not read closes its window and goes on acknowledging the probes of it: it may
/// stay for the time of `--stall`. One that is gone acknowledges nothing. TCP_USER_TIMEOUT cannot
/// tell the two apart (tcp(7): it counts from the first unacknowledged or *unsent* byte).
struct PeerPatience {
  enum Verdict: Equatable {
    /// Everything has arrived: nothing to look at until more is sent.
    case settled
    case waiting
    /// It has taken no byte for the time of `--stall`.
    case stalled
    /// It has acknowledged nothing for as long as that may take.
    case gone
  }

  /// Probes of a closed window in a row that were not answered: the first is answered within a round
  /// trip, so the third says that nobody is there.
  private static let unansweredProbes = 3

  /// Bytes taken by the socket when it last got on, and when that was.
  private var taken: UInt64 = 0
  private var takenAt: Int64 = 0
  /// Since when something is unacknowledged and nothing has been heard; 0: it is not so.
  private var silentSince: Int64 = 0

  /// `isBlocked`: more is to be sent than the socket takes. `tcp` is nil where the socket is not TCP.
  /// All times in monotonic nanoseconds.
  mutating func look(
    now: Int64, sentBytes: UInt64, isBlocked: Bool, tcp: TCPPeerState?, stall: Int64,
    silence: Int64
  ) -> Verdict {
    if !isBlocked || sentBytes != taken || takenAt == 0 {
      (taken, takenAt) = (sentBytes, now)
    } else if now - takenAt >= stall {
      return .stalled
    }
    guard let tcp, tcp.unacknowledged > 0 || tcp.unansweredProbes >= Self.unansweredProbes else {
      silentSince = 0
      return isBlocked ? .waiting : .settled
    }
    // What was sent before this may have waited long for its first byte: silence counts from now.
    let heardAt = now - tcp.nanosecondsSinceAcknowledgement
    if silentSince == 0 || heardAt > silentSince {
      silentSince = now
    } else if now - silentSince >= silence {
      return .gone
    }
    return .waiting
  }
}
