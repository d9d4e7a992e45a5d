internal import HTTPSemantics
internal import Syscalls
internal import SystemPackage

/// Keeps one stream of events open and puts what comes into its door. Confined to a thread of its
/// own, where it may block; everything it waits for, a call through the door ends (but a name
/// lookup, whose outcome then interests nobody).
final class StreamReader {
  /// How long to wait for what. The tests have shorter ones.
  struct Timing: Sendable, Hashable {
    var backoff = ReconnectRule.Backoff()
    /// For one address to accept: 10 s, three SYNs.
    var connect = Duration.seconds(10)
    /// Silence until `hello` has said another: three of the server's usual heartbeats.
    var silence = Duration.seconds(45)
  }

  private enum Stop: Error {
    /// The consumer is gone.
    case closed
    case failed(StreamAnswer.Failure)

    static func failed(_ error: ClientError) -> Stop { .failed(.init(error: error)) }
  }

  /// Bytes of one read: a few hundred events.
  private static let readSize = 16 << 10

  private let request: EventRequest
  private let timing: Timing
  private let door: EventDoor
  private let decoding = EventDecoding()
  private var rule: ReconnectRule
  private var generator = SystemRandomNumberGenerator()
  private var buffer = [UInt8](repeating: 0, count: readSize)
  private var lastEventID = ""
  private var silence: Duration
  /// What the `bye` of this connection wished; nil without one.
  private var bye: Duration??
  /// When this connection said hello.
  private var openedAt: Int64?

  init(_ request: EventRequest, timing: Timing, door: EventDoor) {
    self.request = request
    self.timing = timing
    self.door = door
    rule = ReconnectRule(timing.backoff)
    silence = timing.silence
  }

  /// Returns when the consumer is gone or trying again cannot help.
  func run() {
    while true {
      do throws(Stop) {
        try followOnce()
      } catch .failed(let failure) {
        guard failure.error.isRetriable else { return door.finish(failure.error) }
        guard waitBeforeRetry(failure) else { return }
      } catch {
        return
      }
    }
  }

  // MARK: Between connections

  /// False: the consumer is gone.
  private func waitBeforeRetry(_ failure: StreamAnswer.Failure) -> Bool {
    if let openedAt, elapsed(since: openedAt) >= ReconnectRule.healthyAfter { rule.healthy() }
    let wasPlanned = bye != nil
    let delay = rule.delay(wish: (bye ?? nil) ?? failure.retryAfter, using: &generator)
    if !wasPlanned, rule.isNews(failure.error) {
      door.put([.interrupted(failure.error, retryIn: delay)])
    }
    let start = Clock.monotonic()
    do throws(Stop) {
      while case let left = delay - elapsed(since: start), left > .zero {
        _ = try wait(for: .readable, on: nil, timeout: left)
      }
      return true
    } catch {
      return false
    }
  }

  private func elapsed(since start: Int64) -> Duration {
    .nanoseconds(Clock.monotonic() - start)
  }

  // MARK: One connection

  /// Connects and follows until that ends, which it always throws.
  private func followOnce() throws(Stop) {
    bye = nil
    openedAt = nil
    silence = timing.silence
    let socket = try connect()
    try send(request.bytes(lastEventID: lastEventID), to: socket)
    try read(from: socket)
  }

  private func addresses() throws(Stop) -> [SocketAddress] {
    switch request.address.place {
    case .unix(let path):
      guard SocketAddress.fitsSocketPath(path) else {
        throw .failed(.invalidAddress("\(path): the system takes 107 bytes at most"))
      }
      return [.unix(path: path)]
    case .host(let host, let port):
      if let literal = SocketAddress(literal: host, port: port) { return [literal] }
      do throws(NameLookup.Failure) {
        return try NameLookup.addresses(of: host, port: port)
      } catch {
        throw .failed(.unknownHost(host, reason: error.message))
      }
    }
  }

  /// To the first of the addresses that accepts.
  private func connect() throws(Stop) -> Socket {
    var failure = Stop.failed(
      .unknownHost(request.address.authority, reason: "it has no IPv4 or IPv6 address"))
    for address in try addresses() {
      do throws(Stop) { return try connect(to: address) } catch {
        if case .closed = error { throw error }
        failure = error
      }
    }
    throw failure
  }

