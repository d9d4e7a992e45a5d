internal import Compression
internal import EventFormats
internal import Fanout
internal import HTTPSemantics
internal import WebSocket

/// What of a WebSocket's messages is compressed, and by what (RFC 7692). Confined to its
/// loop.
///
/// A socket has one window for all its messages, so it follows one of its subscriptions' groups at a
/// time. Messages that are not compressed do not enter the window (§7.2.3): answers, and what is short
/// or belongs to another group, go between those of the group as they are.
final class WebSocketCompressor {
  private let agreed: MessageCompression
  private let groups: CompressionGroups
  private let loose: Deflater
  private var place: DecoderPlace
  private var shared: [ObjectIdentifier: (key: CompressionGroups.Key, deflate: SharedDeflate)] = [:]
  /// During a pull: where the frames begin that are for this client alone.
  private var ownStart = 0

  init(_ agreed: MessageCompression, _ groups: CompressionGroups) {
    self.agreed = agreed
    self.groups = groups
    loose = groups.deflater(windowBits: agreed.serverWindowBits)
    place = DecoderPlace(.raw(windowBits: agreed.serverWindowBits))
  }

  func add(_ subscription: Subscription) {
    var form = agreed
    form.clientWindowBits = nil  // of no concern for what the server sends
    let key = CompressionGroups.Key(
      filter: subscription.filterID, framing: subscription.framing, form: .messages(form), batch: 0)
    if let group = groups.join(key) { shared[ObjectIdentifier(subscription)] = (key, group) }
  }

  func remove(_ subscription: Subscription) {
    guard let group = shared.removeValue(forKey: ObjectIdentifier(subscription)) else { return }
    if place.isFollowing(group.deflate) { place.leave() }
    groups.leave(group.key)
  }

  /// A pull begins.
  func begin(at start: Int) { ownStart = start }

  /// Compresses what the pull has for this client alone, where it is worth it.
  func compressOwn(_ bytes: inout [UInt8]) {
    defer { ownStart = bytes.count }
    guard bytes.count - ownStart >= ContentCoding.least else { return }
    let said = Array(bytes[ownStart...])
    bytes.removeSubrange(ownStart...)
    loose.reset()
    agreed.append(compressing: said, by: loose, to: &bytes)
    place.leave()
  }

  func append(
    _ broadcast: Broadcast, of subscription: Subscription, now: Int64, to output: inout [UInt8]
  ) {
    compressOwn(&output)
    defer { ownStart = output.count }
    let group = shared[ObjectIdentifier(subscription)]?.deflate
    if agreed.serverForgets, let group {
      group.append(alone: SharedText(broadcast), into: &output)
    } else if group?.follow(SharedText(broadcast), &place, now: now, into: &output) != true {
      output += broadcast.bytes
    }
  }

  func releaseIdle(now: Int64) {
    for group in shared.values { group.deflate.releaseIfIdle(now: now) }
  }
}
