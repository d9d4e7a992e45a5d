internal import EventFormats

/// Framed events of the records after `start` up to `end`, encoded once for all clients of one filter
/// and framing. Immutable.
package final class Broadcast {
  let framing: StreamFraming
  package let start: UInt64
  package let end: UInt64
  /// Whether the record after `end` is the next match (or `end` was the head).
  let endIsExact: Bool
  package let bytes: [UInt8]
  /// The last id in it.
  let lastID: UInt64
  let events: Int
  /// Whether one of them tells to read something again.
  let saysReset: Bool

  init(
    framing: StreamFraming, from start: UInt64, to end: WalkEnd, bytes: [UInt8], events: Int,
    lastID: UInt64, saysReset: Bool
  ) {
    self.framing = framing
    self.start = start
    self.end = end.position
    endIsExact = end.isExact
    self.bytes = bytes
    self.events = events
    self.lastID = lastID
    self.saysReset = saysReset
  }
}
