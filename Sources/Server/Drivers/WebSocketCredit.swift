internal import Fanout
internal import WebSocket

/// How many events more a client takes of one subscription (`credit`, wire contract, section 4).
/// `hello`, `bookmark` and `bye` cost nothing. Confined to its loop.
final class WebSocketCredit {
  private var left = 0
  /// The rest of a change that is several events, for which there was no credit: a few frames.
  private var held: [UInt8] = []

  /// Whether the client was told everything that was pulled for it.
  var holdsNothing: Bool { held.isEmpty }

  func grant(_ events: Int) { left = left > Int.max - events ? .max : left + events }

  /// As `Subscription.pull`, a record at a time; `.waiting` also where credit is missing.
  func pull(
    _ subscription: Subscription, into bytes: inout [UInt8], limit: Int
  ) -> Pull {
    let start = bytes.count
    while true {
      release(into: &bytes)
      if !held.isEmpty || left == 0 { return .waiting }
      if bytes.count - start >= limit { return .more }
      let pulled = subscription.pull(into: &held, limit: 1, events: 1)
      switch pulled {
      case .more where held.isEmpty: return .more  // a search takes turns
      case .more: continue
      case .close:
        releaseAll(into: &bytes)
        return pulled
      case .caughtUp, .waiting:
        release(into: &bytes)
        return held.isEmpty ? pulled : .waiting
      }
    }
  }

  /// What is held comes before the last word, credit or not.
  func releaseAll(into bytes: inout [UInt8]) {
    bytes += held
    held = []
  }

  private func release(into bytes: inout [UInt8]) {
    var end = 0
    while end < held.count {
      let frame = WebSocketFrame.extent(in: held, at: end)
      if !held[frame.payload...].starts(with: Self.hello) {
        if left == 0 { break }
        left -= 1
      }
      end = frame.end
    }
    bytes += held[..<end]
    held.removeSubrange(..<end)
  }

  private static let hello = Array(#"{"event":"hello","#.utf8)
}
