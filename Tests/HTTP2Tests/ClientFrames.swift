/// Frames as a client sends them, byte for byte (RFC 9113 §4.1). Fields are literals that no table
/// remembers (RFC 7541 §6.2.2).
enum ClientFrames {
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  static func frame(
    _ type: UInt8, flags: UInt8 = 0, stream: Int32 = 0, _ payload: [UInt8] = []
  ) -> [UInt8] {
    let length = payload.count
    return [UInt8(length >> 16), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), type, flags]
      + bigEndian(UInt32(stream)) + payload
  }

  /// Preface and settings; `window` is the initial one of each stream.
  static func opening(window: UInt32 = 65_535) -> [UInt8] {
    preface + frame(4, [0, 4] + bigEndian(window))
  }

  static func head(
    stream: Int32, _ fields: [(String, String)], ends: Bool = true
  ) -> [UInt8] {
    var block: [UInt8] = []
    for (name, value) in fields {
      block += [0, UInt8(name.utf8.count)] + Array(name.utf8)
      block += [UInt8(value.utf8.count)] + Array(value.utf8)
    }
    return frame(1, flags: ends ? 5 : 4, stream: stream, block)
  }

  static func get(stream: Int32, path: String = "/") -> [UInt8] {
    head(
      stream: stream,
      [(":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", path)])
  }

  static func windowUpdate(stream: Int32, by increment: UInt32) -> [UInt8] {
    frame(8, stream: stream, bigEndian(increment))
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
  }
}

/// What a server has sent, taken apart again.
struct ServerFrame: Equatable {
  var type: UInt8
  var flags: UInt8
  var stream: Int32
  var payload: [UInt8]

  var endsStream: Bool { flags & 1 != 0 }

  static func all(in bytes: [UInt8]) -> [ServerFrame] {
    var frames: [ServerFrame] = []
    var rest = bytes[...]
    while rest.count >= 9 {
      let head = Array(rest.prefix(9))
      let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
      let stream = head[5...].reduce(Int32(0)) { $0 << 8 | Int32($1) }
      frames.append(
        ServerFrame(
          type: head[3], flags: head[4], stream: stream,
          payload: Array(rest.dropFirst(9).prefix(length))))
      rest = rest.dropFirst(9 + length)
    }
    return frames
  }
}
