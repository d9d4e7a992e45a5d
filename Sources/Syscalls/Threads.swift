internal import CLinux
internal import Glibc
internal import Synchronization
package import SystemPackage

/// A thread of our own, to be joined. Started by `pthread_create`, because what it runs is made for
/// that thread alone (`sending`), which no other way of starting one accepts. Any thread may join.
package final class OwnThread: Sendable {
  /// Nil once it has been joined.
  private let handle: Mutex<pthread_t?>

  private final class Start {
    let name: String
    let body: () -> Void

    init(name: String, body: @escaping () -> Void) {
      self.name = name
      self.body = body
    }
  }

  /// Starts a thread that runs `body` under `name` (15 bytes at most, as `ps -L` shows it), with
  /// every signal blocked: signals belong to the main thread. Throws EAGAIN.
  package init(name: String, _ body: sending @escaping () -> Void) throws(Errno) {
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    var thread = pthread_t()
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    let outcome = pthread_create(
      &thread, nil,
      { argument in
        let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
        _ = tidings_name_thread(start.name)
        start.body()
        return nil
      }, start.toOpaque())
    pthread_sigmask(SIG_SETMASK, &before, nil)
    guard outcome == 0 else {
      start.release()
      throw Errno(rawValue: outcome)
    }
    handle = Mutex(thread)
  }

  /// Waits until `body` has returned; nothing the second time. Never from the thread itself. The C
  /// function is `pthread_join`.
  package func join() {
    let thread = handle.withLock { handle in
      defer { handle = nil }
      return handle
    }
    if let thread { _ = pthread_join(thread, nil) }
  }

  /// Lets the thread end by itself, its resources given back when `body` has returned; nothing when
  /// it has been joined. The C function is `pthread_detach`.
  package func detach() {
    let thread = handle.withLock { handle in
      defer { handle = nil }
      return handle
    }
    if let thread { _ = pthread_detach(thread) }
  }
}

/// Clocks, in nanoseconds (clock_gettime(2)).
package enum Clock {
  /// Since some moment in the past; never jumps (CLOCK_MONOTONIC).
  package static func monotonic() -> Int64 { read(CLOCK_MONOTONIC) }

  /// Since 1970, UTC (CLOCK_REALTIME).
  package static func realtime() -> Int64 { read(CLOCK_REALTIME) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    _ = clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
