internal import CLinux
internal import Glibc

/// Waits until one of `descriptors` (at most 4) is readable or `timeoutMilliseconds` have passed (nil:
/// for ever). Returns for each whether it is. A signal counts as waking up. The C function is `poll`.
package func waitReadable(
  _ descriptors: [Int32], timeoutMilliseconds: Int32?
) -> [Bool] {
  withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 4) { polled in
    for (index, descriptor) in descriptors.enumerated() {
      polled[index] = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    }
    let ready = poll(polled.baseAddress, nfds_t(descriptors.count), timeoutMilliseconds ?? -1)
    return descriptors.indices.map { ready > 0 && polled[$0].revents != 0 }
  }
}

/// Waits until `descriptor` is readable, `urgent` has something out of the ordinary to say (POLLPRI),
/// or `timeoutMilliseconds` have passed (nil: for ever). Returns whether `urgent` has. The C function
/// is `poll`.
package func waitReadable(
  _ descriptor: Int32, orUrgent urgent: Int32, timeoutMilliseconds: Int32?
) -> Bool {
  withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 2) { polled in
    polled[0] = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    polled[1] = pollfd(fd: urgent, events: Int16(POLLPRI), revents: 0)
    let ready = poll(polled.baseAddress, 2, timeoutMilliseconds ?? -1)
    return ready > 0 && polled[1].revents & Int16(POLLPRI) != 0
  }
}
