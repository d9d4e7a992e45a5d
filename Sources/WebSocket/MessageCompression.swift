package import Compression

/// What two ends have agreed on about permessage-deflate (RFC 7692). A value.
///
/// The client's context is never kept: what a message needs to be read is released with it, or ten
/// thousand silent clients would hold 400 MB.
package struct MessageCompression: Sendable, Hashable {
  /// The server's messages refer to nothing before them.
  package var serverForgets = false
  /// Two to the power of it is how far the server's messages refer back, in bytes.
  package var serverWindowBits = 15
  /// How far the client's do. Told to the client only where it said that it can be told.
  package var clientWindowBits: Int?

  package init() {}

  static let name = "permessage-deflate"

  /// The first offer that can be kept to, if any (§5.1, §7.1). One that says what this server does
  /// not know or cannot do, a window of 8 bits, is passed over as if it were not there.
  static func agree(to offers: [WebSocketExtension]) -> MessageCompression? {
    for offer in offers where offer.name == name {
      if let agreed = MessageCompression(offer) { return agreed }
    }
    return nil
  }

  private init?(_ offer: WebSocketExtension) {
    var seen: Set<String> = []
    for (name, value) in offer.parameters {
      guard seen.insert(name).inserted else { return nil }
      switch (name, value) {
      case ("server_no_context_takeover", nil): serverForgets = true
      case ("client_no_context_takeover", nil): break
      case ("server_max_window_bits", let value?):
        // zlib's deflate does not keep to a window of 8 bits.
        guard let bits = Self.windowBits(value), bits >= 9 else { return nil }
        serverWindowBits = bits
      case ("client_max_window_bits", let value):
        guard let bits = value.map(Self.windowBits) ?? 15 else { return nil }
        clientWindowBits = bits
      default: return nil
      }
    }
  }

  /// 8 to 15 without a leading zero (§7.1.2).
  private static func windowBits(_ text: String) -> Int? {
    (8...15).first { String($0) == text }
  }

  /// Value of Sec-WebSocket-Extensions in the answer.
  var answer: String {
    var words = [Self.name, "client_no_context_takeover"]
    if serverForgets { words.append("server_no_context_takeover") }
    if serverWindowBits < 15 { words.append("server_max_window_bits=\(serverWindowBits)") }
    if let bits = clientWindowBits, bits < 15 { words.append("client_max_window_bits=\(bits)") }
    return words.joined(separator: "; ")
  }

  /// What every message ends with and none carries (§7.2.1).
  static let tail: [UInt8] = [0, 0, 0xFF, 0xFF]
}

extension MessageCompression {
  /// Appends `frames`, whole and unmasked text messages, each compressed by `deflater`, whose window
  /// is the server's or smaller (RFC 7692 §7.2.1). They refer back to what `deflater` has compressed,
  /// unless the server has agreed to forget.
  package func append(
    compressing frames: [UInt8], from start: Int = 0, by deflater: Deflater,
    to output: inout [UInt8]
  ) {
    var (place, payload) = (start, [UInt8]())
    while place < frames.count {
      let frame = WebSocketFrame.extent(in: frames, at: place)
      if serverForgets { deflater.reset() }
      payload.removeAll(keepingCapacity: true)
      let message = frames.span.bytes.extracting(frame.payload..<frame.end)
      deflater.compress(message, .sync, into: &payload)
      payload.removeLast(Self.tail.count)
      WebSocketFrame.append(.text, isCompressed: true, payload, to: &output)
      place = frame.end
    }
  }
}

/// Compresses the server's messages of one WebSocket. Confined to whoever made it. Without memory
/// until the first message, and between messages where the server has agreed to forget.
package final class MessageDeflater {
  private let agreed: MessageCompression
  private var deflater: Deflater?

  package init(_ agreed: MessageCompression) { self.agreed = agreed }

  /// The payload that stands for `message`, in a frame with its first reserved bit set (§7.2.1).
  package func payload(of message: [UInt8]) -> [UInt8] {
    let deflater = deflater ?? Deflater(.raw(windowBits: agreed.serverWindowBits))
    self.deflater = agreed.serverForgets ? nil : deflater
    var payload: [UInt8] = []
    deflater.compress(message.span.bytes, .sync, into: &payload)
    payload.removeLast(MessageCompression.tail.count)
    // zlib says nothing at all where nothing was given, not even an empty block (§7.2.3.6).
    return payload.isEmpty ? [0] : payload
  }
}

/// Decompresses one message of a client, piece by piece.
struct MessageInflater {
  typealias Violation = WebSocketParser.Violation

  // A window of 15 bits reads what a smaller one wrote.
  private let inflater = Inflater(.raw(windowBits: 15))
  private let limits: WebSocketParser.Limits

  init(_ limits: WebSocketParser.Limits) { self.limits = limits }

  /// Appends what `payload` stands for to `message`, as far as the limits allow.
  func append(_ payload: [UInt8], to message: inout [UInt8]) throws(Violation) {
    var used = 0
    do throws(Inflater.Failure) {
      while true {
        let progress = try inflater.decompress(
          payload.span.bytes.extracting(used...), into: &message, limit: limits.message)
        // A sender may end a stream inside a message, and go on (§7.2.3.4).
        guard case .ended(let unused) = progress else { return }
        inflater.continueAfterEnd()
        guard unused > 0 else { return }
        used = payload.count - unused
      }
    } catch {
      throw switch error {
      case .tooBig: .tooBig(limits)
      case .corrupt:
        Violation(
          code: WebSocketCloseCode.invalidText, reason: "a message is not what deflate makes")
      }
    }
  }

  /// The message is whole.
  func finish(_ message: inout [UInt8]) throws(Violation) {
    try append(MessageCompression.tail, to: &message)
  }
}
