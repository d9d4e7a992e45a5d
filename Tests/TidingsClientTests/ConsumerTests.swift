import Syscalls
import Testing

@testable import TidingsClient

/// What a stream does for the one who reads it: ends at once, holds back, forgets nothing.
@Suite(.timeLimit(.minutes(2)))
struct ConsumerTests {
  @Test("a cancelled task gets no more events, at once, and its connection is closed")
  func cancellation() async throws {
    let closed = Signal()
    let server = try ScriptedServer([
      [.send(Say.head + Say.chunk(Say.hello("a-1"))), .untilClientCloses(closed)]
    ])
    defer { server.stop() }
    let sequence = try Client.impatient(server.url).changes()
    let connected = Signal()
    let reading = Task {
      var count = 0
      for try await _ in sequence {
        count += 1
        connected.set()
      }
      return count
    }
    await connected.wait()
    reading.cancel()
    #expect(try await reading.value == 1)
    await closed.wait()
  }

  @Test("a task that waits for its next attempt is cancelled at once too")
  func cancellationBetweenAttempts() async throws {
    let server = try ScriptedServer([
      [.send(Say.answer("503 X", "Retry-After: 300\r\n"))]
    ])
    defer { server.stop() }
    let sequence = try Client.impatient(server.url).changes()
    let interrupted = Signal()
    let reading = Task {
      for try await _ in sequence { interrupted.set() }
    }
    await interrupted.wait()
    reading.cancel()
    try await reading.value
  }

  @Test("a loop that is left closes its connection")
  func left() async throws {
    let closed = Signal()
    let server = try ScriptedServer([
      [.send(Say.head + Say.chunk(Say.hello("a-1"))), .untilClientCloses(closed)]
    ])
    defer { server.stop() }
    for try await _ in try Client.impatient(server.url).changes() { break }
    await closed.wait()
  }

  @Test("an error is thrown once; after it, as after the end, there is nothing")
  func once() async throws {
    let server = try ScriptedServer([[.send("HTTP/1.1 204 X\r\n\r\n")]])
    defer { server.stop() }
    var iterator = try Client.impatient(server.url).changes().makeAsyncIterator()
    await #expect(throws: ClientError.removed) { try await iterator.next(isolation: nil) }
    #expect(try await iterator.next(isolation: nil) == nil)
  }

  @Test("each loop over one sequence has a stream of its own")
  func twice() async throws {
    let server = try ScriptedServer(
      [1, 2].map {
        [.send(Say.head + Say.chunk(Say.hello("a-\($0)"))), .untilClientCloses(Signal())]
      }
    )
    defer { server.stop() }
    let sequence = try Client.impatient(server.url).changes()
    #expect(try await summaries(sequence, upTo: "hello a-1") == ["hello a-1"])
    #expect(try await summaries(sequence, upTo: "hello a-2") == ["hello a-2"])
    #expect(server.requests.allSatisfy { !$0.contains("Last-Event-ID") })
  }

  /// 40 MB: more than the sockets of both ends will hold.
  @Test("a reader that lags stops the server, and then gets everything, in order")
  func backpressure() async throws {
    let count = 100_000
    let filler = String(repeating: "x", count: 250)
    var stream = Array((Say.head + Say.chunk(Say.hello("a-0", heartbeat: "50ms"))).utf8)
    for number in 1...count {
      stream += Say.chunk(Say.change("a-\(number)", "modify", "\(number)\(filler)")).utf8
    }
    stream += "0\r\n\r\n".utf8
    let blocked = Signal()
    let server = try ScriptedServer([[.flood(stream, blocked: blocked)]])
    defer { server.stop() }
    var messages = try Client.impatient(server.url).changes().messages
    guard case .message(let hello)? = try await messages.next() else {
      Issue.record("no hello")
      return
    }
    #expect(hello.name == "hello")
    await blocked.wait()
    var next = 1
    while next <= count, case .message(let message)? = try await messages.next() {
      let expected = Array("{\"event\":\"change\",\"id\":\"a-\(next)\",".utf8)
      guard message.json.starts(with: expected) else {
        Issue.record("\(String(decoding: message.json, as: UTF8.self)) is not number \(next)")
        return
      }
      next += 1
    }
    #expect(next == count + 1)
  }

  @Test("a door is full by events and by bytes, and calls its reader when half of it is taken")
  func door() async throws {
    let door = try EventDoor()
    let message = EventMessage(name: "x", json: [1])
    #expect(!door.mustWait())
    door.put(Array(repeating: .message(message), count: EventDoor.eventLimit))
    #expect(door.mustWait())
    for _ in 0..<(EventDoor.eventLimit / 2 - 1) { _ = await door.next() }
    #expect(try door.wait(for: .readable, on: nil, timeout: .zero) == false)
    _ = await door.next()
    #expect(try door.wait(for: .readable, on: nil, timeout: .zero) == nil)
    #expect(!door.mustWait())
    let big = EventMessage(name: "x", json: [UInt8](repeating: 0, count: EventDoor.byteLimit))
    door.put([.message(big)])
    #expect(door.mustWait())
    door.close()
    #expect(!door.mustWait())
    #expect(door.isClosed)
    guard case .end = await door.next() else {
      Issue.record("a closed door gives something")
      return
    }
  }
}
