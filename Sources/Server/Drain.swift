internal import EventLoop
internal import Syscalls

/// Says goodbye to the streams of one loop in equal slices, so that they do not all come back, or to
/// the server beside this one, in the same moment. Confined to its loop.
final class Drain: LoopSource {
  private unowned let worker: Worker
  private var slices: DrainSlices
  private let clients: [ConnectionID]
  private var token: Loop.Token?
  private let tick: Int64

  /// Begins at once. `duration` is in nanoseconds; 0: everybody now.
  init(_ worker: Worker, streams: [ConnectionID], over duration: Int64) {
    self.worker = worker
    clients = streams
    tick = second / 10
    slices = DrainSlices(count: streams.count, ticks: max(1, Int(duration / tick)))
    token = worker.loop.addTimer(self)
    timerFired()
  }

  func becameReady(_ readiness: Readiness) {}

  func timerFired() {
    let spread = worker.shared.reconnectSpreadMilliseconds
    for client in clients[slices.next()] {
      // One that has gone meanwhile needs no goodbye.
      worker.streams[client]?.serverStops(
        reconnectAfterMilliseconds: .random(in: 1_000...(1_000 + spread)))
    }
    guard !slices.isOver, let token else { return }
    worker.loop.setTimer(token, at: worker.loop.now + tick)
  }
}

/// `count` places cut into `ticks` slices that differ by one at most. A value.
struct DrainSlices {
  private let count: Int
  private let ticks: Int
  private var done = 0

  init(count: Int, ticks: Int) {
    self.count = count
    self.ticks = max(1, ticks)
  }

  var isOver: Bool { done == ticks }

  /// The next slice; empty once all have been given.
  mutating func next() -> Range<Int> {
    guard !isOver else { return count..<count }
    let start = count * done / ticks
    done += 1
    return start..<(count * done / ticks)
  }
}

extension Shared {
  /// Milliseconds over which clients are asked to spread their return: 500 a second, which leaves a
  /// server of one core most of it for those who are back already, and never less than 4 s. What
  /// `--drain` has spread already is taken off.
  var reconnectSpreadMilliseconds: Int {
    Self.reconnectSpreadMilliseconds(
      clients: census.total, drain: Int(configuration.limits.drain / (second / 1_000)))
  }

  static func reconnectSpreadMilliseconds(clients: Int, drain: Int) -> Int {
    max(4_000, clients * 1_000 / 500 - drain)
  }
}
