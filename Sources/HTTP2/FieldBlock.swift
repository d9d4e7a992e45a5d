internal import CNghttp2
internal import HTTPTypes

/// A status and fields as libnghttp2 takes them: names in lower case, all bytes in one place. A value.
struct FieldBlock {
  private var bytes: [UInt8] = []
  /// Where names end and values end, in turn.
  private var ends: [Int] = []

  /// Fields that belong to a connection of HTTP/1.1 are left out (RFC 9113 §8.2.2).
  init(status: Int, _ fields: HTTPFields) {
    append(":status".utf8, String(status).utf8)
    for field in fields where !Self.isOfConnection(field.name) {
      bytes += field.name.canonicalName.utf8
      ends.append(bytes.count)
      field.withUnsafeBytesOfValue { bytes += $0 }
      ends.append(bytes.count)
    }
  }

  private mutating func append(_ name: String.UTF8View, _ value: String.UTF8View) {
    bytes += name
    ends.append(bytes.count)
    bytes += value
    ends.append(bytes.count)
  }

  private static func isOfConnection(_ name: HTTPField.Name) -> Bool {
    name == .connection || name == .upgrade || name == .transferEncoding
  }

  /// Calls `body` with the fields, which are valid during the call.
  func withFields(_ body: (UnsafeBufferPointer<nghttp2_nv>) -> Void) {
    // The library takes pointers it promises not to write through.
    var bytes = bytes
    bytes.withUnsafeMutableBufferPointer { bytes in
      var fields: [nghttp2_nv] = []
      fields.reserveCapacity(ends.count / 2)
      var start = 0
      for index in stride(from: 0, to: ends.count, by: 2) {
        let (nameEnd, valueEnd) = (ends[index], ends[index + 1])
        fields.append(
          nghttp2_nv(
            name: bytes.baseAddress! + start, value: bytes.baseAddress! + nameEnd,
            namelen: nameEnd - start, valuelen: valueEnd - nameEnd,
            flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
        start = valueEnd
      }
      fields.withUnsafeBufferPointer(body)
    }
  }
}
