internal import Bytes
internal import HTTPSemantics
internal import HTTPTypes

/// One head being decoded: pseudo-header fields and fields, within their limits. A value. What every
/// HTTP/2 message must keep to (lower case, pseudo-headers first and once, no fields of a connection)
/// libnghttp2 has checked before (RFC 9113 §8.2, §8.3).
struct HeadReader {
  let stream: Int32
  /// Trailer fields are counted and dropped, as RFC 9110 §6.5.1 allows.
  let isTrailers: Bool
  private var method = ""
  private var scheme = ""
  private var authority: String?
  private var path: String?
  private var extendedConnect: String?
  private var hosts: [String] = []
  private var fields = HTTPFields()
  private var size = 0
  private var count = 0
  private var refusal: HTTP2Refusal?

  init(stream: Int32, isTrailers: Bool) {
    self.stream = stream
    self.isTrailers = isTrailers
  }

  /// Takes a field; false when the head has grown beyond what is decoded at all.
  mutating func take(
    _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ limits: HTTP2Limits
  ) -> Bool {
    size += name.count + value.count + 32  // RFC 9113 §6.5.2
    count += 1
    guard size <= limits.headBeyondAnswer else { return false }
    guard size <= limits.head, count <= limits.fields else {
      refusal = HTTP2Refusal(
        431, "the head has more than \(limits.head) bytes or \(limits.fields) fields")
      return true
    }
    guard !isTrailers, refusal == nil else { return true }
    if name.first == UInt8(ascii: ":") {
      takePseudoHeader(name, String(decoding: value, as: UTF8.self))
    } else {
      takeField(String(decoding: name, as: UTF8.self), value)
    }
    return true
  }

  private mutating func takePseudoHeader(_ name: UnsafeRawBufferPointer, _ value: String) {
    if name.equals(":method") {
      method = value
    } else if name.equals(":scheme") {
      scheme = value
    } else if name.equals(":authority") {
      authority = value
    } else if name.equals(":path") {
      path = value
    } else if name.equals(":protocol") {
      extendedConnect = value
    }
  }

  private mutating func takeField(_ name: String, _ value: UnsafeRawBufferPointer) {
    if name == "host" {
      hosts.append(String(decoding: value, as: UTF8.self))
    } else if let name = HTTPField.Name(name) {
      fields.append(HTTPField(name: name, received: value))
    }
  }

  /// The request; with the `Host` that RFC 9113 §8.3.1 wants to be the authority's equal, and the
  /// checks that HTTP/1.1's request line gets.
  func request() throws(HTTP2Refusal) -> HTTPRequest {
    if let refusal { throw refusal }
    guard let method = HTTPRequest.Method(method) else {
      throw HTTP2Refusal(400, ":method: not a token")
    }
    if method == .connect, extendedConnect == nil {
      throw HTTP2Refusal(501, "CONNECT is not implemented: this is no proxy")
    }
    guard hosts.count <= 1 else { throw HTTP2Refusal(400, "Host: given more than once") }
    guard let name = authority ?? hosts.first else { throw HTTP2Refusal(400, "Host: missing") }
    guard let named = Authority(name) else {
      throw HTTP2Refusal(400, ":authority: not a host and a port")
    }
    if let host = hosts.first, Authority(host) != named {
      throw HTTP2Refusal(400, "Host: another one than :authority")
    }
    guard var path, path.withUTF8(Self.isTarget) else {
      throw HTTP2Refusal(400, ":path: a character that must be percent-encoded")
    }
    var request = HTTPRequest(
      method: method, scheme: scheme, authority: name, path: path, headerFields: fields)
    if let extendedConnect { request.extendedConnectProtocol = extendedConnect }
    return request
  }

  private static func isTarget(_ path: UnsafeBufferPointer<UInt8>) -> Bool {
    RequestTarget.characters.firstStranger(in: UnsafeRawBufferPointer(path)) == nil
  }
}
