/// The key a client's payload is exclusive-ored with (RFC 6455 §5.3). Masking and unmasking are
/// the same act.
package struct WebSocketMask: Sendable, Equatable {
  /// Four bytes, in the order of the wire.
  package let key: [UInt8]
  /// The key twice, as it lies in memory.
  private let word: UInt64

  /// Four bytes, in the order of the wire. A client draws them at random for each frame.
  package init(key: [UInt8]) {
    precondition(key.count == 4, "RFC 6455 §5.2")
    self.key = key
    var word: UInt64 = 0
    for place in 0..<8 { word |= UInt64(key[place & 3]) << UInt64(8 * place) }
    self.word = UInt64(littleEndian: word)
  }

  /// Appends `payload` masked, eight bytes at a time. Its first byte is number `phase` of the
  /// frame's payload.
  package func append(_ payload: UnsafeRawBufferPointer, phase: Int, to bytes: inout [UInt8]) {
    let start = bytes.count
    bytes.append(contentsOf: payload)
    let littleEndian = UInt64(littleEndian: word)
    let shift = UInt64(8 * (phase & 3))
    let turned =
      shift == 0 ? littleEndian : littleEndian >> shift | littleEndian << (64 - shift)
    bytes.withUnsafeMutableBytes { all in
      var offset = start
      while offset + 8 <= all.count {
        let masked = all.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        all.storeBytes(
          of: masked ^ UInt64(littleEndian: turned), toByteOffset: offset, as: UInt64.self)
        offset += 8
      }
      var rest = turned
      while offset < all.count {
        all[offset] ^= UInt8(truncatingIfNeeded: rest)
        rest >>= 8
        offset += 1
      }
    }
  }
}
