internal import CLinux
internal import Glibc
package import SystemPackage

/// Waiting for one socket or a wake-up, for threads that serve a single connection.
package enum SocketPoll {
  /// What ended a wait; both may hold, and neither when the time was up.
  package struct Outcome: Sendable, Equatable {
    /// What the socket is ready for. A socket that failed or was hung up counts as ready for what
    /// was asked: the next read or write says why.
    package var socketIsReady: Bool
    package var isWokenUp: Bool
  }

  /// What a socket is waited for.
  package enum Interest: Sendable {
    case readable, writable
  }

  /// Waits until `socket` is ready, `wakeUp` is signalled or `timeout` has passed (rounded up to a
  /// millisecond; nil: for ever). Without a socket only the other two end it. A signal to the
  /// process does not. The C function is `poll`.
  package static func wait(
    for interest: Interest, on socket: Int32?, orWakeUp wakeUp: borrowing WakeUp,
    timeout: Duration?
  ) throws(Errno) -> Outcome {
    let deadline = timeout.map { Clock.monotonic() + max(0, $0.nanoseconds) }
    var entries = [
      // poll(2) passes over negative descriptors.
      pollfd(
        fd: socket ?? -1, events: Int16(interest == .readable ? POLLIN : POLLOUT), revents: 0),
      pollfd(fd: wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    while true {
      let count = poll(&entries, nfds_t(entries.count), milliseconds(until: deadline))
      if count >= 0 {
        return Outcome(
          socketIsReady: entries[0].revents != 0, isWokenUp: entries[1].revents != 0)
      }
      guard errno == EINTR else { throw Errno(rawValue: errno) }
    }
  }

  private static func milliseconds(until deadline: Int64?) -> Int32 {
    guard let deadline else { return -1 }
    let left = max(0, deadline - Clock.monotonic())
    return Int32(clamping: (left + 999_999) / 1_000_000)
  }
}

extension Duration {
  /// Whole nanoseconds; the farthest Int64 when beyond it.
  fileprivate var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (whole, overflowed) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, carried) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
    // Half of the range, so that a clock's reading can be added.
    let limit = Int64.max / 2
    return overflowed || carried ? (seconds < 0 ? -limit : limit) : min(max(sum, -limit), limit)
  }
}
