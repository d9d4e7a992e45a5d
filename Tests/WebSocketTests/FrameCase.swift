import Testing
import WebSocket

/// Frames a client sends and, line by line, what must come of them.
struct FrameCase: Sendable, CustomTestStringConvertible {
  let name: String
  let frames: [[UInt8]]
  let expected: [String]

  init(_ name: String, _ frames: [[UInt8]], _ expected: String...) {
    self.name = name
    self.frames = frames
    self.expected = expected
  }

  var testDescription: String { name }
  var bytes: [UInt8] { frames.flatMap { $0 } }
}

let testMask = WebSocketMask(key: [0x37, 0xFA, 0x21, 0x3D])

/// A client's frame as raw as it can be made: any first byte, any length form.
func frame(first: UInt8, _ payload: [UInt8], lengthBytes: Int? = nil, masked: Bool = true)
  -> [UInt8]
{
  let count = payload.count
  let width = lengthBytes ?? (count <= 125 ? 0 : count <= 0xFFFF ? 2 : 8)
  let short = width == 0 ? UInt8(count) : width == 2 ? 126 : 127
  var bytes = [first, (masked ? 0x80 : 0) | short]
  for place in (0..<width).reversed() { bytes.append(UInt8(count >> (8 * place) & 0xFF)) }
  guard masked else { return bytes + payload }
  bytes += testMask.key
  payload.withUnsafeBytes { testMask.append($0, phase: 0, to: &bytes) }
  return bytes
}

func text(_ text: String, fin: Bool = true) -> [UInt8] {
  frame(first: fin ? 0x81 : 0x01, Array(text.utf8))
}

func text(_ bytes: [UInt8], fin: Bool = true) -> [UInt8] { frame(first: fin ? 0x81 : 0x01, bytes) }

func binary(_ bytes: [UInt8], fin: Bool = true) -> [UInt8] {
  frame(first: fin ? 0x82 : 0x02, bytes)
}

func more(_ text: String, fin: Bool = false) -> [UInt8] { more(Array(text.utf8), fin: fin) }

func more(_ bytes: [UInt8], fin: Bool = false) -> [UInt8] {
  frame(first: fin ? 0x80 : 0x00, bytes)
}

func ping(_ text: String) -> [UInt8] { frame(first: 0x89, Array(text.utf8)) }

func pong(_ text: String) -> [UInt8] { frame(first: 0x8A, Array(text.utf8)) }

func close(_ code: UInt16, _ reason: [UInt8] = []) -> [UInt8] {
  frame(first: 0x88, [UInt8(code >> 8), UInt8(code & 0xFF)] + reason)
}

/// What a server's parser says of bytes that come in pieces cut at `cuts`.
func transcript(
  _ raw: [UInt8], cuts: [Int] = [], role: WebSocketParser.Role = .server,
  limits: WebSocketParser.Limits = .standard, compression: MessageCompression? = nil
) -> [String] {
  var parser = WebSocketParser(role: role, limits: limits, compression: compression)
  var lines: [String] = []
  for (start, end) in zip([0] + cuts, cuts + [raw.count]) {
    raw[start..<end].withUnsafeBytes { parser.receive($0) }
    events: while true {
      switch parser.next() {
      case .needMore: break events
      case .text(let bytes): lines.append("text \(shown(bytes))")
      case .binary(let bytes): lines.append("binary \(shown(bytes))")
      case .ping(let bytes): lines.append("ping \(shown(bytes))")
      case .pong(let bytes): lines.append("pong \(shown(bytes))")
      case .close(let code, let reason):
        lines.append("close \(code.map(String.init) ?? "-") \(shown(reason))")
      case .violation(let code, let reason):
        let line = "! \(code) \(reason)"
        if lines.last != line { lines.append(line) }
        break events
      }
    }
  }
  return lines
}

/// Short texts as they are, long payloads by their length.
private func shown(_ bytes: [UInt8]) -> String {
  bytes.count > 200 ? "(\(bytes.count))" : String(decoding: bytes, as: UTF8.self)
}
