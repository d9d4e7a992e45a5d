internal import Syscalls
internal import SystemPackage

/// The events of a subscription. Each iteration has a connection of its own, opened by the first
/// `next()` and read by a thread of its own; it is closed when the iterator goes or its task is
/// cancelled.
///
/// A consumer that lags stops the reading: what is not yet read waits on the server, as a cursor,
/// and what the server can keep no longer it tells as a ``Reset``. Nothing is dropped in between.
public struct EventSequence: AsyncSequence, Sendable {
  let request: EventRequest
  let timing: StreamReader.Timing

  /// Begins nothing yet.
  public func makeAsyncIterator() -> Iterator { Iterator(request: request, timing: timing) }

  /// One connection's worth of events, and of those after it. For one task at a time.
  public struct Iterator: AsyncIteratorProtocol {
    private var messages: MessageIterator
    private let decoding = EventDecoding()

    init(request: EventRequest, timing: StreamReader.Timing) {
      messages = MessageIterator(request: request, timing: timing)
    }

    /// The next event; nil when the task has been cancelled, at once, and ever after. Throws a
    /// ``ClientError`` that trying again cannot mend, once.
    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(ClientError) -> Event? {
      while let arrival = try await messages.next(isolation: actor) {
        switch arrival {
        case .interrupted(let error, let delay): return .interrupted(error, retryIn: delay)
        case .message(let message):
          if let event = try decoding.event(message) { return event }
        }
      }
      return nil
    }
  }
}

/// The events as they came, for who passes them on unread (`tidings tail --json`).
package struct MessageIterator {
  /// What can happen next.
  package enum Arrival: Sendable {
    case message(EventMessage)
    /// As ``Event/interrupted(_:retryIn:)``.
    case interrupted(ClientError, retryIn: Duration)
  }

  /// Lets the reader go when the iterator does.
  private final class Session: Sendable {
    let door: EventDoor

    init(_ request: EventRequest, _ timing: StreamReader.Timing) throws(ClientError) {
      do throws(Errno) {
        let door = try EventDoor()
        self.door = door
        try OwnThread(name: "tidings-client") {
          StreamReader(request, timing: timing, door: door).run()
        }.detach()
      } catch {
        throw .connection("there is no thread or descriptor left: \(error)", code: error.rawValue)
      }
    }

    deinit { door.close() }
  }

  private let request: EventRequest
  private let timing: StreamReader.Timing
  private var session: Session?
  private var hasEnded = false

  init(request: EventRequest, timing: StreamReader.Timing) {
    self.request = request
    self.timing = timing
  }

  /// The next arrival; nil when the task has been cancelled.
  package mutating func next(
    isolation actor: isolated (any Actor)? = #isolation
  ) async throws(ClientError) -> Arrival? {
    guard !hasEnded else { return nil }
    let session: Session
    if let begun = self.session {
      session = begun
    } else {
      session = try Session(request, timing)
      self.session = session
    }
    switch await session.door.next(isolation: actor) {
    case .arrival(.message(let message)): return .message(message)
    case .arrival(.interrupted(let error, let delay)): return .interrupted(error, retryIn: delay)
    case .failed(let error):
      hasEnded = true
      throw error
    case .end:
      hasEnded = true
      return nil
    }
  }
}

extension EventSequence {
  /// The same events, unread.
  package var messages: MessageIterator { MessageIterator(request: request, timing: timing) }
}
