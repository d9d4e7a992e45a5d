internal import Bytes

/// What precedes a payload, checked (RFC 6455 §5.2).
struct FrameHeader: Sendable {
  typealias Violation = WebSocketParser.Violation

  /// Two bytes, eight of length, four of mask.
  static let longest = 14

  let opcode: WebSocketFrame.Opcode
  let isFinal: Bool
  /// The message that begins here is compressed (RFC 7692 §6).
  let isCompressed: Bool
  /// Bytes of the payload.
  let length: Int
  /// Bytes of the header itself.
  let size: Int
  private let mask: WebSocketMask?

  /// Reads a header from the oldest bytes; nil while they are not enough, a violation as soon as
  /// they show one. `isMasked`: what this direction must do; `isMidMessage`: whether a fragmented
  /// message is open; `mayCompress`: whether that was agreed on.
  init?(
    _ bytes: UnsafeRawBufferPointer, isMasked: Bool, isMidMessage: Bool, mayCompress: Bool
  ) throws(Violation) {
    guard let first = bytes.first else { return nil }
    isFinal = first & 0x80 != 0
    isCompressed = first & 0x40 != 0
    try Self.checkReservedBits(first, mayCompress: mayCompress)
    guard let opcode = WebSocketFrame.Opcode(rawValue: first & 0x0F) else {
      throw Violation(reason: "opcode \(first & 0x0F) is reserved")
    }
    self.opcode = opcode
    guard !isCompressed || opcode == .text || opcode == .binary else {
      throw Violation(reason: "a reserved bit is set")  // RFC 7692 §6.1
    }
    try Self.checkFragmentation(opcode, isFinal: isFinal, isMidMessage: isMidMessage)

    guard bytes.count >= 2 else { return nil }
    guard (bytes[1] & 0x80 != 0) == isMasked else {
      throw Violation(reason: isMasked ? "a frame is not masked" : "a frame is masked")  // §5.1
    }
    let short = bytes[1] & 0x7F
    guard !opcode.isControl || short <= UInt8(WebSocketFrame.controlLimit) else {
      throw Violation(reason: "a control frame is longer than 125 bytes")  // §5.5
    }
    let lengthEnd = short == 126 ? 4 : short == 127 ? 10 : 2
    guard bytes.count >= lengthEnd else { return nil }
    length = try Self.length(short, bytes.part(2..<lengthEnd))
    size = lengthEnd + (isMasked ? 4 : 0)
    guard bytes.count >= size else { return nil }
    mask = isMasked ? WebSocketMask(key: Array(bytes[lengthEnd..<size])) : nil
  }

  /// Appends `payload` as meant; its first byte is number `phase` of the frame's payload.
  func append(_ payload: UnsafeRawBufferPointer, phase: Int, to bytes: inout [UInt8]) {
    guard let mask else { return bytes.append(contentsOf: payload) }
    mask.append(payload, phase: phase, to: &bytes)
  }

  /// Of the three, only the first has a meaning, and only where compression is agreed on.
  private static func checkReservedBits(
    _ first: UInt8, mayCompress: Bool
  ) throws(Violation) {
    guard first & (mayCompress ? 0x30 : 0x70) == 0 else {
      throw Violation(reason: "a reserved bit is set")
    }
  }

  /// Control frames are whole; a message that was begun is continued, no other is (§5.4).
  private static func checkFragmentation(
    _ opcode: WebSocketFrame.Opcode, isFinal: Bool, isMidMessage: Bool
  ) throws(Violation) {
    if opcode.isControl {
      guard isFinal else { throw Violation(reason: "a control frame is fragmented") }  // §5.5
    } else if opcode == .continuation {
      guard isMidMessage else { throw Violation(reason: "there is nothing to continue") }
    } else {
      guard !isMidMessage else { throw Violation(reason: "a message begins inside another") }
    }
  }

  /// The length in its shortest form (§5.2).
  private static func length(
    _ short: UInt8, _ extended: UnsafeRawBufferPointer
  ) throws(Violation) -> Int {
    guard !extended.isEmpty else { return Int(short) }
    let length = extended.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length > (short == 126 ? 125 : 0xFFFF) else {
      throw Violation(reason: "a length is not in its shortest form")
    }
    guard let length = Int(exactly: length) else {
      throw Violation(reason: "a length has its highest bit set")
    }
    return length
  }
}
