internal import CLinux
internal import Glibc
package import SystemPackage

/// What a descriptor is ready for.
package struct Readiness: OptionSet, Sendable {
  package let rawValue: UInt32

  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let readable = Readiness(rawValue: EPOLLIN.rawValue)
  package static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
  /// The peer has closed its writing half (EPOLLRDHUP).
  package static let peerEnded = Readiness(rawValue: EPOLLRDHUP.rawValue)
  /// Both halves are closed or the socket failed; reported whether asked for or not.
  package static let hangUp = Readiness(rawValue: EPOLLHUP.rawValue)
  package static let failed = Readiness(rawValue: EPOLLERR.rawValue)
  /// For listeners shared by several loops: wakes one of them (EPOLLEXCLUSIVE).
  package static let exclusive = Readiness(rawValue: EPOLLEXCLUSIVE.rawValue)
  /// What a peer can do that is to be read: send, and stop sending.
  package static let incoming: Readiness = [.readable, .peerEnded]
}

/// An epoll instance (epoll(7)), level-triggered. The 64-bit tag comes back with each event.
package struct Epoll: ~Copyable {
  private let descriptor: Int32
  private var events: [epoll_event]

  /// `capacity` events at most come from one wait. The C function is `epoll_create1`.
  package init(capacity: Int) throws(Errno) {
    descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    events = [epoll_event](repeating: epoll_event(), count: capacity)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
  }

  deinit { _ = close(descriptor) }

  /// The C function is `epoll_ctl` with EPOLL_CTL_ADD.
  package func add(_ target: Int32, _ interest: Readiness, tag: UInt64) throws(Errno) {
    try control(EPOLL_CTL_ADD, target, interest, tag)
  }

  /// The C function is `epoll_ctl` with EPOLL_CTL_MOD.
  package func modify(_ target: Int32, _ interest: Readiness, tag: UInt64) throws(Errno) {
    try control(EPOLL_CTL_MOD, target, interest, tag)
  }

  /// The C function is `epoll_ctl` with EPOLL_CTL_DEL.
  package func remove(_ target: Int32) throws(Errno) {
    try control(EPOLL_CTL_DEL, target, [], 0)
  }

  /// Waits until something is ready or `timeoutMilliseconds` have passed (nil: for ever); says how
  /// many events `event(_:)` holds. The C function is `epoll_wait`; EINTR counts as none.
  package mutating func wait(timeoutMilliseconds: Int32?) throws(Errno) -> Int {
    let count = epoll_wait(descriptor, &events, Int32(events.count), timeoutMilliseconds ?? -1)
    if count >= 0 { return Int(count) }
    guard errno == EINTR else { throw Errno(rawValue: errno) }
    return 0
  }

  /// Tag and readiness of an event of the last wait.
  package func event(_ index: Int) -> (tag: UInt64, readiness: Readiness) {
    (events[index].data.u64, Readiness(rawValue: events[index].events))
  }

  private func control(
    _ operation: Int32, _ target: Int32, _ interest: Readiness, _ tag: UInt64
  ) throws(Errno) {
    var event = epoll_event()
    event.events = interest.rawValue
    event.data.u64 = tag
    guard epoll_ctl(descriptor, operation, target, &event) == 0 else {
      throw Errno(rawValue: errno)
    }
  }
}

/// A counter one thread adds to and another waits on (eventfd(2)), non-blocking.
package struct WakeUp: ~Copyable, Sendable {
  package let descriptor: Int32

  /// The C function is `eventfd`.
  package init() throws(Errno) {
    descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
  }

  deinit { _ = close(descriptor) }

  /// Wakes the waiter. Any thread. A full counter is awake already.
  package func signal() {
    var one: UInt64 = 1
    _ = write(descriptor, &one, 8)
  }

  /// Takes what was signalled, so that the descriptor is not readable any more.
  package func clear() {
    var count: UInt64 = 0
    _ = read(descriptor, &count, 8)
  }
}
