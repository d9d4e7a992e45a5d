internal import EventLoop
internal import Syscalls

/// Looks now and then whether what was sent to streams arrives, as long as there is something on its
/// way: a loop whose clients have everything sleeps. Confined to its loop.
final class PeerWatch: LoopSource {
  private unowned let worker: Worker
  private var token: Loop.Token?
  private let interval: Int64
  private var isSet = false

  /// Between two looks: a third of what a peer may be silent, and often enough for a short `--stall`.
  init(_ worker: Worker) {
    self.worker = worker
    let limits = worker.limits
    interval = max(second / 10, min(limits.silenceSeconds * second / 3, limits.stall / 4))
  }

  /// Sees that there is a next look.
  func begin() {
    guard !isSet else { return }
    isSet = true
    let token = token ?? worker.loop.addTimer(self)
    self.token = token
    worker.loop.setTimer(token, at: worker.loop.now + interval)
  }

  func becameReady(_ readiness: Readiness) {}

  func timerFired() {
    isSet = false
    let now = worker.loop.now
    var goesOn = false
    // A copy: a connection that is given up leaves.
    for connection in Array(worker.connections.values) where connection.looksAtPeer(now: now) {
      goesOn = true
    }
    if goesOn { begin() }
  }
}
