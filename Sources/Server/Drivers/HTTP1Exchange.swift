internal import Bytes
internal import EventLoop
internal import Fanout
internal import HTTP1
internal import HTTPTypes
internal import Syscalls

/// A connection of HTTP/1.1 while one answer on it goes on: chunks around what its driver says, or
/// nothing around it once the protocol has been switched. Confined to its loop. Gives the connection
/// back to HTTP/1.1 when the answer was complete and both sides keep it.
final class HTTP1Exchange: ConnectionDriver, Channel {
  private let connection: Connection
  var driver: (any ChannelDriver)?
  /// The head of the answer, until it goes out before the first content.
  private var head: [UInt8] = []
  private let isChunked: Bool
  private var isComplete = false
  private var isFilling = false
  private var hasContent = true
  private var keepsConnection: Bool
  private let framing: HTTP1ResponseEncoder.Framing
  private let minorVersion: Int
  /// Requests that were sent behind this one; nil when none will be answered.
  private var unread: [UInt8]?

  /// What a client may send behind its request before its kernel has to keep the rest.
  private static let unreadLimit = 16 * 1024

  /// What follows a head of HTTP/1.1. `unread` came behind it and is answered afterwards; nil where
  /// the answer ends with the connection.
  init(_ connection: Connection, _ head: HTTP1RequestParser.RequestHead, unread: [UInt8]?) {
    self.connection = connection
    minorVersion = head.minorVersion
    isChunked = minorVersion > 0
    framing = isChunked ? .chunked : .untilClose
    keepsConnection = head.keepAlive && minorVersion > 0
    self.unread = unread
  }

  /// Another protocol from here on.
  init(switching connection: Connection) {
    self.connection = connection
    minorVersion = 1
    framing = .none
    isChunked = false
    keepsConnection = false
  }

  // MARK: Channel

  var worker: Worker { connection.worker }
  var peer: SocketAddress { connection.peer }
  var id: ConnectionID { connection.token! }
  var openedAt: Int64 { connection.openedAt }
  var isOpen: Bool { connection.isOpen && !isComplete }
  var sentBytes: UInt64 { connection.sentBytes }
  var waitingBytes: Int { connection.waitingBytes + head.count }
  var unacknowledgedBytes: Int { connection.unacknowledgedBytes }

  var transport: Transport {
    get { connection.transport }
    set { connection.tuneForStreaming(newValue) }
  }

  func respond(_ status: HTTPResponse.Status, _ fields: HTTPFields) {
    hasContent = status != .noContent
    let persistence: HTTP1ResponseEncoder.Persistence =
      if framing == .none {
        .upgrade
      } else if keepsConnection {
        .keepAlive(peerMinorVersion: minorVersion)
      } else { .close }
    var bytes: [UInt8] = []
    HTTP1ResponseEncoder.appendHead(
      status, fields: fields, common: worker.everyAnswer.lines,
      framing: hasContent ? framing : .none,
      persistence: persistence, to: &bytes)
    head = bytes
    markDirty()
  }

  func append(_ content: (inout [UInt8]) -> Void) {
    guard !isComplete else { return }
    connection.append { bytes in
      takeHead(into: &bytes, at: bytes.count)
      let start = HTTP1ResponseEncoder.beginChunk(in: &bytes, isChunked)
      content(&bytes)
      HTTP1ResponseEncoder.endChunk(in: &bytes, from: start, isChunked)
    }
  }

  func markDirty() { connection.markDirty() }

  func setDeadline(_ deadline: Int64?) { connection.setDeadline(deadline) }

  func setReading(_ reading: Bool) { connection.setReading(reading) }

  func end(_ cause: CloseCause) {
    guard !isComplete else { return }
    isComplete = true
    if cause != .finished { keepsConnection = false }
    if !isFilling {
      connection.append { bytes in
        takeHead(into: &bytes, at: bytes.count)
        appendEnd(to: &bytes)
      }
    }
    if !keepsConnection { connection.closeWhenSent(cause) }
  }

  func close(_ cause: CloseCause) { connection.close(cause) }

