internal import HeapModule
package import Syscalls
package import SystemPackage

/// Something a loop tells of readiness and time. Called on the loop's thread only.
package protocol LoopSource: AnyObject {
  /// The descriptor is ready. The source may remove itself, or others, from the loop here.
  func becameReady(_ readiness: Readiness)

  /// The deadline set by `Loop.setTimer` has passed; it is unset now.
  func timerFired()
}

/// An event loop over epoll that works in turns: wait, tell the ready sources, fire timers, end the
/// turn. Confined to the thread that made it. With nothing to do it sleeps in the kernel: no timer
/// is armed that nobody asked for.
package final class Loop {
  /// Names one registration. A slot that is used again has another generation, so an event that was
  /// already on its way to the former owner reaches nobody.
  package struct Token: Sendable, Hashable {
    package let rawValue: UInt64

    fileprivate var slot: Int { Int(rawValue & 0xFFFF_FFFF) }
    fileprivate var generation: UInt32 { UInt32(rawValue >> 32) }

    fileprivate init(slot: Int, generation: UInt32) {
      rawValue = UInt64(generation) << 32 | UInt64(slot)
    }

    fileprivate init(rawValue: UInt64) { self.rawValue = rawValue }
  }

  private var epoll: Epoll
  private var registrations = Registrations()
  private var stopped = false
  private var isAwake = false

  /// Monotonic nanoseconds, read once a turn. (Other modules reach the variable through a call, so that
  /// the compiler proves its exclusivity.)
  package var now: Int64 { turnBegan }
  private var turnBegan = Clock.monotonic()

  /// EMFILE or ENFILE when there is no descriptor left.
  package init() throws(Errno) { epoll = try Epoll(capacity: 256) }

  /// Tells `source` when `descriptor` is ready for `interest`. Errors of epoll_ctl(2).
  package func add(
    _ source: any LoopSource, descriptor: Int32, interest: Readiness
  ) throws(Errno) -> Token {
    let token = addTimer(source)
    do { try epoll.add(descriptor, interest, tag: token.rawValue) } catch {
      remove(token)
      throw error
    }
    registrations.setDescriptor(token, descriptor)
    return token
  }

  /// Registers a source that is told of time alone.
  package func addTimer(_ source: any LoopSource) -> Token { registrations.add(source) }

  /// Changes what the source is told of. A token that is not registered any more is nothing.
  package func setInterest(_ token: Token, _ interest: Readiness) throws(Errno) {
    guard let descriptor = registrations.descriptor(token) else { return }
    try epoll.modify(descriptor, interest, tag: token.rawValue)
  }

  /// Forgets the source, its descriptor (which must still be open) and its timer.
  package func remove(_ token: Token) {
    guard let (descriptor, _) = registrations.remove(token), descriptor >= 0 else { return }
    // The only error left is a descriptor that its owner closed first: nothing to forget then.
    try? epoll.remove(descriptor)
  }

  /// Sets, moves or (with nil) unsets the one timer of a source. Moving a deadline later costs
  /// nothing until the earlier one comes round.
  package func setTimer(_ token: Token, at deadline: Int64?) {
    registrations.setTimer(token, at: deadline)
  }

  /// What is registered under a token; nil when it has gone.
  package func source(_ token: Token) -> (any LoopSource)? { registrations.source(token) }

  /// Works turn after turn until `stop`. `endOfTurn` runs after the sources have been told, just
  /// before the loop sleeps: the place to write. Errors of epoll_wait(2) are ours alone: they trap.
  package func run(endOfTurn: () -> Void) {
    while !stopped {
      let count: Int
      do { count = try epoll.wait(timeoutMilliseconds: timeoutMilliseconds()) } catch {
        fatalError("epoll_wait: \(error)")
      }
      isAwake = false
      turnBegan = Clock.monotonic()
      for index in 0..<count {
        let event = epoll.event(index)
        source(Token(rawValue: event.tag))?.becameReady(event.readiness)
      }
      while let source = registrations.takeDue(now) { source.timerFired() }
      endOfTurn()
    }
  }

  /// The next turn begins without sleeping, whether or not anything is ready: there is work left.
  package func staysAwake() { isAwake = true }

  /// Ends `run` after this turn.
  package func stop() { stopped = true }

  /// Rounded up, so that a timer never fires early and the loop never spins on a fraction.
  private func timeoutMilliseconds() -> Int32? {
    if isAwake { return 0 }
    guard let next = registrations.nextDeadline else { return nil }
    let wait = next - Clock.monotonic()
    return wait <= 0 ? 0 : Int32(clamping: (wait + 999_999) / 1_000_000)
  }
}

