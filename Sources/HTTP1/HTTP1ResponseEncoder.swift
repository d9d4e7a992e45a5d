internal import Bytes
package import HTTPTypes

/// Responses of HTTP/1 as bytes (RFC 9112), appended to what a connection is about to write.
///
/// No value can end a line: HTTPTypes turns what values and reason phrases may not hold into spaces
/// when they are set, and the encoder does so with controls once more when it copies them.
package enum HTTP1ResponseEncoder {
  /// How the end of the content is told (RFC 9112 §6.3).
  package enum Framing: Sendable, Equatable {
    /// No length is said: 1xx, 204, and a 304 whose length is unknown.
    case none
    /// Content-Length; so many bytes follow, or would in an answer to GET where this one is to
    /// HEAD or a 304.
    case length(Int)
    /// Chunks follow (`appendChunk`, `appendLastChunk`). Never to an HTTP/1.0 peer.
    case chunked
    /// The content ends with the connection: streams to an HTTP/1.0 peer.
    case untilClose
  }

  /// What becomes of the connection after this response.
  package enum Persistence: Sendable, Equatable {
    /// It stays; said aloud only to an HTTP/1.0 peer, whose default is the other.
    case keepAlive(peerMinorVersion: Int)
    case close
    /// A 101: `Connection: upgrade`. The protocol's own fields are the caller's.
    case upgrade
  }

  /// The interim answer to `Expect: 100-continue`.
  package static let `continue` = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

  /// Appends status line, fields and the empty line. Content-Length, Transfer-Encoding and
  /// Connection come from `framing` and `persistence` alone; fields of these names are left out.
  /// `common` are lines made by `fieldLines`, which come behind.
  package static func appendHead(
    _ status: HTTPResponse.Status, fields: HTTPFields, common: [UInt8] = [], framing: Framing,
    persistence: Persistence, to bytes: inout [UInt8]
  ) {
    appendStatusLine(status, to: &bytes)
    append(fields, to: &bytes)
    bytes += common
    appendFraming(framing, to: &bytes)
    appendPersistence(persistence, to: &bytes)
    appendLineEnd(to: &bytes)
  }

  /// The same with fields that `fieldLines` has put down before.
  package static func appendHead(
    _ status: HTTPResponse.Status, lines: [UInt8], common: [UInt8], framing: Framing,
    persistence: Persistence, to bytes: inout [UInt8]
  ) {
    appendStatusLine(status, to: &bytes)
    bytes += lines
    bytes += common
    appendFraming(framing, to: &bytes)
    appendPersistence(persistence, to: &bytes)
    appendLineEnd(to: &bytes)
  }

  /// The lines of `fields`, as `appendHead` would append them: for what many answers say alike.
  package static func fieldLines(_ fields: HTTPFields) -> [UInt8] {
    var lines: [UInt8] = []
    append(fields, to: &lines)
    return lines
  }

  /// Appends one chunk. Empty content appends nothing, since an empty chunk would be the last.
  package static func appendChunk(_ content: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    guard !content.isEmpty else { return }
    appendChunkSize(content.count, to: &bytes)
    bytes.append(contentsOf: content)
    appendLineEnd(to: &bytes)
  }

  /// Appends the line before a chunk of `size` bytes, at least 1; the content and `appendLineEnd`
  /// follow. For content that goes another way than through `bytes`.
  package static func appendChunkSize(_ size: Int, to bytes: inout [UInt8]) {
    precondition(size > 0, "an empty chunk is the last")
    bytes.append(contentsOf: String(size, radix: 16).utf8)
    appendLineEnd(to: &bytes)
  }

  package static func appendLineEnd(to bytes: inout [UInt8]) {
    bytes.append("\r\n")
  }

  /// Appends the last chunk and an empty trailer section.
  package static func appendLastChunk(to bytes: inout [UInt8]) {
    bytes.append("0\r\n\r\n")
  }

  private static func isOurs(_ name: HTTPField.Name) -> Bool {
    // Few names are as long as one of these, and lengths compare faster than names.
    switch name.canonicalName.utf8.count {
    case 10: name == .connection
    case 14: name == .contentLength
    case 17: name == .transferEncoding
    default: false
    }
  }

  private static func appendFraming(_ framing: Framing, to bytes: inout [UInt8]) {
    switch framing {
    case .none, .untilClose: break
    case .length(let length):
      bytes.append("Content-Length: ")
      bytes.append(decimal: UInt64(length))
      appendLineEnd(to: &bytes)
    case .chunked: bytes.append("Transfer-Encoding: chunked\r\n")
    }
  }

  private static func appendPersistence(_ persistence: Persistence, to bytes: inout [UInt8]) {
    switch persistence {
    case .keepAlive(peerMinorVersion: 0):
      bytes.append("Connection: keep-alive\r\n")
    case .keepAlive: break
    case .close: bytes.append("Connection: close\r\n")
    case .upgrade: bytes.append("Connection: upgrade\r\n")
    }
  }

  private static func appendStatusLine(_ status: HTTPResponse.Status, to bytes: inout [UInt8]) {
    bytes.append("HTTP/1.1 ")
    bytes.append(decimal: UInt64(status.code))
    bytes.append(ASCII.space)
    appendOnOneLine(status.reasonPhrase.utf8, to: &bytes)
    appendLineEnd(to: &bytes)
  }

  private static func append(_ fields: HTTPFields, to bytes: inout [UInt8]) {
    for field in fields where !isOurs(field.name) {
      var name = field.name.rawName
      field.withUnsafeBytesOfValue { value in
        let value = UnsafeRawBufferPointer(value)
        name.withUTF8 {
          bytes.append(name: UnsafeRawBufferPointer($0), ": ", value: value, "\r\n")
        }
        if ASCII.firstForbiddenInFieldValue(value) != nil {
          blankControls(in: &bytes, bytes.count - 2 - value.count..<bytes.count - 2)
        }
      }
    }
  }

  private static func appendOnOneLine(_ text: String.UTF8View, to bytes: inout [UInt8]) {
    let start = bytes.count
    bytes.append(contentsOf: text)
    blankControls(in: &bytes, start..<bytes.count)
  }

  private static func blankControls(in bytes: inout [UInt8], _ part: Range<Int>) {
    for index in part where ASCII.isForbiddenInFieldValue(bytes[index]) {
      bytes[index] = ASCII.space
    }
  }
}
