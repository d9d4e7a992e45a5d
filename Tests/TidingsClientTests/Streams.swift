import Foundation
import Testing

@testable import TidingsClient

/// What scripted servers say.
enum Say {
  static let head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    + "Transfer-Encoding: chunked\r\n\r\n"

  static func chunk(_ text: String) -> String {
    String(text.utf8.count, radix: 16) + "\r\n" + text + "\r\n"
  }

  /// `hello` from `id`, with a short `retry` so that the tests need not wait.
  static func hello(_ id: String?, heartbeat: String = "15s") -> String {
    let line = id.map { "id: \($0)\n" } ?? ""
    let member = id.map { ",\"id\":\"\($0)\"" } ?? ""
    return "retry: 1\nevent: hello\n\(line)data: {\"event\":\"hello\"\(member),\"epoch\":\"a\","
      + "\"oldest\":\"a-0\",\"resumed\":true,\"heartbeat\":\"\(heartbeat)\",\"server\":\"t/1\"}\n\n"
  }

  static func change(_ id: String?, _ kind: String, _ path: String, _ more: String = "") -> String {
    let line = id.map { "id: \($0)\n" } ?? ""
    let member = id.map { ",\"id\":\"\($0)\"" } ?? ""
    return "event: change\n\(line)data: {\"event\":\"change\"\(member),\"watch\":\"w\","
      + "\"kind\":\"\(kind)\",\"path\":\"\(path)\"\(more)}\n\n"
  }

  static func event(_ name: String, _ id: String?, _ members: String = "") -> String {
    let line = id.map { "id: \($0)\n" } ?? ""
    let member = id.map { ",\"id\":\"\($0)\"" } ?? ""
    return "event: \(name)\n\(line)data: {\"event\":\"\(name)\"\(member)\(members)}\n\n"
  }

  static func answer(_ status: String, _ fields: String, _ body: String = "") -> String {
    "HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }
}

extension Event {
  /// `create a.txt a-2`: what the tests compare.
  var summary: String {
    func with(_ words: String, _ cursor: Cursor?) -> String {
      words + (cursor.map { " \($0)" } ?? "")
    }
    return switch self {
    case .hello(let hello): with("hello", hello.cursor)
    case .change(let change): with("\(change.kind) \(change.path)", change.cursor)
    case .entry(let entry): "entry \(entry.path)"
    case .synced(let cursor): with("synced", cursor)
    case .bookmark(let cursor): with("bookmark", cursor)
    case .reset(let reset): with("reset \(reset.reason)", reset.cursor)
    case .watch(let news): with("watch \(news.watch) \(news.state)", news.cursor)
    case .bye(let bye): with("bye \(bye.reason)", bye.cursor)
    case .interrupted(let error, _): "interrupted: \(error)"
    }
  }
}

extension Client {
  /// One that does not make a test wait.
  static func impatient(_ url: String, token: String? = nil) throws -> Client {
    var client = try Client(url, token: token)
    client.timing.backoff.base = .milliseconds(1)
    client.timing.backoff.cap = .milliseconds(5)
    return client
  }
}

/// The events of a stream up to the first whose summary is `last`; what came in 20 s when that one
/// does not, which then shows in the test.
func events(_ sequence: EventSequence, upTo last: String) async throws -> [Event] {
  let reading = Task {
    var events: [Event] = []
    for try await event in sequence {
      events.append(event)
      if event.summary == last { break }
    }
    return events
  }
  let deadline = Task {
    try await Task.sleep(for: .seconds(20))
    reading.cancel()
  }
  defer { deadline.cancel() }
  return try await reading.value
}

func summaries(_ sequence: EventSequence, upTo last: String) async throws -> [String] {
  try await events(sequence, upTo: last).map(\.summary)
}

/// The error a stream ends with; nil when it ended without one in 20 s.
func failure(_ sequence: EventSequence) async -> ClientError? {
  do {
    _ = try await events(sequence, upTo: "never")
    return nil
  } catch {
    return error as? ClientError
  }
}
