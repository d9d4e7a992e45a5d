internal import Bytes

/// How an event's JSON object is wrapped for one transport. The object is the same in all of them.
package enum StreamFraming: Hashable, Sendable {
  /// Server-Sent Events with the event's name as type (WHATWG HTML §9.2).
  case sse
  /// Server-Sent Events of the default type, `message`.
  case sseMessages
  /// One object a line.
  case ndjson
  /// Elements of a JSON array, a comma before each; whoever sends them writes `[` over the first.
  case jsonArray
  /// A text frame a piece, unmasked, whole (RFC 6455 §5.2); `ref` names the subscription in it.
  case webSocket(ref: String?)

  /// What names the subscription in each event; nil where there is only one.
  package var ref: String? { if case .webSocket(let ref) = self { ref } else { nil } }

  /// Appends what says "still here" when nothing else does: a comment line, an empty line, a ping.
  package func appendHeartbeat(into output: inout [UInt8]) {
    switch self {
    case .sse, .sseMessages: output.append(":\n\n")
    case .ndjson: output.append("\n")
    case .jsonArray: output.append(" ")  // between two elements a space says nothing
    case .webSocket: output.append(contentsOf: [0x89, 0x00])  // an empty ping: RFC 6455 §5.5.2
    }
  }

  /// Appends what stands before the object and returns where the object starts. `cursor` is the id
  /// line's content; empty for an event without one.
  func open(_ name: EventName, cursor: [UInt8], into output: inout [UInt8]) -> Int {
    switch self {
    case .sse, .sseMessages:
      if self == .sse {
        output.append("event: ")
        output.append(name.text)
        output.append("\n")
      }
      if !cursor.isEmpty {
        output.append("id: ")
        output.append(contentsOf: cursor)
        output.append("\n")
      }
      output.append("data: ")
    case .ndjson: break
    case .jsonArray: output.append(",")
    case .webSocket: output.append(contentsOf: [0x81, 126, 0, 0])  // FIN, text; most need two bytes
    }
    return output.count
  }

  /// Appends what stands after the object that started at `start`.
  func close(objectAt start: Int, in output: inout [UInt8]) {
    switch self {
    case .sse, .sseMessages: output.append("\n\n")
    case .ndjson: output.append("\n")
    case .jsonArray: break
    case .webSocket: Self.setLength(ofFrameAt: start, in: &output)
    }
  }

  /// Puts the payload's length into the four bytes before `start`, in the shortest form that holds
  /// it (RFC 6455 §5.2).
  private static func setLength(ofFrameAt start: Int, in output: inout [UInt8]) {
    let length = output.count - start
    switch length {
    case ..<126:
      output[start - 3] = UInt8(length)
      output.removeSubrange(start - 2..<start)
    case ..<65_536:
      output[start - 2] = UInt8(length >> 8)
      output[start - 1] = UInt8(length & 0xFF)
    default:
      let bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> (56 - 8 * $0)) }
      output[start - 3] = 127
      output.replaceSubrange(start - 2..<start, with: bytes)
    }
  }
}

/// The events of the contract, section 4.
enum EventName {
  case hello, change, entry, synced, bookmark, reset, watch, bye

  var text: StaticString {
    switch self {
    case .hello: "hello"
    case .change: "change"
    case .entry: "entry"
    case .synced: "synced"
    case .bookmark: "bookmark"
    case .reset: "reset"
    case .watch: "watch"
    case .bye: "bye"
    }
  }
}
