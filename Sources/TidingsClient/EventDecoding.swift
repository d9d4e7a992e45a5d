internal import Bytes
internal import Foundation

/// Typed events from what came over the wire: the name of an event and its JSON object. The
/// JSON decoder is the costly part (some microseconds an event); it runs where the events are
/// consumed.
struct EventDecoding {
  private let decoder = JSONDecoder()

  /// Nil for an event of a name this version does not know.
  func event(_ message: EventMessage) throws(ClientError) -> Event? {
    switch message.name {
    case "hello": .hello(Hello(try fields(message)))
    case "change": .change(try change(message))
    case "entry": .entry(try entry(message))
    case "synced": .synced(try fields(message).id.flatMap(Cursor.init))
    case "bookmark": .bookmark(try fields(message).id.flatMap(Cursor.init))
    case "reset": .reset(try reset(message))
    case "watch": .watch(try watch(message))
    case "bye": .bye(Bye(try fields(message)))
    default: nil
    }
  }

  /// The longest silence a `hello` promises; nil when it does not say.
  func heartbeat(_ message: EventMessage) -> Duration? {
    (try? fields(message)).flatMap { Hello($0).heartbeat }
  }

  /// When a `bye` wants to see this client again; nil when it does not say.
  func reconnectAfter(_ message: EventMessage) -> Duration? {
    (try? fields(message)).flatMap { Bye($0).reconnectAfter }
  }

  private func fields(_ message: EventMessage) throws(ClientError) -> Fields {
    do { return try decoder.decode(Fields.self, from: Data(message.json)) } catch {
      throw .unexpectedAnswer("the event \(message.name) cannot be read: \(error)")
    }
  }

  /// A member that every event of this name has.
  private func required<Value>(
    _ value: Value?, _ name: String, _ message: EventMessage
  ) throws(ClientError) -> Value {
    guard let value else {
      throw .unexpectedAnswer("the event \(message.name) cannot be read: it has no \(name)")
    }
    return value
  }

  private func change(_ message: EventMessage) throws(ClientError) -> Change {
    let fields = try fields(message)
    let path = try required(fields.path, "path", message)
    return Change(
      cursor: fields.id.flatMap(Cursor.init),
      watch: try required(fields.watch, "watch", message),
      kind: Change.Kind(try required(fields.kind, "kind", message)),
      path: path, pathBytes: Self.exact(path, fields.pathBytes),
      from: fields.from, fromBytes: fields.from.map { Self.exact($0, fields.fromBytes) },
      type: fields.fileType, time: fields.time.flatMap(Self.date),
      isMoved: fields.moved ?? false, isExchange: fields.exchange ?? false,
      isReplaced: fields.replaced ?? false, isClosed: fields.closed ?? false,
      isWritten: fields.written ?? false,
      size: fields.size, mtime: fields.mtime.flatMap(Self.date), count: fields.count ?? 1,
      isFromRescan: fields.cause == "rescan", pid: fields.pid)
  }

  private func entry(_ message: EventMessage) throws(ClientError) -> Entry {
    let fields = try fields(message)
    let path = try required(fields.path, "path", message)
    return Entry(
      watch: try required(fields.watch, "watch", message),
      path: path, pathBytes: Self.exact(path, fields.pathBytes),
      type: fields.fileType, size: fields.size, mtime: fields.mtime.flatMap(Self.date))
  }

  private func reset(_ message: EventMessage) throws(ClientError) -> Reset {
    let fields = try fields(message)
    return Reset(
      cursor: fields.id.flatMap(Cursor.init), reason: fields.reason ?? "",
      scope: try required(fields.scope, "scope", message).map { subtree in
        Reset.Subtree(
          watch: subtree.watch, path: subtree.path,
          pathBytes: Self.exact(subtree.path, subtree.pathBytes))
      },
      lostAfter: fields.lostAfter.flatMap(Cursor.init), oldest: fields.oldest.flatMap(Cursor.init))
  }

  private func watch(_ message: EventMessage) throws(ClientError) -> WatchNews {
    let fields = try fields(message)
    return WatchNews(
      cursor: fields.id.flatMap(Cursor.init), watch: try required(fields.watch, "watch", message),
      state: try required(fields.state, "state", message))
  }

  private static func exact(_ text: String, _ base64: String?) -> [UInt8] {
    base64.flatMap { Data(base64Encoded: $0) }.map { Array($0) } ?? Array(text.utf8)
  }

  /// RFC 3339 in UTC with milliseconds.
  private static func date(_ text: String) -> Date? {
    try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }
}

/// One event as it came: what goes from the reader to the consumer.
package struct EventMessage: Sendable, Equatable {
  /// The type of the event in the stream.
  package var name: String
  /// The object, exactly as the server sent it.
  package var json: [UInt8]
}

/// All members any event has (wire contract, sections 2 and 4); others are passed over.
private struct Fields: Decodable {
  struct Subtree: Decodable {
    var watch: String
    var path: String
    var pathBytes: String?
  }

  var id: String?
  var watch: String?
  var kind: String?
  var path: String?
  var pathBytes: String?
  var from: String?
  var fromBytes: String?
  var type: String?
  var time: String?
  var moved: Bool?
  var exchange: Bool?
  var replaced: Bool?
  var closed: Bool?
  var written: Bool?
  var size: UInt64?
  var mtime: String?
  var count: Int?
  var cause: String?
  var pid: Int32?
  var epoch: String?
  var oldest: String?
  var resumed: Bool?
  var heartbeat: String?
  var server: String?
  var reason: String?
  var scope: [Subtree]?
  var lostAfter: String?
  var state: String?
  var reconnectAfter: Int?

  var fileType: FileType? { type.map { FileType(rawValue: $0) ?? .other } }
}

extension Hello {
  fileprivate init(_ fields: Fields) {
    self.init(
      cursor: fields.id.flatMap(Cursor.init), epoch: fields.epoch,
      oldest: fields.oldest.flatMap(Cursor.init), resumed: fields.resumed ?? false,
      heartbeat: fields.heartbeat.flatMap { DurationText.parse($0) }, server: fields.server)
  }
}

extension Bye {
  fileprivate init(_ fields: Fields) {
    self.init(
      cursor: fields.id.flatMap(Cursor.init), reason: fields.reason ?? "",
      reconnectAfter: fields.reconnectAfter.map { .milliseconds(max(0, $0)) })
  }
}
