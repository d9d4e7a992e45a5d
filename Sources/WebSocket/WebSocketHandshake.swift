internal import Bytes
internal import HTTPSemantics
package import HTTPTypes

/// The opening handshake as a decision: over HTTP/1.1 (RFC 6455 §4.2) and HTTP/2 (RFC 8441). Who may open a socket (Host,
/// Origin, tokens) is decided elsewhere, before the 101.
package enum WebSocketHandshake {
  /// A request one may answer with 101.
  package struct Offer: Sendable, Equatable {
    /// Value of Sec-WebSocket-Accept; nil over HTTP/2, where nothing is proved by it.
    package var accept: String?
    /// Offered by Sec-WebSocket-Protocol, in the client's order of preference; case matters.
    package var subprotocols: [String]
    /// What can be agreed on of the compression offered; nil for none.
    package var compression: MessageCompression?
  }

  /// Why a request opens no socket, and with what to answer.
  package struct Refusal: Error, Sendable, Equatable {
    /// 400, 405, 426 or 501.
    package var status: Int
    package var detail: String
    /// Fields the status demands: Allow, Upgrade, Sec-WebSocket-Version.
    package var fields: HTTPFields

    /// Stable word for programs.
    package var code: String {
      switch status {
      case 426: "upgrade-required"
      case 501: "not-implemented"
      default: "malformed"
      }
    }
  }

  /// Checks a request of HTTP/1.1; HTTP/1.0 has no Upgrade.
  package static func offer(in request: HTTPRequest) throws(Refusal) -> Offer {
    let fields = request.headerFields
    guard request.method == .get else {
      throw Refusal(
        status: 405, detail: "a WebSocket is opened by GET", fields: [.allow: "GET"])
    }
    guard HTTPList.words(fields[values: .upgrade]).contains("websocket"),
      HTTPList.words(fields[values: .connection]).contains("upgrade")
    else {
      throw Refusal(
        status: 426, detail: "this is a WebSocket: Upgrade and Connection must say so",
        fields: [.upgrade: "websocket"])
    }
    guard fields[values: .secWebSocketVersion] == ["13"] else {
      throw Refusal(
        status: 426, detail: "Sec-WebSocket-Version: only 13 is spoken",
        fields: [.upgrade: "websocket", .secWebSocketVersion: "13"])
    }
    let keys = fields[values: .secWebSocketKey]
    guard keys.count == 1, isKey(keys[0]) else {
      throw .malformed("Sec-WebSocket-Key: not 16 bytes in base64")
    }
    return Offer(
      accept: accept(key: keys[0]),
      subprotocols: try subprotocols(fields[values: .secWebSocketProtocol]),
      compression: try compression(fields[values: .secWebSocketExtensions]))
  }

  /// Checks a request of HTTP/2: an extended CONNECT with no key and no Upgrade (RFC 8441 §5). Any other
  /// method is the wrong one, and not a 426: that must name what to upgrade to (RFC 9110 §15.5.22), in a
  /// field HTTP/2 does not have (RFC 9113 §8.2.2).
  package static func extendedOffer(in request: HTTPRequest) throws(Refusal) -> Offer {
    let fields = request.headerFields
    guard request.method == .connect else {
      throw Refusal(
        status: 405, detail: "over HTTP/2 a WebSocket is opened by an extended CONNECT",
        fields: [.allow: "CONNECT"])
    }
    guard request.extendedConnectProtocol == "websocket" else {
      throw Refusal(status: 501, detail: ":protocol: only websocket is spoken", fields: [:])
    }
    guard fields[values: .secWebSocketVersion] == ["13"] else {
      throw Refusal(
        status: 400, detail: "Sec-WebSocket-Version: only 13 is spoken",
        fields: [.secWebSocketVersion: "13"])
    }
    return Offer(
      accept: nil, subprotocols: try subprotocols(fields[values: .secWebSocketProtocol]),
      compression: try compression(fields[values: .secWebSocketExtensions]))
  }

  /// Fields of the answer that accepts, `Connection` aside. `subprotocol` is one of the offer's, or
  /// nil.
  package static func fields(accepting offer: Offer, subprotocol: String?) -> HTTPFields {
    var fields: HTTPFields = [:]
    if let accept = offer.accept {
      fields = [.upgrade: "websocket", .secWebSocketAccept: accept]
    }
    if let subprotocol { fields[.secWebSocketProtocol] = subprotocol }
    if let compression = offer.compression {
      fields[.secWebSocketExtensions] = compression.answer
    }
    return fields
  }

  /// The answer to a key: base64 of the SHA-1 of key and GUID (RFC 6455 §4.2.2 step 5.4).
  package static func accept(key: String) -> String {
    let digest = SHA1.digest(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))
    var text: [UInt8] = []
    text.append(base64: digest.span)
    return String(decoding: text, as: UTF8.self)
  }

  private static func compression(
    _ values: [String]
  ) throws(Refusal) -> MessageCompression? {
    guard let extensions = WebSocketExtension.list(values) else {
      throw .malformed("Sec-WebSocket-Extensions: not a list of extensions")
    }
    return .agree(to: extensions)
  }

  /// Tokens, each once (RFC 6455 §4.1 point 10).
  private static func subprotocols(_ values: [String]) throws(Refusal) -> [String] {
    var names: [String] = []
    for value in values {
      for member in value.utf8.split(separator: UInt8(ascii: ",")) {
        let name = HTTPList.trimmed(member)
        guard !name.isEmpty else { continue }
        guard name.allSatisfy(ASCIISet.token.contains) else {
          throw .malformed("Sec-WebSocket-Protocol: not a list of tokens")
        }
        let text = String(Substring(name))
        guard !names.contains(text) else {
          throw .malformed("Sec-WebSocket-Protocol: a name is offered twice")
        }
        names.append(text)
      }
    }
    return names
  }

  /// 16 bytes in base64 are 22 digits and two equals signs.
  private static func isKey(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return bytes.count == 24 && bytes[22...].allSatisfy { $0 == UInt8(ascii: "=") }
      && bytes[..<22].allSatisfy(base64Digits.contains)
  }

  private static let base64Digits = ASCIISet(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
}

extension WebSocketHandshake.Refusal {
  fileprivate static func malformed(_ detail: String) -> Self {
    Self(status: 400, detail: detail, fields: [:])
  }
}