  private func connect(to address: SocketAddress) throws(Stop) -> Socket {
    do throws(Errno) {
      let socket = try Socket.connecting(to: address)
      guard try waitUntilConnected(socket) else {
        throw Errno.timedOut
      }
      return socket
    } catch {
      if door.isClosed { throw .closed }
      throw .failed(
        .connection("cannot connect to \(address.text): \(error)", code: error.rawValue))
    }
  }

  /// False: not in time, or the consumer is gone.
  private func waitUntilConnected(_ socket: borrowing Socket) throws(Errno) -> Bool {
    let start = Clock.monotonic()
    while case let left = timing.connect - elapsed(since: start), left > .zero {
      guard let isReady = try door.wait(for: .writable, on: socket.descriptor, timeout: left)
      else {
        if door.isClosed { return false }
        continue
      }
      guard isReady else { return false }
      if let error = try socket.connectionError() { throw error }
      return true
    }
    return false
  }

  private func send(_ bytes: [UInt8], to socket: borrowing Socket) throws(Stop) {
    var sent = 0
    while sent < bytes.count {
      do throws(Errno) {
        if case .bytes(let count) = try socket.write(bytes, from: sent) {
          sent += count
          continue
        }
      } catch {
        throw Self.lost(error)
      }
      guard try wait(for: .writable, on: socket.descriptor, timeout: silence) else {
        throw .failed(.timedOut("the server does not take the request"))
      }
    }
  }

  /// Reads until the connection ends, which it always throws.
  private func read(from socket: borrowing Socket) throws(Stop) {
    var answer = StreamAnswer(
      lastEventID: lastEventID,
      isListing: request.subscription.initial && lastEventID.isEmpty,
      now: HTTPDate(secondsSince1970: Int(Clock.realtime() / 1_000_000_000)))
    var quietSince = Clock.monotonic()
    while true {
      while door.mustWait() {
        _ = try wait(for: .readable, on: nil, timeout: nil)
        // Nobody listened meanwhile: the silence was ours.
        quietSince = Clock.monotonic()
      }
      let left = silence - elapsed(since: quietSince)
      guard try wait(for: .readable, on: socket.descriptor, timeout: left) else {
        let isOver = elapsed(since: quietSince) >= silence
        if isOver { throw .failed(.timedOut("the server has been silent for \(silence)")) }
        continue
      }
      let outcome: ReadOutcome
      do throws(Errno) {
        outcome = try buffer.withUnsafeMutableBufferPointer { (buffer) throws(Errno) in
          try socket.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
      } catch {
        throw Self.lost(error)
      }
      switch outcome {
      case .wouldBlock: continue
      case .end:
        try take(answer.receiveEnd(), from: answer)
        throw .failed(.ended)
      case .bytes(let count):
        quietSince = Clock.monotonic()
        let outputs = buffer.withUnsafeBytes { answer.receive(.init(rebasing: $0[..<count])) }
        try take(outputs, from: answer)
      }
    }
  }

  /// Passes on what has come; what it says of the connection itself is heeded here.
  private func take(_ outputs: [StreamAnswer.Output], from answer: StreamAnswer) throws(Stop) {
    var arrivals: [EventDoor.Arrival] = []
    var failure: StreamAnswer.Failure?
    for output in outputs {
      switch output {
      case .opened: break
      case .retry(let milliseconds): rule.retry(milliseconds: milliseconds)
      case .message(let message):
        heed(message)
        arrivals.append(.message(message))
      case .failed(let found): failure = found
      }
    }
    lastEventID = answer.lastEventID
    door.put(arrivals)
    if let failure { throw .failed(failure) }
  }

  private func heed(_ message: EventMessage) {
    switch message.name {
    case "hello":
      rule.opened()
      openedAt = Clock.monotonic()
      if let heartbeat = decoding.heartbeat(message), heartbeat > .zero { silence = heartbeat * 3 }
    case "bye": bye = .some(decoding.reconnectAfter(message))
    default: rule.healthy()
    }
  }

  private static func lost(_ error: Errno) -> Stop {
    .failed(.connection("the connection was lost: \(error)", code: error.rawValue))
  }

  /// True: ready; false: not yet.
  private func wait(
    for interest: SocketPoll.Interest, on socket: Int32?, timeout: Duration?
  ) throws(Stop) -> Bool {
    do throws(Errno) {
      if let isReady = try door.wait(for: interest, on: socket, timeout: timeout) { return isReady }
    } catch {
      throw .failed(.connection("cannot wait for the server: \(error)", code: error.rawValue))
    }
    if door.isClosed { throw .closed }
    return false
  }
}
