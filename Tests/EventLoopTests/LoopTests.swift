import EventLoop
import Syscalls
import SystemPackage
import Testing

/// Records what a loop tells it.
private final class Probe: LoopSource {
  var told: [Readiness] = []
  var fired = 0
  var onReady: () -> Void = {}
  var onTimer: () -> Void = {}

  func becameReady(_ readiness: Readiness) {
    told.append(readiness)
    onReady()
  }

  func timerFired() {
    fired += 1
    onTimer()
  }
}

@Suite("A loop")
struct LoopTests {
  private static let millisecond: Int64 = 1_000_000

  @Test("tells a source that its descriptor is readable, once a turn, until it is not")
  func readable() throws {
    let loop = try Loop()
    let wakeUp = try WakeUp()
    let probe = Probe()
    _ = try loop.add(probe, descriptor: wakeUp.descriptor, interest: .readable)
    probe.onReady = { if probe.told.count == 3 { loop.stop() } }
    wakeUp.signal()
    loop.run {}
    #expect(probe.told == [.readable, .readable, .readable])
  }

  @Test("tells nobody of an event that was on its way when its source was removed")
  func removedInTheSameTurn() throws {
    let loop = try Loop()
    let first = try WakeUp()
    let second = try WakeUp()
    let probes = [Probe(), Probe()]
    let tokens = [
      try loop.add(probes[0], descriptor: first.descriptor, interest: .readable),
      try loop.add(probes[1], descriptor: second.descriptor, interest: .readable),
    ]
    // Whoever is told first removes the other and takes its slot for a third source.
    let third = Probe()
    for (index, probe) in probes.enumerated() {
      probe.onReady = {
        loop.remove(tokens[1 - index])
        _ = loop.addTimer(third)
        loop.stop()
      }
    }
    first.signal()
    second.signal()
    loop.run {}
    #expect(probes[0].told.count + probes[1].told.count == 1)
    #expect(third.told.isEmpty)
  }

  @Test("fires timers in the order of their deadlines, each once, and never early")
  func timers() throws {
    let loop = try Loop()
    var order: [Int] = []
    let probes = (0..<3).map { _ in Probe() }
    let start = Clock.monotonic()
    for (index, probe) in probes.enumerated() {
      let deadline = start + Int64(3 - index) * 5 * Self.millisecond
      loop.setTimer(loop.addTimer(probe), at: deadline)
      probe.onTimer = {
        order.append(index)
        #expect(Clock.monotonic() >= deadline)
        if index == 0 { loop.stop() }
      }
    }
    loop.run {}
    #expect(order == [2, 1, 0])
    #expect(probes.map(\.fired) == [1, 1, 1])
  }

  @Test("a deadline moved later, then unset, does not fire")
  func movedTimers() throws {
    let loop = try Loop()
    let moved = Probe()
    let unset = Probe()
    let last = Probe()
    let start = Clock.monotonic()
    let movedToken = loop.addTimer(moved)
    loop.setTimer(movedToken, at: start + Self.millisecond)
    loop.setTimer(movedToken, at: start + 10 * Self.millisecond)
    let unsetToken = loop.addTimer(unset)
    loop.setTimer(unsetToken, at: start + 2 * Self.millisecond)
    loop.setTimer(unsetToken, at: nil)
    moved.onTimer = { #expect(Clock.monotonic() >= start + 10 * Self.millisecond) }
    loop.setTimer(loop.addTimer(last), at: start + 20 * Self.millisecond)
    last.onTimer = { loop.stop() }
    loop.run {}
    #expect(moved.fired == 1)
    #expect(unset.fired == 0)
  }

  @Test("ends its turn after everybody has been told")
  func turns() throws {
    let loop = try Loop()
    let probe = Probe()
    loop.setTimer(loop.addTimer(probe), at: Clock.monotonic())
    probe.onTimer = { loop.stop() }
    var turns: [Int] = []
    loop.run { turns.append(probe.fired) }
    #expect(turns.last == 1)
  }
}

@Suite("A mailbox")
struct MailboxTests {
  @Test("hands over what many threads post, each thread's in its order")
  func manyPosters() throws {
    let mailbox = try Mailbox<(poster: Int, number: Int)>()
    let perPoster = 1_000
    let threads = try (0..<4).map { poster in
      try OwnThread(name: "poster-\(poster)") {
        for number in 0..<perPoster { mailbox.post((poster, number)) }
      }
    }
    let loop = try Loop()
    let reader = Reader(mailbox: mailbox, expecting: 4 * perPoster, loop: loop)
    _ = try loop.add(reader, descriptor: mailbox.descriptor, interest: .readable)
    loop.run {}
    for thread in threads { thread.join() }
    for poster in 0..<4 {
      #expect(reader.taken.filter { $0.poster == poster }.map(\.number) == Array(0..<perPoster))
    }
  }

  private final class Reader: LoopSource {
    let mailbox: Mailbox<(poster: Int, number: Int)>
    let expected: Int
    let loop: Loop
    var taken: [(poster: Int, number: Int)] = []

    init(mailbox: Mailbox<(poster: Int, number: Int)>, expecting expected: Int, loop: Loop) {
      self.mailbox = mailbox
      self.expected = expected
      self.loop = loop
    }

    func becameReady(_ readiness: Readiness) {
      taken += mailbox.takeAll()
      if taken.count == expected { loop.stop() }
    }

    func timerFired() {}
  }
}
