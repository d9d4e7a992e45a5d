/// Frames as bytes (RFC 6455 §5.2), appended to what a connection is about to write.
///
///      0               1               2               3
///     +-+-+-+-+-------+-+-------------+-------------------------------+
///     |F|R|R|R| opcode|M|  7 bits of  |  16 bits more if it is 126,   |
///     |I|S|S|S|   4   |A|   length    |  64 if it is 127; then the    |
///     |N|V|V|V|       |S|             |  mask (32) if MASK is set     |
///     +-+-+-+-+-------+-+-------------+-------------------------------+
package enum WebSocketFrame {
  package enum Opcode: UInt8, Sendable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    /// Close, ping, pong: whole, short, and allowed between fragments (RFC 6455 §5.5).
    package var isControl: Bool { rawValue & 0x8 != 0 }
  }

  /// The most a control frame carries (RFC 6455 §5.5).
  package static let controlLimit = 125

  /// Appends the 2 to 14 bytes before a payload of `length` bytes, the length in its shortest form.
  /// With `mask` (a client's frames), the caller masks the payload.
  package static func appendHeader(
    _ opcode: Opcode, isFinal: Bool = true, isCompressed: Bool = false, length: Int,
    mask: WebSocketMask? = nil, to bytes: inout [UInt8]
  ) {
    precondition(!opcode.isControl || (isFinal && length <= controlLimit), "RFC 6455 §5.5")
    bytes.append((isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode.rawValue)
    let maskBit: UInt8 = mask == nil ? 0 : 0x80
    switch length {
    case ...125: bytes.append(maskBit | UInt8(length))
    case ...0xFFFF:
      bytes.append(maskBit | 126)
      appendBigEndian(UInt64(length), bytes: 2, to: &bytes)
    default:
      bytes.append(maskBit | 127)
      appendBigEndian(UInt64(length), bytes: 8, to: &bytes)
    }
    if let mask { bytes.append(contentsOf: mask.key) }
  }

  /// Appends a whole frame, its payload masked where `mask` is given. `isCompressed`: the payload is
  /// what `MessageDeflater` made of the message that begins here.
  package static func append(
    _ opcode: Opcode, isFinal: Bool = true, isCompressed: Bool = false, _ payload: [UInt8],
    mask: WebSocketMask? = nil, to bytes: inout [UInt8]
  ) {
    appendHeader(
      opcode, isFinal: isFinal, isCompressed: isCompressed, length: payload.count, mask: mask,
      to: &bytes)
    guard let mask else { return bytes.append(contentsOf: payload) }
    payload.withUnsafeBytes { mask.append($0, phase: 0, to: &bytes) }
  }

  /// Appends a close frame: no payload without a code. A reason longer than 123 bytes is cut
  /// between characters.
  package static func appendClose(
    code: UInt16?, reason: String = "", mask: WebSocketMask? = nil, to bytes: inout [UInt8]
  ) {
    guard let code else { return append(.close, [], mask: mask, to: &bytes) }
    precondition(WebSocketCloseCode.mayBeSent(code), "RFC 6455 §7.4")
    var payload = [UInt8(code >> 8), UInt8(truncatingIfNeeded: code)]
    for character in reason.unicodeScalars {
      let encoded = UTF8.encode(character)!
      guard payload.count + encoded.count <= controlLimit else { break }
      payload.append(contentsOf: encoded)
    }
    append(.close, payload, mask: mask, to: &bytes)
  }

  /// Where the payload of the unmasked frame at `start` begins and ends. The frame must be whole.
  package static func extent(in bytes: [UInt8], at start: Int) -> (payload: Int, end: Int) {
    let short = Int(bytes[start + 1])
    let extended = short == 126 ? 2 : short == 127 ? 8 : 0
    let payload = start + 2 + extended
    let length =
      extended == 0
      ? short : bytes[(start + 2)..<payload].reduce(0) { $0 << 8 | Int($1) }
    return (payload, payload + length)
  }

  private static func appendBigEndian(_ number: UInt64, bytes count: Int, to bytes: inout [UInt8]) {
    for place in (0..<count).reversed() {
      bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * place)))
    }
  }
}

/// Status codes of close frames (RFC 6455 §7.4 and the IANA registry).
package enum WebSocketCloseCode {
  package static let normal: UInt16 = 1000
  package static let goingAway: UInt16 = 1001
  package static let protocolError: UInt16 = 1002
  package static let unsupportedData: UInt16 = 1003
  package static let invalidText: UInt16 = 1007
  package static let policy: UInt16 = 1008
  package static let tooBig: UInt16 = 1009
  package static let internalError: UInt16 = 1011
  package static let tryAgainLater: UInt16 = 1013

  /// Whether `code` may stand in a frame: registered and not reserved for the API (1004, 1005,
  /// 1006, 1015), or of the ranges for libraries and applications.
  package static func mayBeSent(_ code: UInt16) -> Bool {
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }
}
