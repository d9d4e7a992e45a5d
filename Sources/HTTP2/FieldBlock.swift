internal import Bytes
internal import CNghttp2
package import HTTPTypes

/// Fields as libnghttp2 takes them: names in lower case, all bytes in one place. A value, which may be
/// made once for many answers.
package struct FieldBlock: Sendable {
  private var bytes: [UInt8] = []
  /// Where names end and values end, in turn.
  private var ends: [Int] = []

  package init() {}

  /// Fields that belong to a connection of HTTP/1.1 are left out (RFC 9113 §8.2.2).
  package init(_ fields: HTTPFields) {
    for field in fields where !Self.isOfConnection(field.name) {
      var name = field.name.canonicalName
      field.withUnsafeBytesOfValue { value in
        name.withUTF8 { name in
          bytes.append(
            name: UnsafeRawBufferPointer(name), "", value: UnsafeRawBufferPointer(value), "")
          ends.append(bytes.count - value.count)
          ends.append(bytes.count)
        }
      }
    }
  }

  /// What is each answer's own.
  init(status: Int, contentLength: Int?) {
    bytes.reserveCapacity(48)
    ends.reserveCapacity(4)
    append(":status", status)
    if let contentLength { append("content-length", contentLength) }
  }

  private mutating func append(_ name: StaticString, _ value: Int) {
    bytes.append(name)
    ends.append(bytes.count)
    bytes.append(decimal: UInt64(value))
    ends.append(bytes.count)
  }

  private static func isOfConnection(_ name: HTTPField.Name) -> Bool {
    // Few names are as long as one of these, and lengths compare faster than names.
    switch name.canonicalName.utf8.count {
    case 7: name == .upgrade
    case 10: name == .connection
    case 17: name == .transferEncoding
    default: false
    }
  }

  /// Calls `body` with the fields of three blocks, which are valid during the call.
  static func withFields(
    _ first: FieldBlock, _ second: FieldBlock, _ third: FieldBlock,
    _ body: (UnsafeBufferPointer<nghttp2_nv>) -> Void
  ) {
    let count = (first.ends.count + second.ends.count + third.ends.count) / 2
    withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: count) { fields in
      first.bytes.withUnsafeBufferPointer { firstBytes in
        second.bytes.withUnsafeBufferPointer { secondBytes in
          third.bytes.withUnsafeBufferPointer { thirdBytes in
            var place = first.list(firstBytes, in: fields, from: 0)
            place = second.list(secondBytes, in: fields, from: place)
            _ = third.list(thirdBytes, in: fields, from: place)
            body(UnsafeBufferPointer(fields))
          }
        }
      }
    }
  }

  /// Puts entries down from `place` on; returns the place behind them.
  private func list(
    _ bytes: UnsafeBufferPointer<UInt8>, in fields: UnsafeMutableBufferPointer<nghttp2_nv>,
    from place: Int
  ) -> Int {
    var (start, place) = (0, place)
    for index in stride(from: 0, to: ends.count, by: 2) {
      let (nameEnd, valueEnd) = (ends[index], ends[index + 1])
      // The library takes pointers it promises not to write through.
      let base = UnsafeMutablePointer(mutating: bytes.baseAddress!)
      fields.initializeElement(
        at: place,
        to: nghttp2_nv(
          name: base + start, value: base + nameEnd, namelen: nameEnd - start,
          valuelen: valueEnd - nameEnd, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
      start = valueEnd
      place += 1
    }
    return place
  }
}
