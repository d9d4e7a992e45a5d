internal import EventFormats

/// Framed events of the records after `start` up to `end`, encoded once for all clients of one filter
/// and framing. What it says never changes. Confined to its loop.
package final class Broadcast {
  let framing: StreamFraming
  package let start: UInt64
  package let end: UInt64
  /// Whether the record after `end` is the next match (or `end` was the head).
  let endIsExact: Bool
  package let bytes: [UInt8]
  /// The last id in it.
  let lastID: UInt64
  package let events: Int
  /// Whether one of them tells to read something again.
  let saysReset: Bool
  /// When the first record was read from the kernel, in nanoseconds since 1970; nil when it is not kept.
  package let firstTime: Int64?
  private var wrapped: [UInt8]?

  init(
    framing: StreamFraming, from start: UInt64, to end: WalkEnd, bytes: [UInt8], events: Int,
    lastID: UInt64, saysReset: Bool, firstTime: Int64?
  ) {
    self.framing = framing
    self.start = start
    self.end = end.position
    endIsExact = end.isExact
    self.bytes = bytes
    self.events = events
    self.lastID = lastID
    self.saysReset = saysReset
    self.firstTime = firstTime
  }

  /// The bytes with what a transport puts around them, which is done once: there is one transport that
  /// does.
  package func wrapped(by wrap: ([UInt8]) -> [UInt8]) -> [UInt8] {
    if let wrapped { return wrapped }
    let made = wrap(bytes)
    wrapped = made
    return made
  }
}
