internal import DequeModule
internal import Synchronization
internal import Syscalls
internal import SystemPackage

/// The door between a reader's thread and one consumer. Bounded: a reader that finds it full stops
/// reading its socket, so that a consumer that lags costs the server's cursor, not memory.
final class EventDoor: Sendable {
  enum Arrival: Sendable {
    case message(EventMessage)
    case interrupted(ClientError, retryIn: Duration)
  }

  enum Next: Sendable {
    case arrival(Arrival)
    /// Once; then `end`.
    case failed(ClientError)
    case end
  }

  /// Events that wait: 256 keep a consumer busy for a wake-up's time many times over.
  static let eventLimit = 256
  /// Their bytes: 256 KiB. One read of the socket may go beyond both.
  static let byteLimit = 256 << 10

  private struct State {
    var queue: Deque<Arrival> = []
    var bytes = 0
    var failure: ClientError?
    var isClosed = false
    /// The reader waits for room.
    var readerWaits = false
    /// The consumer waits for something to take.
    var consumer: CheckedContinuation<Void, Never>?

    var isFull: Bool { queue.count >= eventLimit || bytes >= byteLimit }
    var hasRoomAgain: Bool { queue.count <= eventLimit / 2 && bytes <= byteLimit / 2 }
    var hasNews: Bool { !queue.isEmpty || failure != nil || isClosed }
  }

  private let state = Mutex(State())
  private let wakeUp: WakeUp

  /// EMFILE or ENFILE when there is no descriptor left.
  init() throws(Errno) { wakeUp = try WakeUp() }

  // MARK: The reader's side

  /// Hands over what arrived.
  func put(_ arrivals: [Arrival]) {
    guard !arrivals.isEmpty else { return }
    change { state in
      guard !state.isClosed else { return }
      for arrival in arrivals {
        state.queue.append(arrival)
        state.bytes += Self.cost(of: arrival)
      }
    }
  }

  /// Nothing more will come; the consumer sees `error` after what is waiting.
  func finish(_ error: ClientError) {
    change { $0.failure = error }
  }

  /// Whether the reader must wait; the door then wakes it when there is room again.
  func mustWait() -> Bool {
    state.withLock { state in
      guard state.isFull, !state.isClosed else { return false }
      state.readerWaits = true
      return true
    }
  }

  /// Whether the consumer is gone.
  var isClosed: Bool { state.withLock { $0.isClosed } }

  /// Waits for `socket`, or until the time is up (false). Nil: the door called, for room or the end.
  func wait(
    for interest: SocketPoll.Interest, on socket: Int32?, timeout: Duration?
  ) throws(Errno) -> Bool? {
    let outcome = try SocketPoll.wait(for: interest, on: socket, orWakeUp: wakeUp, timeout: timeout)
    guard outcome.isWokenUp else { return outcome.socketIsReady }
    wakeUp.clear()
    return nil
  }

  // MARK: The consumer's side

  /// The next thing to consume; waits for it. Ends at once when the task is cancelled. One consumer
  /// at a time.
  func next(isolation: isolated (any Actor)? = #isolation) async -> Next {
    await withTaskCancellationHandler {
      while true {
        if let next = take() { return next }
        await withCheckedContinuation { continuation in
          let hasNews = state.withLock { state in
            if !state.hasNews { state.consumer = continuation }
            return state.hasNews
          }
          if hasNews { continuation.resume() }
        }
      }
    } onCancel: {
      close()
    }
  }

  /// The consumer goes: whoever waits is woken, what waits is dropped. Any thread, any number of
  /// times.
  func close() {
    change { state in
      state.isClosed = true
      state.queue = []
      state.bytes = 0
    }
    wakeUp.signal()
  }

  private func take() -> Next? {
    let (next, wakesReader) = state.withLock { state -> (Next?, Bool) in
      guard !state.isClosed else { return (.end, false) }
      guard let arrival = state.queue.popFirst() else {
        guard let failure = state.failure else { return (nil, false) }
        state.isClosed = true
        return (.failed(failure), false)
      }
      state.bytes -= Self.cost(of: arrival)
      let wakes = state.readerWaits && state.hasRoomAgain
      if wakes { state.readerWaits = false }
      return (.arrival(arrival), wakes)
    }
    if wakesReader { wakeUp.signal() }
    return next
  }

  /// Changes the state and wakes the consumer, outside the lock.
  private func change(_ body: (inout State) -> Void) {
    let consumer = state.withLock { state in
      body(&state)
      defer { state.consumer = nil }
      return state.consumer
    }
    consumer?.resume()
  }

  private static func cost(of arrival: Arrival) -> Int {
    switch arrival {
    case .message(let message): message.json.count + message.name.utf8.count
    case .interrupted: 64
    }
  }
}
