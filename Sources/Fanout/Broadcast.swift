internal import EventFormats

/// Framed events of the records after `start` up to `end`, encoded once for all clients of one filter
/// and framing. A value.
package struct Broadcast {
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
}

/// Who gives broadcasts a form of their own on the way to a client, such as a compressed one. Called
/// on the loop's thread.
package protocol BroadcastWriter: AnyObject {
  /// Append `broadcast`, whole, behind what the subscription has appended to `output`. Called from
  /// within `pull`.
  func append(_ broadcast: Broadcast, of subscription: Subscription, to output: inout [UInt8])
}
