internal import Compression
internal import EventFormats
internal import Fanout
internal import HTTPSemantics

/// How one event stream's content is compressed: what is said to this client alone by itself, what
/// others are sent as well together with theirs. Confined to its loop.
final class EventStreamCompressor {
  private let groups: CompressionGroups
  private let coding: ContentCoding
  private var body: CompressedBody
  /// Whose texts it shares.
  private var group: (key: CompressionGroups.Key, deflate: SharedDeflate)?
  /// While content is made: where that begins which is for this client alone and not compressed yet.
  private var ownStart = 0

  init(_ coding: ContentCoding, _ groups: CompressionGroups) {
    self.coding = coding
    self.groups = groups
    body = CompressedBody(coding.format, loose: groups.deflater())
  }

  /// Shares with who is sent the same; `batch` is nanoseconds. `leave` in the end.
  func join(_ subscription: Subscription, batch: Int64) {
    let key = CompressionGroups.Key(
      filter: subscription.filterID, framing: subscription.framing, form: .body(coding.format),
      batch: batch)
    group = groups.join(key).map { (key, $0) }
  }

  func leave() {
    if let group { groups.leave(group.key) }
    group = nil
  }

  /// Content is made from there on.
  func begin(at start: Int) { ownStart = start }

  /// Compresses what was said to this client alone, so that all of it can be read at once.
  func compressOwn(_ bytes: inout [UInt8]) {
    guard bytes.count > ownStart else { return }
    let said = Array(bytes[ownStart...])
    bytes.removeSubrange(ownStart...)
    body.append(said, into: &bytes)
  }

  func append(_ broadcast: Broadcast, now: Int64, to output: inout [UInt8]) {
    compressOwn(&output)
    if let group {
      body.append(SharedText(broadcast), by: group.deflate, now: now, into: &output)
    } else {
      body.append(broadcast.bytes, into: &output)
    }
    ownStart = output.count
  }

  /// Appends a sign of life.
  func append(sign: [UInt8], now: Int64, to output: inout [UInt8]) {
    body.append(sign: sign, by: group?.deflate, now: now, into: &output)
  }

  /// Appends the end of the content.
  func appendEnd(to output: inout [UInt8]) { body.appendEnd(into: &output) }
}
