import Foundation
import Syscalls
import SystemPackage
import Testing

@testable import TidingsClient

/// What becomes of a stream when a connection does what connections do: against a server of canned
/// bytes over real sockets.
@Suite(.timeLimit(.minutes(2)))
struct ConnectionTests {
  private typealias Step = ScriptedServer.Step

  /// A connection that sends `text` in a chunk and stays until the client goes.
  private static func lasting(_ text: String) -> [Step] {
    [.send(Say.head + Say.chunk(text)), .untilClientCloses(Signal())]
  }

  @Test("a stream cut in the middle of an event goes on behind the last whole one")
  func cutMidEvent() async throws {
    let first = Say.hello("a-1") + Say.change("a-2", "create", "x")
    let cut = Say.change("a-3", "modify", "x").prefix(40)
    let server = try ScriptedServer([
      [.send(Say.head + Say.chunk(first + cut))],
      Self.lasting(
        Say.hello("a-2") + Say.change("a-3", "modify", "x") + Say.change("a-4", "delete", "x")),
    ])
    defer { server.stop() }
    let told = try await summaries(
      Client.impatient(server.url).changes(since: .earliest), upTo: "delete x a-4")
    #expect(
      told == [
        "hello a-1", "create x a-2",
        "interrupted: the server has ended the connection",
        "hello a-2", "modify x a-3", "delete x a-4",
      ])
    #expect(server.requests.count == 2)
    #expect(server.requests.first?.contains("since=earliest") == true)
    #expect(server.requests.first?.contains("Last-Event-ID") == false)
    #expect(server.requests.last?.contains("\r\nLast-Event-ID: a-2\r\n") == true)
    #expect(server.requests.last?.contains("since=") == false)
  }

  @Test("events of one change that a cut separates come once, together")
  func cutInsideGroup() async throws {
    let gone = Say.change(nil, "delete", "old")
    let there = Say.change("a-3", "create", "new")
    let server = try ScriptedServer([
      [.send(Say.head + Say.chunk(Say.hello("a-1") + Say.change("a-2", "create", "old") + gone))],
      Self.lasting(Say.hello("a-2") + gone + there),
    ])
    defer { server.stop() }
    let told = try await summaries(
      Client.impatient(server.url).changes(), upTo: "create new a-3")
    #expect(told.filter { $0.hasPrefix("delete old") }.count == 1)
    #expect(told.suffix(3) == ["hello a-2", "delete old", "create new a-3"])
  }

  @Test("bytes that come one at a time, in chunks of one, are the same stream")
  func oneByteChunks() async throws {
    let text = Say.hello("a-1") + ":\n\n" + Say.change("a-2", "modify", "ä…🎉")
    var bytes = Array(Say.head.utf8)
    for byte in text.utf8 { bytes += Array("1\r\n".utf8) + [byte] + Array("\r\n".utf8) }
    let server = try ScriptedServer([[.drip(bytes), .untilClientCloses(Signal())]])
    defer { server.stop() }
    let told = try await summaries(
      Client.impatient(server.url).changes(), upTo: "modify ä…🎉 a-2")
    #expect(told == ["hello a-1", "modify ä…🎉 a-2"])
  }

  @Test("a stream of HTTP/1.0 ends with its connection, and goes on with the next")
  func untilClose() async throws {
    let head = "HTTP/1.0 200 OK\r\nContent-Type: Text/Event-Stream\r\n\r\n"
    let server = try ScriptedServer([
      [.send(head + Say.hello("a-1"))],
      [.send(head + Say.hello("a-2")), .untilClientCloses(Signal())],
    ])
    defer { server.stop() }
    let told = try await summaries(Client.impatient(server.url).changes(), upTo: "hello a-2")
    #expect(told == ["hello a-1", "interrupted: the server has ended the connection", "hello a-2"])
  }

  @Test("a server that is away for a moment is told of once and asked until it is back")
  func unavailable() async throws {
    let busy = Say.answer(
      "503 Service Unavailable", "Content-Type: application/problem+json\r\nRetry-After: 0\r\n",
      "{\"code\":\"crawling\",\"detail\":\"not yet\"}")
    let server = try ScriptedServer([
      [.send(busy)], [.send(busy)], [.send(busy)], Self.lasting(Say.hello("a-1")),
    ])
    defer { server.stop() }
    let told = try await summaries(Client.impatient(server.url).changes(), upTo: "hello a-1")
    #expect(told == ["interrupted: the server answers 503 crawling: not yet", "hello a-1"])
    #expect(server.requests.count == 4)
  }

  @Test("Retry-After is waited for, as seconds and as a date", arguments: [true, false])
  func retryAfter(asDate: Bool) async throws {
    let date = Date.now.addingTimeInterval(100)
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "UTC")
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    let value = asDate ? formatter.string(from: date) : "100"
    let server = try ScriptedServer([
      [.send(Say.answer("429 Too Many Requests", "Retry-After: \(value)\r\n"))]
    ])
    defer { server.stop() }
    let told = try await events(
      Client.impatient(server.url).changes(), upTo: "interrupted: the server answers 429")
    guard case .interrupted(.unavailable(let problem), let delay) = try #require(told.first) else {
      Issue.record("\(told)")
      return
    }
    #expect(problem == Problem(status: 429))
    #expect(delay > .seconds(50) && delay < .seconds(110))
  }

  static let document =
    "{\"type\":\"/-/problems/c\",\"title\":\"T\",\"status\":1,\"code\":\"c\",\"detail\":\"d\","
    + "\"hint\":\"h\",\"more\":[1]}"

  @Test(
    "what trying again cannot mend ends the stream with the server's own words",
    arguments: [400, 401, 403, 404, 406, 410, 421, 431])
  func fatal(status: Int) async throws {
    let server = try ScriptedServer([
      [
        .send(
          Say.answer(
            "\(status) X", "Content-Type: application/problem+json; charset=utf-8\r\n",
            Self.document))
      ]
    ])
    defer { server.stop() }
    let error = try await failure(Client.impatient(server.url).changes())
    #expect(
      error
        == .refused(Problem(status: status, code: "c", title: "T", detail: "d", hint: "h")))
    #expect(error?.description == "the server answers \(status) c: d (h)")
    #expect(server.requests.count == 1)
  }

  @Test(
    "an answer that is no stream of events ends the stream",
    arguments: [
      ("HTTP/1.1 204 No Content\r\n\r\n", "the server has removed this client"),
      (
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n",
        "this is no event stream but text/html"
      ),
      ("HTTP/1.1 200 OK\r\n\r\n", "this is no event stream but of no type"),
      (
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n",
        "the stream is coded as gzip, which was not asked for"
      ),
      (
        "HTTP/1.1 307 X\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n",
        "the server answers 307: it points to http://elsewhere/; redirections are not followed"
      ),
      ("HTTP/1.1 404 X\r\nContent-Length: 9\r\n\r\ncut", "the server answers 404"),
      ("HTTP/1.1 101 X\r\n\r\n", "the server changes the protocol unasked"),
      (
        Say.head
          + Say.chunk("event: change\nid: a-1\ndata: {\"watch\":\"w\",\"kind\":\"create\"}\n\n"),
        "the event change cannot be read: it has no path"
      ),
    ])
  func unexpected(_ answer: String, _ sentence: String) async throws {
    let server = try ScriptedServer([[.send(answer)]])
    defer { server.stop() }
    let error = try await failure(Client.impatient(server.url).changes())
    #expect(error?.description == sentence)
    #expect(error?.isRetriable == false)
  }

  @Test("a server that is silent for three heartbeats counts as gone")
  func watchdog() async throws {
    let server = try ScriptedServer([
      [
        .send(Say.head + Say.chunk(Say.hello("a-1", heartbeat: "20ms"))),
        .untilClientCloses(Signal()),
      ],
      Self.lasting(Say.hello("a-1") + Say.change("a-2", "modify", "x")),
    ])
    defer { server.stop() }
    let told = try await summaries(Client.impatient(server.url).changes(), upTo: "modify x a-2")
    #expect(
      told == [
        "hello a-1", "interrupted: the server has been silent for 0.06 seconds", "hello a-1",
        "modify x a-2",
      ])
    #expect(server.requests.last?.contains("\r\nLast-Event-ID: a-1\r\n") == true)
  }

  @Test("a bye is heeded: the client comes back when it is wanted, and makes no noise about it")
  func bye() async throws {
    let server = try ScriptedServer([
      [
        .send(
          Say.head + Say.chunk(Say.hello("a-1"))
            + Say.chunk(Say.event("bye", "a-5", ",\"reason\":\"shutdown\",\"reconnectAfter\":3"))
            + "0\r\n\r\n")
      ],
      Self.lasting(Say.hello("a-5")),
    ])
    defer { server.stop() }
    let told = try await summaries(Client.impatient(server.url).changes(), upTo: "hello a-5")
    #expect(told == ["hello a-1", "bye shutdown a-5", "hello a-5"])
    #expect(server.requests.last?.contains("\r\nLast-Event-ID: a-5\r\n") == true)
  }

  @Test("a listing that was cut off begins again; a whole one is resumed")
  func listing() async throws {
    let entry = Say.event("entry", nil, ",\"watch\":\"w\",\"path\":\"x\",\"type\":\"file\"")
    let server = try ScriptedServer([
      [.send(Say.head + Say.chunk(Say.hello(nil) + entry))],
      [
        .send(
          Say.head + Say.chunk(Say.hello(nil) + entry + Say.change(nil, "modify", "x")))
      ],
      [.send(Say.head + Say.chunk(Say.hello(nil) + entry + Say.event("synced", "a-9")))],
      Self.lasting(Say.hello("a-9")),
    ])
    defer { server.stop() }
    var subscription = Subscription()
    subscription.initial = true
    let told = try await summaries(
      Client.impatient(server.url).changes(subscription), upTo: "hello a-9")
    #expect(
      told.filter { !$0.hasPrefix("interrupted") } == [
        "hello", "entry x", "hello", "entry x", "modify x", "hello", "entry x", "synced a-9",
        "hello a-9",
      ])
    let requests = server.requests
    #expect(requests.count == 4)
    #expect(requests.prefix(3).allSatisfy { $0.contains("?initial=1 ") })
    #expect(requests.prefix(3).allSatisfy { !$0.contains("Last-Event-ID") })
    #expect(requests.last?.contains("initial") == false)
    #expect(requests.last?.contains("\r\nLast-Event-ID: a-9\r\n") == true)
  }

  @Test("what this version does not know is passed over, and moves the cursor all the same")
  func forwardCompatible() async throws {
    let server = try ScriptedServer([
      [
        .send(
          Say.head
            + Say.chunk(
              Say.hello("a-1") + Say.event("weather", "a-2", ",\"rain\":true")
                + Say.change(
                  "a-3", "warp", "x", ",\"colour\":{\"deep\":[1,null]},\"type\":\"blob\"")
                + Say.event("weather", "a-4")))
      ],
      Self.lasting(Say.hello("a-4")),
    ])
    defer { server.stop() }
    let told = try await events(Client.impatient(server.url).changes(), upTo: "hello a-4")
    #expect(told.map(\.summary).prefix(2) == ["hello a-1", "warp x a-3"])
    guard case .change(let change) = told[1] else {
      Issue.record("\(told)")
      return
    }
    #expect(change.kind == .other("warp"))
    #expect(change.type == .other)
    #expect(server.requests.last?.contains("\r\nLast-Event-ID: a-4\r\n") == true)
  }

  /// A fuzz target found a reader of JSON that takes a byte order mark off the start of a string; the
  /// client's has to leave the name as it is on the disk, where no `pathBytes` stands beside it.
  @Test(
    "a path is the file's, to the byte",
    arguments: ["\u{FEFF}a", "a\u{FEFF}", "\u{FEFF}", "e\u{301}", "\u{2028}", "\u{FFFD}"])
  func path(path: String) async throws {
    let server = try ScriptedServer([
      Self.lasting(Say.hello("a-1") + Say.change("a-2", "create", path))
    ])
    defer { server.stop() }
    let told = try await events(
      Client.impatient(server.url).changes(), upTo: "create \(path) a-2")
    guard case .change(let change)? = told.last else {
      Issue.record("\(told)")
      return
    }
    #expect(Array(change.path.utf8) == Array(path.utf8))
    #expect(change.pathBytes == Array(path.utf8))
  }

  @Test("a token is presented, and the address's path and name are used")
  func request() async throws {
    let server = try ScriptedServer([Self.lasting(Say.hello("a-1"))])
    defer { server.stop() }
    let client = try Client.impatient(server.url + "/proxy/", token: "sesame")
    _ = try await summaries(client.changes(path: "src/", ignore: ["*.o"]), upTo: "hello a-1")
    let request = try #require(server.requests.first)
    #expect(request.hasPrefix("GET /proxy/-/v1/events?path=src/&ignore=%2A.o HTTP/1.1\r\n"))
    #expect(request.contains("\r\nAuthorization: Bearer sesame\r\n"))
    #expect(request.contains("\r\nHost: \(server.address.text)\r\n"))
  }

  @Test("a Unix-domain socket serves as well as a port")
  func unixSocket() async throws {
    let path = FileManager.default.temporaryDirectory.path + "/tc-\(UUID().uuidString).sock"
    let server = try ScriptedServer(
      at: .unix(path: path), [Self.lasting(Say.hello("a-1"))])
    defer {
      server.stop()
      try? FileManager.default.removeItem(atPath: path)
    }
    let told = try await summaries(Client.impatient("unix:\(path)").changes(), upTo: "hello a-1")
    #expect(told == ["hello a-1"])
    #expect(server.requests.first?.contains("\r\nHost: localhost\r\n") == true)
  }

  @Test("localhost finds a server on either loopback address")
  func name() async throws {
    let server = try ScriptedServer([Self.lasting(Say.hello("a-1"))])
    defer { server.stop() }
    let client = try Client.impatient("http://localhost:\(try #require(server.address.port))")
    #expect(try await summaries(client.changes(), upTo: "hello a-1") == ["hello a-1"])
  }

  @Test("a server that comes up later is found, and its absence told once")
  func refusedThenUp() async throws {
    let earlier = try ScriptedServer([])
    earlier.stop()
    let gone = "interrupted: cannot connect to \(earlier.address.text): Connection refused"
    var iterator = try Client.impatient(earlier.url).changes().makeAsyncIterator()
    #expect(try await iterator.next(isolation: nil)?.summary == gone)
    let server = try ScriptedServer(at: earlier.address, [Self.lasting(Say.hello("a-1"))])
    defer { server.stop() }
    #expect(try await iterator.next(isolation: nil)?.summary == "hello a-1")
  }
}
