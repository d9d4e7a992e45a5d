internal import EventLoop
internal import HTTP2

/// Listens to the first bytes of a connection, which say whether it speaks HTTP/2 with prior knowledge
/// (RFC 9113 §3.3) or HTTP/1.1, and hands it over. Confined to its loop.
final class OpeningDriver: ConnectionDriver {
  private let connection: Connection
  /// Less than a preface: with what differs from one it is HTTP/1.1.
  private var opening: [UInt8] = []

  init(connection: Connection) { self.connection = connection }

  /// Waits for the first byte.
  func start() { armDeadline(\.idleSeconds) }

  func receive(_ bytes: UnsafeRawBufferPointer) {
    if opening.isEmpty { armDeadline(\.headSeconds) }
    opening += bytes
    switch ConnectionPreface.match(opening) {
    case .soFar: break
    case .no: connection.handOver(to: HTTP1Driver(connection: connection), unread: opening)
    case .yes:
      let driver = HTTP2Driver(connection: connection)
      driver.start()
      connection.handOver(to: driver, unread: opening)
    }
  }

  func peerEnded() { connection.closeWhenSent(.finished) }

  func fill(_ bytes: inout [UInt8], limit: Int) -> Bool { false }

  func outputDrained() {}

  func deadlinePassed() { connection.close(.timeout) }

  func serverStops(reconnectAfterMilliseconds: Int) { connection.closeWhenSent(.shutdown) }

  func connectionClosed() {}

  private func armDeadline(_ seconds: KeyPath<Limits, Int64>) {
    let limits = connection.worker.limits
    let time = connection.refusal == nil ? limits[keyPath: seconds] : limits.refusedSeconds
    connection.setDeadline(connection.worker.loop.now + time * second)
  }
}
