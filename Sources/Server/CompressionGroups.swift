internal import Compression
internal import EventFormats
internal import Fanout
internal import WebSocket

/// The deflate streams that the clients of one loop share, by what they are sent. Confined to its
/// loop. At most `limit` of them: whoever comes then is compressed alone.
final class CompressionGroups {
  /// Clients of one group are sent the same texts, cut alike, for decoders of one kind.
  struct Key: Hashable {
    let filter: ObjectIdentifier
    let framing: StreamFraming
    let form: Form
    /// Nanoseconds that changes are gathered: who gathers is sent other pieces.
    let batch: Int64
  }

  enum Form: Hashable {
    case body(CompressionFormat)
    case messages(MessageCompression)
  }

  private let limit: Int
  private var groups: [Key: SharedDeflate] = [:]
  private var loose: [Int: Deflater] = [:]
  /// Bytes of texts that were compressed for groups, each counted once, since there are any.
  private(set) var textBytes: UInt64 = 0
  /// Bytes that became of them.
  private(set) var compressedBytes: UInt64 = 0

  init(limit: Int) { self.limit = limit }

  var count: Int { groups.count }

  /// Who is in them.
  var members: Int { groups.values.reduce(0) { $0 + $1.readers } }

  /// The stream of these clients, with one more; nil when there are too many streams. `leave` it.
  func join(_ key: Key) -> SharedDeflate? {
    let group = groups[key] ?? make(key)
    group?.readers += 1
    return group
  }

  func leave(_ key: Key) {
    guard let group = groups[key] else { return }
    group.readers -= 1
    if group.readers == 0 { groups[key] = nil }
  }

  /// Compresses what is sent to one client alone, in a window of 2 KiB or of as many `bits` as are
  /// fewer. Used by all, each time from a `reset` on.
  func deflater(windowBits bits: Int = SharedDeflate.smallWindowBits) -> Deflater {
    let bits = min(bits, SharedDeflate.smallWindowBits)
    if let made = loose[bits] { return made }
    let made = Deflater(.raw(windowBits: bits))
    loose[bits] = made
    return made
  }

  private func make(_ key: Key) -> SharedDeflate? {
    guard groups.count < limit else { return nil }
    let group =
      switch key.form {
      case .body(let format):
        SharedDeflate(
          format, loose: deflater(),
          write: counted { text, deflater, output in
            deflater.compress(text.span.bytes, .sync, into: &output)
          })
      case .messages(let agreed):
        SharedDeflate(
          .raw(windowBits: agreed.serverWindowBits),
          loose: deflater(windowBits: agreed.serverWindowBits),
          write: counted { frames, deflater, output in
            agreed.append(compressing: frames, by: deflater, to: &output)
          })
      }
    groups[key] = group
    return group
  }

  private func counted(_ write: @escaping SharedDeflate.Writer) -> SharedDeflate.Writer {
    { [unowned self] text, deflater, output in
      let start = output.count
      write(text, deflater, &output)
      textBytes += UInt64(text.count)
      compressedBytes += UInt64(output.count - start)
    }
  }
}

extension SharedText {
  init(_ broadcast: Broadcast) {
    self.init(range: broadcast.start..<broadcast.end, bytes: broadcast.bytes)
  }
}
