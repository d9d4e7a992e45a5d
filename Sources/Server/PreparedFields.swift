internal import HTTP1
internal import HTTP2
internal import HTTPTypes

/// Fields put down as both protocols send them, once for many answers. Immutable; any thread.
final class PreparedFields: Sendable {
  /// As HTTP/1.1 has them.
  let lines: [UInt8]
  /// As HTTP/2 has them.
  let block: FieldBlock

  init(_ fields: HTTPFields) {
    lines = HTTP1ResponseEncoder.fieldLines(fields)
    block = FieldBlock(fields)
  }
}
