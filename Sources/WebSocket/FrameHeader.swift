internal import Bytes

/// What precedes a payload, checked (RFC 6455 §5.2).
struct FrameHeader: Sendable {
  typealias Violation = WebSocketParser.Violation

  /// Two bytes, eight of length, four of mask.
  static let longest = 14

  let opcode: WebSocketFrame.Opcode
  let isFinal: Bool
  /// Bytes of the payload.
  let length: Int
  /// Bytes of the header itself.
  let size: Int
  private let mask: WebSocketMask?

  /// Reads a header from the oldest bytes; nil while they are not enough, a violation as soon as
  /// they show one. `isMasked`: what this direction must do; `isMidMessage`: whether a fragmented
  /// message is open.
  init?(
    _ bytes: UnsafeRawBufferPointer, isMasked: Bool, isMidMessage: Bool
  ) throws(Violation) {
    guard let first = bytes.first else { return nil }
    isFinal = first & 0x80 != 0
    try Self.checkReservedBits(first)
    guard let opcode = WebSocketFrame.Opcode(rawValue: first & 0x0F) else {
      throw Violation(reason: "opcode \(first & 0x0F) is reserved")
    }
    self.opcode = opcode
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

  /// No extension is agreed on, so none of the three may be set. The one place to change for one.
  private static func checkReservedBits(_ first: UInt8) throws(Violation) {
    guard first & 0x70 == 0 else { throw Violation(reason: "a reserved bit is set") }
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
