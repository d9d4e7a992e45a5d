internal import Bytes

/// Messages of one WebSocket, from bytes (RFC 6455), decompressed where that was agreed on (RFC
/// 7692). Without I/O; holds one message and one control frame at most, and of zlib nothing between
/// messages.
///
///     parser.receive(bytes)
///     while true {
///       switch parser.next() {
///       case .needMore: return
///       …
///
/// The events are the same however the bytes were cut, and a broken promise is told at the byte
/// that breaks it. After `.close` what follows is ignored (§5.5.1); after `.violation` only that
/// comes again.
package struct WebSocketParser: ~Copyable {
  /// Whose bytes these are not: a server's parser reads a client's frames, which must be masked,
  /// and the other way round (§5.1).
  package enum Role: Sendable { case server, client }

  package struct Limits: Sendable {
    /// Bytes of a message, all fragments together and decompressed: 64 KiB, far above any op of the
    /// API. Beyond it 1009.
    package var message = 64 << 10
    /// Frames of a message: 128, or a flood of empty fragments would cost without ever filling a
    /// message. Beyond it 1008.
    package var framesPerMessage = 128

    package init() {}

    package static let standard = Limits()
  }

  package enum Event: Sendable, Equatable {
    /// Nothing to say until more bytes are received.
    case needMore
    /// A whole message of valid UTF-8.
    case text([UInt8])
    case binary([UInt8])
    case ping([UInt8])
    case pong([UInt8])
    /// The peer closes; `code` is nil when it gave none. To be answered with a close frame.
    case close(code: UInt16?, reason: [UInt8])
    /// The peer broke the protocol or a limit: send a close frame with `code` and end.
    case violation(code: UInt16, reason: String)
  }

  struct Violation: Error {
    var code = WebSocketCloseCode.protocolError
    var reason: String
  }

  private enum State {
    case header
    case data(FrameHeader, received: Int)
    case control(FrameHeader)
    case closed
    case violated(Violation)
  }

  private let role: Role
  private let limits: Limits
  private let mayCompress: Bool
  private var unparsed = ByteQueue()
  private var state = State.header
  /// The message being gathered; `.continuation` between messages.
  private var messageOpcode = WebSocketFrame.Opcode.continuation
  private var message: [UInt8] = []
  private var messageFrames = 0
  /// Bytes of its frames; more than the message has where compression did not help.
  private var messagePayload = 0
  /// Set while the message being gathered is a compressed one.
  private var inflater: MessageInflater?
  private var validator = UTF8Validator()

  package init(role: Role, limits: Limits = .standard, compression: MessageCompression? = nil) {
    self.role = role
    self.limits = limits
    mayCompress = compression != nil
  }

  package mutating func receive(_ bytes: UnsafeRawBufferPointer) {
    switch state {
    case .closed, .violated: return
    default: unparsed.append(bytes)
    }
  }

  /// The next thing the bytes say.
  package mutating func next() -> Event {
    do throws(Violation) {
      return try advance()
    } catch {
      finish(.violated(error))
      return .violation(code: error.code, reason: error.reason)
    }
  }

  private mutating func advance() throws(Violation) -> Event {
    while true {
      switch state {
      case .header:
        guard !unparsed.isEmpty else {
          // Ten thousand idle clients keep nothing.
          unparsed = ByteQueue()
          return .needMore
        }
        guard try readHeader() else { return .needMore }
      case .data(let header, let received):
        guard try readData(header, received) else { return .needMore }
        if header.isFinal { return finishMessage() }
      case .control(let header):
        guard let payload = takePayload(header) else { return .needMore }
        state = .header
        return try controlEvent(header.opcode, payload)
      case .closed:
        return .needMore
      case .violated(let violation):
        return .violation(code: violation.code, reason: violation.reason)
      }
    }
  }

  /// Whether a whole header was there. What can be judged of half a header is judged.
  private mutating func readHeader() throws(Violation) -> Bool {
    let known = min(unparsed.count, FrameHeader.longest)
    let isMidMessage = messageOpcode != .continuation
    let header = try unparsed.withOldest(known) { (bytes) throws(Violation) in
      try FrameHeader(
        bytes, isMasked: role == .server, isMidMessage: isMidMessage, mayCompress: mayCompress)
    }
    guard let header else { return false }
    if header.opcode.isControl {
      state = .control(header)
    } else {
      try beginData(header)
    }
    unparsed.consume(header.size)
    return true
  }

  private mutating func beginData(_ header: FrameHeader) throws(Violation) {
    if header.isCompressed { inflater = MessageInflater(limits) }
    // Deflate makes the incompressible longer, by five bytes in 16 KiB at most.
    let limit = limits.message + (inflater == nil ? 0 : limits.message / 1024 + 64)
    guard header.length <= limit - messagePayload else { throw Violation.tooBig(limits) }
    messagePayload += header.length
    messageFrames += 1
    guard messageFrames <= limits.framesPerMessage else {
      throw Violation(
        code: WebSocketCloseCode.policy,
        reason: "a message has more than \(limits.framesPerMessage) frames")
    }
    if header.opcode != .continuation { messageOpcode = header.opcode }
    state = .data(header, received: 0)
  }

  /// Takes what has come of a data frame; whether it is whole.
  private mutating func readData(_ header: FrameHeader, _ received: Int) throws(Violation) -> Bool {
    let length = min(header.length - received, unparsed.count)
    if length > 0 {
      let start = message.count
      if let inflater {
        var piece: [UInt8] = []
        unparsed.withOldest(length) { header.append($0, phase: received, to: &piece) }
        do throws(Violation) {
          try inflater.append(piece, to: &message)
        } catch {
          // What came before it is told first, as it is where the bytes come one at a time.
          try checkText(from: start)
          throw error
        }
      } else {
        unparsed.withOldest(length) { header.append($0, phase: received, to: &message) }
      }
      unparsed.consume(length)
      try checkText(from: start)
    }
    guard received + length == header.length else {
      state = .data(header, received: received + length)
      return false
    }
    if header.isFinal, let inflater {
      let start = message.count
      try inflater.finish(&message)
      try checkText(from: start)
    }
    if header.isFinal, messageOpcode == .text, !validator.isComplete {
      throw Violation.invalidText
    }
    state = .header
    return true
  }

  private mutating func checkText(from start: Int) throws(Violation) {
    guard messageOpcode == .text else { return }
    let isValid = message.withUnsafeBytes { validator.accept($0.part(start..<$0.count)) }
    guard isValid else { throw Violation.invalidText }  // RFC 6455 §8.1
  }

  private mutating func finishMessage() -> Event {
    let event = messageOpcode == .text ? Event.text(message) : .binary(message)
    messageOpcode = .continuation
    message = []
    messageFrames = 0
    messagePayload = 0
    inflater = nil
    validator = UTF8Validator()
    return event
  }

  /// The payload of a control frame, once it is whole.
  private mutating func takePayload(_ header: FrameHeader) -> [UInt8]? {
    guard unparsed.count >= header.length else { return nil }
    var payload: [UInt8] = []
    unparsed.withOldest(header.length) { header.append($0, phase: 0, to: &payload) }
    unparsed.consume(header.length)
    return payload
  }

  private mutating func controlEvent(
    _ opcode: WebSocketFrame.Opcode, _ payload: [UInt8]
  ) throws(Violation) -> Event {
    switch opcode {
    case .ping: return .ping(payload)
    case .pong: return .pong(payload)
    case .close, .text, .binary, .continuation:
      let event = try ClosePayload.event(payload)
      finish(.closed)
      return event
    }
  }

  private mutating func finish(_ last: State) {
    state = last
    message = []
    inflater = nil
    unparsed = ByteQueue()
  }
}

extension WebSocketParser.Violation {
  static func tooBig(_ limits: WebSocketParser.Limits) -> Self {
    Self(
      code: WebSocketCloseCode.tooBig, reason: "a message has more than \(limits.message) bytes")
  }

  static let invalidText = Self(
    code: WebSocketCloseCode.invalidText, reason: "a text is not valid UTF-8")
}