  // MARK: ConnectionDriver

  func receive(_ bytes: UnsafeRawBufferPointer) {
    guard framing != .none else {
      driver?.receive(bytes)
      return
    }
    guard unread != nil else { return }
    unread! += bytes
    if unread!.count >= Self.unreadLimit { connection.setReading(false) }
  }

  func peerEnded() {
    if let driver { driver.peerEnded() } else { connection.close(.peer) }
  }

  func fill(_ bytes: inout [UInt8], limit: Int) -> Bool {
    guard !isComplete, let driver else { return false }
    let start = bytes.count
    let content = HTTP1ResponseEncoder.beginChunk(in: &bytes, isChunked)
    isFilling = true
    let hasMore = driver.fill(&bytes, limit: limit)
    isFilling = false
    HTTP1ResponseEncoder.endChunk(in: &bytes, from: content, isChunked)
    takeHead(into: &bytes, at: start)
    if isComplete { appendEnd(to: &bytes) }
    return hasMore
  }

  func share() -> [UInt8]? {
    guard !isComplete, head.isEmpty, let broadcast = driver?.shareBroadcast() else { return nil }
    return isChunked ? broadcast.wrapped { HTTP1ResponseEncoder.chunk($0) } : broadcast.bytes
  }

  /// With the last byte of the answer taken, the connection is HTTP/1.1's again.
  func outputDrained() {
    guard isComplete else {
      driver?.outputDrained()
      return
    }
    guard keepsConnection else { return }
    let unread = unread ?? []
    let next = HTTP1Driver(connection: connection)
    connection.transport = .http
    connection.handOver(to: next, unread: [])
    connection.setReading(true)
    next.start()
    if !unread.isEmpty { unread.withUnsafeBytes { next.receive($0) } }
  }

  func deadlinePassed() { if !isComplete { driver?.deadlinePassed() } }

  func serverStops(reconnectAfterMilliseconds: Int) {
    keepsConnection = false
    if isComplete { connection.closeWhenSent(.shutdown) }
    driver?.serverStops(reconnectAfterMilliseconds: reconnectAfterMilliseconds)
  }

  func removedByOperator() {
    keepsConnection = false
    driver?.removedByOperator()
  }

  func connectionClosed() {
    driver?.connectionClosed()
    driver = nil
  }

  // MARK: Inside

  private func takeHead(into bytes: inout [UInt8], at start: Int) {
    guard !head.isEmpty else { return }
    bytes.insert(contentsOf: head, at: start)
    head = []
  }

  private func appendEnd(to bytes: inout [UInt8]) {
    if isChunked, hasContent { HTTP1ResponseEncoder.appendLastChunk(to: &bytes) }
  }
}

extension HTTP1ResponseEncoder {
  /// Leaves room for a chunk's size, which is known when the chunk is complete (RFC 9112 §7.1:
  /// leading zeros are allowed). Returns where the content starts.
  fileprivate static func beginChunk(in bytes: inout [UInt8], _ chunked: Bool) -> Int {
    if chunked { bytes.append("00000000\r\n") }
    return bytes.count
  }

  /// Writes the size of the content since `start`, or takes the room back when there is none.
  fileprivate static func endChunk(in bytes: inout [UInt8], from start: Int, _ chunked: Bool) {
    let size = bytes.count - start
    guard chunked else { return }
    guard size > 0 else {
      bytes.removeLast(sizeLineLength)
      return
    }
    var (left, place) = (size, start - 3)
    while left > 0 {
      let digit = UInt8(left & 0xF)
      bytes[place] = digit < 10 ? 0x30 + digit : 0x57 + digit
      left >>= 4
      place -= 1
    }
    bytes.append("\r\n")
  }

  private static let sizeLineLength = 10

  /// `content`, which is not empty, as a chunk.
  fileprivate static func chunk(_ content: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(content.count + sizeLineLength + 2)
    let start = beginChunk(in: &bytes, true)
    bytes += content
    endChunk(in: &bytes, from: start, true)
    return bytes
  }
}
