internal import CLinux
internal import Glibc

/// Waits until `descriptor` is readable or `timeoutMilliseconds` have passed (nil: for ever). Returns
/// whether it is. A signal counts as waking up. The C function is `poll`.
package func waitReadable(_ descriptor: Int32, timeoutMilliseconds: Int32?) -> Bool {
  var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
  return poll(&polled, 1, timeoutMilliseconds ?? -1) > 0 && polled.revents != 0
}

/// Whether `descriptor` takes bytes at once; of a pipe, 4,096 of them (PIPE_BUF, pipe(7)). The C
/// function is `poll`.
package func isWritable(_ descriptor: Int32) -> Bool {
  var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
  return poll(&polled, 1, 0) > 0 && polled.revents & Int16(POLLOUT) != 0
}

/// Descriptors that are waited for together. Confined to whoever made it. The C function is `poll`.
package final class PollSet {
  private var polled: [pollfd] = []

  package init() {}

  package var count: Int { polled.count }

  package func removeAll() { polled.removeAll(keepingCapacity: true) }

  /// Waits until it is readable.
  package func add(_ descriptor: Int32) {
    polled.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
  }

  /// Waits until it has something out of the ordinary to say.
  package func add(urgent descriptor: Int32) {
    polled.append(pollfd(fd: descriptor, events: Int16(POLLPRI), revents: 0))
  }

  /// Returns when one of them is ready, after `timeoutMilliseconds` (nil: never) or on a signal.
  package func wait(timeoutMilliseconds: Int32?) {
    if poll(&polled, nfds_t(polled.count), timeoutMilliseconds ?? -1) <= 0 {
      for index in polled.indices { polled[index].revents = 0 }
    }
  }

  /// Whether the one that was added as number `index` was ready when the waiting ended.
  package func isReady(_ index: Int) -> Bool {
    polled[index].revents & (polled[index].events | Int16(POLLERR) | Int16(POLLHUP)) != 0
  }
}
