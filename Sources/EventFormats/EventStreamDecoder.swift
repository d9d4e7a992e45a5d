internal import Bytes

/// Server-Sent Events from bytes, by the letter of WHATWG HTML §9.2.6. A value without I/O; owns the
/// line and the event that are not complete yet. What it gives is the same however the bytes were
/// cut. An event that the end of the stream cuts off is never given, as the standard has it.
package struct EventStreamDecoder: Sendable {
  /// One dispatched event.
  package struct Event: Sendable, Equatable {
    /// `message` unless the stream named another.
    package var type: String
    /// Lines of `data` joined by LF. Bytes as sent: malformed UTF-8 is the reader's to replace.
    package var data: [UInt8]
    /// Whether an `id` field stood in this event's own block.
    package var setsID: Bool

    package init(type: String = "message", data: [UInt8], setsID: Bool = false) {
      self.type = type
      self.data = data
      self.setsID = setsID
    }
  }

  package enum Output: Sendable, Equatable {
    case event(Event)
    /// The server names the time to wait before reconnecting.
    case retry(milliseconds: Int)
  }

  /// An event or a line is longer than the limit: the stream cannot be read any further.
  package struct TooLong: Error, Sendable, Equatable {
    package var limit: Int
  }

  /// What a reconnect has to send as Last-Event-ID: set when an event ends, with data or without;
  /// empty when the stream has not named one.
  package private(set) var lastEventID: String

  /// Bytes one event may take: 8 MiB, a `reset` that names some 80,000 subtrees.
  private let limit: Int
  private var line: [UInt8] = []
  /// A CR has ended a line; an LF that follows belongs to it.
  private var skipsLineFeed = false
  private var isFirstLine = true
  private var type: [UInt8] = []
  /// Each line of `data` with an LF after it.
  private var data: [UInt8] = []
  private var id: String
  private var setsID = false

  /// `lastEventID`: where the connection before this one ended.
  package init(lastEventID: String = "", limit: Int = 8 << 20) {
    self.lastEventID = lastEventID
    self.limit = limit
    id = lastEventID
  }

  /// What `bytes` complete, in order.
  package mutating func decode(
    _ bytes: UnsafeRawBufferPointer
  ) throws(TooLong) -> [Output] {
    var outputs: [Output] = []
    var start = 0
    while start < bytes.count {
      if skipsLineFeed {
        skipsLineFeed = false
        if bytes[start] == ASCII.lineFeed {
          start += 1
          continue
        }
      }
      guard let end = Self.lineEnd(in: bytes, from: start) else {
        try append(bytes.part(start..<bytes.count))
        break
      }
      try endLine(with: bytes.part(start..<end), into: &outputs)
      skipsLineFeed = bytes[end] == ASCII.carriageReturn
      start = end + 1
    }
    return outputs
  }

  /// Offset of the first CR or LF.
  private static func lineEnd(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    let lineFeed = bytes.firstOffset(of: ASCII.lineFeed, from: start)
    let before = bytes.part(0..<(lineFeed ?? bytes.count))
    return before.firstOffset(of: ASCII.carriageReturn, from: start) ?? lineFeed
  }

  private mutating func append(_ bytes: UnsafeRawBufferPointer) throws(TooLong) {
    guard line.count + data.count + bytes.count <= limit else { throw TooLong(limit: limit) }
    line.append(contentsOf: bytes)
  }

  /// Reads the line that `rest` ends.
  private mutating func endLine(
    with rest: UnsafeRawBufferPointer, into outputs: inout [Output]
  ) throws(TooLong) {
    try append(rest)
    let whole = line
    line.removeAll(keepingCapacity: true)
    whole.withUnsafeBytes { bytes in
      let hasMark = isFirstLine && bytes.starts(with: [0xEF, 0xBB, 0xBF])
      isFirstLine = false
      read(hasMark ? bytes.part(3..<bytes.count) : bytes, into: &outputs)
    }
  }

  private mutating func read(_ line: UnsafeRawBufferPointer, into outputs: inout [Output]) {
    guard !line.isEmpty else { return dispatch(into: &outputs) }
    let colon = line.firstOffset(of: UInt8(ascii: ":")) ?? line.count
    let name = line.part(0..<colon)
    var value = line.part(min(colon + 1, line.count)..<line.count)
    if value.first == ASCII.space { value = value.part(1..<value.count) }
    // A comment has an empty name; names nobody knows are passed over like it.
    if name.equals("data") {
      data.append(contentsOf: value)
      data.append(ASCII.lineFeed)
    } else if name.equals("event") {
      type = Array(value)
    } else if name.equals("id") {
      guard !value.contains(0) else { return }
      id = String(decoding: value, as: UTF8.self)
      setsID = true
    } else if name.equals("retry"), let milliseconds = DecimalNumber.parse(value) {
      outputs.append(.retry(milliseconds: milliseconds))
    }
  }

  private mutating func dispatch(into outputs: inout [Output]) {
    lastEventID = id
    defer {
      data.removeAll(keepingCapacity: true)
      type.removeAll(keepingCapacity: true)
      setsID = false
    }
    guard !data.isEmpty else { return }
    data.removeLast()
    outputs.append(
      .event(
        Event(
          type: type.isEmpty ? "message" : String(decoding: type, as: UTF8.self), data: data,
          setsID: setsID)))
  }
}
