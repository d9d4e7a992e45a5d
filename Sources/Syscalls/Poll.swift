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
