import Foundation
import TidingsClient

/// Prints the events of one stream: changes to standard output, what concerns the stream itself to
/// standard error. Writing may block; the stream then waits, and with it the server's cursor.
struct TailOutput: Sendable {
  let events: EventSequence
  /// As the user named the server.
  let address: String
  let json: Bool
  let once: Bool

  /// Prints until the task is cancelled, the stream fails, nobody reads any more, or (`once`) there
  /// was a change, which is what it returns.
  func run() async -> Result<Bool, ClientError> {
    do throws(ClientError) {
      return .success(json ? try await printObjects() : try await printLines())
    } catch {
      return .failure(error)
    }
  }

  private func printObjects() async throws(ClientError) -> Bool {
    var messages = events.messages
    var connection = Connection(address: address)
    while let arrival = try await messages.next() {
      switch arrival {
      case .interrupted(let error, let delay): connection.interrupted(error, delay)
      case .message(let message):
        if message.name == "hello" { connection.opened() }
        guard Self.write(message.json + [0x0A]) else { return false }
        if once, message.name == "change" { return true }
      }
    }
    return false
  }

  private func printLines() async throws(ClientError) -> Bool {
    var iterator = events.makeAsyncIterator()
    var connection = Connection(address: address)
    while let event = try await iterator.next(isolation: nil) {
      switch event {
      case .change(let change):
        guard Self.write(TailLine.bytes(change)) else { return false }
        if once { return true }
      case .entry(let entry):
        guard Self.write(TailLine.bytes(entry)) else { return false }
      case .hello: connection.opened()
      case .interrupted(let error, let delay): connection.interrupted(error, delay)
      case .bye(let bye): connection.bye(bye.reason)
      case .reset(let reset):
        for subtree in reset.scope {
          let place = String(
            decoding: TailLine.place(subtree.watch, subtree.pathBytes), as: UTF8.self)
          Terminal.say("reset (\(reset.reason)): look again at \(place)")
        }
      case .watch(let news): Terminal.say("watch \(news.watch) is \(news.state)")
      case .synced, .bookmark: break
      }
    }
    return false
  }

  /// False when nobody reads any more.
  private static func write(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(1, $0.baseAddress!, $0.count) }
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// Says each change of the connection's state once.
  private struct Connection {
    let address: String
    var hasBeenOpen = false
    var isOpen = false

    mutating func opened() {
      if !isOpen { Terminal.say(hasBeenOpen ? "connected again" : "following \(address)") }
      hasBeenOpen = true
      isOpen = true
    }

    mutating func interrupted(_ error: ClientError, _ delay: Duration) {
      isOpen = false
      let tenths = Int((delay / .milliseconds(100)).rounded(.up))
      Terminal.say("\(error); trying again in \(tenths / 10).\(tenths % 10) s")
    }

    mutating func bye(_ reason: String) {
      isOpen = false
      Terminal.say("the server says goodbye (\(reason)); reconnecting")
    }
  }
}

/// One change or entry for people, as `tidings watch` prints them.
enum TailLine {
  static func bytes(_ change: Change) -> [UInt8] {
    var line = Array("\(time(change.time))  \(padded(change.kind.description))".utf8)
    if let from = change.fromBytes {
      line += place(change.watch, from)
      line += (change.isExchange ? " <-> " : " -> ").utf8
    }
    line += place(change.watch, change.pathBytes)
    if change.type == .directory { line.append(UInt8(ascii: "/")) }
    let notes = notes(change)
    if !notes.isEmpty { line += "  (\(notes.joined(separator: ", ")))".utf8 }
    return line + [0x0A]
  }

  static func bytes(_ entry: Entry) -> [UInt8] {
    var line = Array("\(time(entry.mtime))  \(padded("entry"))".utf8)
    line += place(entry.watch, entry.pathBytes)
    if entry.type == .directory { line.append(UInt8(ascii: "/")) }
    return line + [0x0A]
  }

  /// `watch/path`; what a terminal would obey is shown as `\xNN`.
  static func place(_ watch: String, _ path: [UInt8]) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    var text = Array(watch.utf8)
    if !path.isEmpty { text.append(UInt8(ascii: "/")) }
    for byte in path {
      if byte < 0x20 || byte == 0x7F {
        text += [0x5C, 0x78, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      } else {
        text.append(byte)
      }
    }
    return text
  }

  private static func notes(_ change: Change) -> [String] {
    let words = [
      (change.isClosed, "closed"), (change.isReplaced, "replaced"), (change.isMoved, "moved"),
      (change.isWritten, "written"), (change.isFromRescan, "rescan"),
      (change.count > 1, "\(change.count) records"),
    ]
    return words.filter(\.0).map(\.1)
  }

  private static func padded(_ kind: String) -> String {
    kind + String(repeating: " ", count: max(1, 8 - kind.utf8.count))
  }

  /// Local time to the millisecond, as wide when there is none.
  private static func time(_ date: Date?) -> String {
    guard let date else { return "--:--:--.---" }
    let milliseconds = Int((date.timeIntervalSince1970 * 1000).rounded())
    var seconds = time_t(milliseconds / 1000)
    var local = tm()
    localtime_r(&seconds, &local)
    func two(_ number: Int32) -> String { (number < 10 ? "0" : "") + String(number) }
    let fraction = String(1000 + abs(milliseconds % 1000)).dropFirst()
    return "\(two(local.tm_hour)):\(two(local.tm_min)):\(two(local.tm_sec)).\(fraction)"
  }
}