/// Who is told of what and when. Inside the loop, so that a question of it is one access.
private struct Registrations {
  private struct Slot {
    var source: (any LoopSource)?
    var generation: UInt32 = 0
    var descriptor: Int32 = -1
    /// Monotonic nanoseconds; 0 when no timer is set.
    var deadline: Int64 = 0
    /// The earliest deadline of this generation in the heap; 0 when none is there.
    var queued: Int64 = 0
  }

  private struct Timer: Comparable {
    let deadline: Int64
    let token: UInt64

    static func < (left: Timer, right: Timer) -> Bool { left.deadline < right.deadline }
  }

  private var slots: [Slot] = []
  private var freeSlots: [Int] = []
  private var timers = Heap<Timer>()

  /// When the first timer may be due.
  var nextDeadline: Int64? { timers.min?.deadline }

  mutating func add(_ source: any LoopSource) -> Loop.Token {
    let slot = freeSlots.popLast() ?? slots.count
    if slot == slots.count { slots.append(Slot()) }
    slots[slot].source = source
    return Loop.Token(slot: slot, generation: slots[slot].generation)
  }

  mutating func setDescriptor(_ token: Loop.Token, _ descriptor: Int32) {
    slots[token.slot].descriptor = descriptor
  }

  func descriptor(_ token: Loop.Token) -> Int32? {
    isCurrent(token) ? slots[token.slot].descriptor : nil
  }

  func source(_ token: Loop.Token) -> (any LoopSource)? {
    isCurrent(token) ? slots[token.slot].source : nil
  }

  /// Returns the descriptor, -1 where there was none, and the source, whose end must not find this
  /// access going on; nil when the token has gone.
  mutating func remove(_ token: Loop.Token) -> (Int32, any LoopSource)? {
    guard let descriptor = descriptor(token), let source = slots[token.slot].source else {
      return nil
    }
    slots[token.slot] = Slot(generation: slots[token.slot].generation &+ 1)
    freeSlots.append(token.slot)
    return (descriptor, source)
  }

  mutating func setTimer(_ token: Loop.Token, at deadline: Int64?) {
    guard isCurrent(token) else { return }
    slots[token.slot].deadline = deadline ?? 0
    guard let deadline else { return }
    let queued = slots[token.slot].queued
    guard queued == 0 || deadline < queued else { return }
    slots[token.slot].queued = deadline
    timers.insert(Timer(deadline: deadline, token: token.rawValue))
  }

  /// One whose deadline has passed, which is unset then; nil when there is none left.
  mutating func takeDue(_ now: Int64) -> (any LoopSource)? {
    while let next = timers.min, next.deadline <= now {
      timers.removeMin()
      let token = Loop.Token(rawValue: next.token)
      guard isCurrent(token), slots[token.slot].queued == next.deadline else { continue }
      slots[token.slot].queued = 0
      let deadline = slots[token.slot].deadline
      guard deadline != 0 else { continue }
      if deadline <= now {
        slots[token.slot].deadline = 0
        return slots[token.slot].source
      }
      setTimer(token, at: deadline)
    }
    return nil
  }

  private func isCurrent(_ token: Loop.Token) -> Bool {
    token.slot < slots.count && slots[token.slot].generation == token.generation
      && slots[token.slot].source != nil
  }
}
