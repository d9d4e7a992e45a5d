/// One answer that is compressed as it is made, by gzip or zlib, every text readable as soon as it is
/// sent. A value. Holds no compressor: what is sent to this client alone goes through one that many
/// use, what is sent to many through theirs.
package struct CompressedBody {
  private let format: CompressionFormat
  private let loose: Deflater
  private var place: DecoderPlace
  private var phase = Phase.new

  private enum Phase { case new, going, ended }

  /// `loose` makes raw deflate.
  package init(_ format: CompressionFormat, loose: Deflater) {
    self.format = format
    self.loose = loose
    place = DecoderPlace(format)
  }

  /// Appends `text`, which is for this client alone.
  package mutating func append(_ text: [UInt8], into output: inout [UInt8]) {
    guard !text.isEmpty, begin(&output) else { return }
    loose.reset()
    loose.compress(text.span.bytes, .sync, into: &output)
    place.leave(reading: TextChecksum(of: text, for: format))
  }

  /// Appends `text`, which others are sent by `group` as well. `now` is monotonic nanoseconds.
  package mutating func append(
    _ text: SharedText, by group: SharedDeflate, now: Int64, into output: inout [UInt8]
  ) {
    guard !text.bytes.isEmpty, begin(&output) else { return }
    if group.follow(text, &place, now: now, into: &output) { return }
    place.leave(reading: group.append(alone: text, into: &output))
  }

  /// Appends a sign of life.
  package mutating func append(
    sign: [UInt8], by group: SharedDeflate?, now: Int64, into output: inout [UInt8]
  ) {
    guard begin(&output) else { return }
    if group?.followSign(sign, &place, now: now, into: &output) == true { return }
    append(sign, into: &output)
  }

  /// Appends the end: a last block without a text, and the checksum.
  package mutating func appendEnd(into output: inout [UInt8]) {
    guard begin(&output) else { return }
    phase = .ended
    output += [0x03, 0x00] + place.checksum.trailer
  }

  /// Whether anything more can be said.
  private mutating func begin(_ output: inout [UInt8]) -> Bool {
    guard phase == .new else { return phase == .going }
    phase = .going
    switch format {
    case .raw: break
    // Deflate, no flags, no time, made on Unix (RFC 1952 §2.3).
    case .gzip: output += [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]
    // Deflate with a window of 32 KiB, and the check bits (RFC 1950 §2.2).
    case .zlib: output += [0x78, 0x9C]
    }
    return true
  }
}
