import Glibc

/// SIGINT and SIGTERM, taken one at a time by whoever waits (sigwait(3)). Made on the main thread
/// before any other starts: they inherit that these signals do not interrupt them. SIGPIPE is
/// ignored; a write says EPIPE instead.
struct StopSignals: Sendable {
  init() {
    signal(SIGPIPE, SIG_IGN)
    var set = Self.set
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// Returns with the next of them.
  func wait() {
    var set = Self.set
    var taken: Int32 = 0
    while sigwait(&set, &taken) != 0 {}
  }

  private static var set: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGINT)
    sigaddset(&set, SIGTERM)
    return set
  }
}
