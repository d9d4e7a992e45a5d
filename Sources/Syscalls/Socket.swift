internal import CLinux
internal import Foundation
package import SystemPackage

/// What came of a read.
package enum ReadOutcome: Sendable, Equatable {
  case bytes(Int)
  case wouldBlock
  /// The peer will send no more.
  case end
}

/// What came of a write.
package enum WriteOutcome: Sendable, Equatable {
  case bytes(Int)
  case wouldBlock
}

/// What TCP knows of the other end of a connection (tcp(7), TCP_INFO).
package struct TCPPeerState: Sendable {
  /// Segments sent and not acknowledged. What waits behind a closed window does not count.
  package var unacknowledged: Int
  /// Probes of a closed window that were not answered.
  package var unansweredProbes: Int
  /// Since anything was acknowledged.
  package var nanosecondsSinceAcknowledgement: Int64

  package init(
    unacknowledged: Int, unansweredProbes: Int, nanosecondsSinceAcknowledgement: Int64
  ) {
    self.unacknowledged = unacknowledged
    self.unansweredProbes = unansweredProbes
    self.nanosecondsSinceAcknowledgement = nanosecondsSinceAcknowledgement
  }
}

/// A non-blocking stream socket, closed when it goes out of scope. Errors are the kernel's errno;
/// EINTR is retried here, and a peer that is gone is EPIPE or ECONNRESET (SIGPIPE is never raised).
package struct Socket: ~Copyable, Sendable {
  package let descriptor: Int32

  /// Takes ownership of an open, non-blocking socket.
  package init(owning descriptor: Int32) { self.descriptor = descriptor }

  deinit { _ = close(descriptor) }

  /// What came of an accept.
  package enum Accepted: ~Copyable {
    case connection(Socket, SocketAddress)
    case wouldBlock
  }

  /// The C functions are `socket`, `setsockopt`, `bind`, `listen`. `SO_REUSEADDR` is set, so that
  /// a restart does not wait for old connections; a port that is taken is EADDRINUSE.
  package static func listening(
    at address: SocketAddress, backlog: Int32
  ) throws(Errno) -> Socket {
    let descriptor = socket(
      address.family, Int32(SOCK_STREAM.rawValue) | nonBlockingCloseOnExec, 0)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    let made = Socket(owning: descriptor)
    if case .unix = address {} else { try made.set(SOL_SOCKET, SO_REUSEADDR, 1) }
    if case .ipv6 = address { try made.set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
    let bound = address.withSockAddr { bind(descriptor, $0, $1) }
    guard bound == 0 else { throw Errno(rawValue: errno) }
    guard listen(descriptor, backlog) == 0 else { throw Errno(rawValue: errno) }
    return made
  }

  /// Connects and waits for it; the socket is non-blocking afterwards. The C function is `connect`.
  package static func connected(to address: SocketAddress) throws(Errno) -> Socket {
    let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue) | closeOnExec, 0)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    let made = Socket(owning: descriptor)
    let outcome = address.withSockAddr { connect(descriptor, $0, $1) }
    guard outcome == 0 else { throw Errno(rawValue: errno) }
    guard fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else { throw Errno(rawValue: errno) }
    return made
  }

  /// Begins to connect without waiting. Writable when it has come to an end either way, which
  /// `connectionError()` then tells. Throws what is known at once: ECONNREFUSED and ENOENT of a
  /// Unix-domain socket, ENETUNREACH. The C functions are `socket` and `connect` (EINPROGRESS).
  package static func connecting(to address: SocketAddress) throws(Errno) -> Socket {
    let descriptor = socket(
      address.family, Int32(SOCK_STREAM.rawValue) | nonBlockingCloseOnExec, 0)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    let made = Socket(owning: descriptor)
    guard address.withSockAddr({ connect(descriptor, $0, $1) }) != 0 else { return made }
    // connect(2): one that a signal interrupts goes on by itself.
    guard errno == EINPROGRESS || errno == EINTR else { throw Errno(rawValue: errno) }
    return made
  }

  /// What a connection begun by `connecting(to:)` failed with, once; nil when it stands. The C
  /// function is `getsockopt` with SO_ERROR.
  package func connectionError() throws(Errno) -> Errno? {
    var number: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &length) == 0 else {
      throw Errno(rawValue: errno)
    }
    return number == 0 ? nil : Errno(rawValue: number)
  }

  /// The C function is `accept4`. Connections that died in the queue are passed over.
  package func accept() throws(Errno) -> Accepted {
    while true {
      var storage = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let accepted = withUnsafeMutablePointer(to: &storage) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          tidings_accept4(descriptor, $0, &length, Self.nonBlockingCloseOnExec)
        }
      }
      if accepted >= 0 { return .connection(Socket(owning: accepted), SocketAddress(storage)) }
      switch errno {
      case EAGAIN: return .wouldBlock
      case EINTR, ECONNABORTED, EPROTO: continue
      case let number: throw Errno(rawValue: number)
      }
    }
  }

  /// The C function is `recv`.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> ReadOutcome {
    while true {
      let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
      if count > 0 { return .bytes(count) }
      if count == 0 { return .end }
      switch errno {
      case EAGAIN: return .wouldBlock
      case EINTR: continue
      case let number: throw Errno(rawValue: number)
      }
    }
  }

  /// The C function is `send`, with MSG_NOSIGNAL.
  package func write(_ buffer: UnsafeRawBufferPointer) throws(Errno) -> WriteOutcome {
    while true {
      let count = tidings_send(
        descriptor, buffer.baseAddress, UInt(buffer.count), Int32(MSG_NOSIGNAL))
      if count >= 0 { return .bytes(count) }
      switch errno {
      case EAGAIN: return .wouldBlock
      case EINTR: continue
      case let number: throw Errno(rawValue: number)
      }
    }
  }

  /// Sends `bytes` from `start` on. The C function is `send`, with MSG_NOSIGNAL.
  package func write(_ bytes: [UInt8], from start: Int) throws(Errno) -> WriteOutcome {
    let span = bytes.span
    return try span.extracting(droppingFirst: start).withUnsafeBytes { raw throws(Errno) in
      try write(raw)
    }
  }

  /// The C function is `sendfile`. `.bytes(0)` says that the file ended before `offset`.
  package func write(
    file: OpenFile, offset: Int, length: Int
  ) throws(Errno) -> WriteOutcome {
    while true {
      var position = off_t(offset)
      let count = sendfile(descriptor, file.descriptor, &position, length)
      if count >= 0 { return .bytes(count) }
      switch errno {
      case EAGAIN: return .wouldBlock
      case EINTR: continue
      case let number: throw Errno(rawValue: number)
      }
    }
  }

  /// Says to the peer that no more will come. The C function is `shutdown`; an error means that the
  /// connection is gone, which the next read says too.
  package func endWriting() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

  /// TCP_NODELAY: what we write goes out at once.
  package func sendAtOnce() throws(Errno) { try set(Int32(IPPROTO_TCP), TCP_NODELAY, 1) }

  /// TCP_NOTSENT_LOWAT: writable only while fewer than `bytes` wait in the kernel unsent, so that a
  /// client that does not read costs that much, not the socket's whole buffer (tcp(7)).
  package func limitUnsent(bytes: Int32) throws(Errno) {
    try set(Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, bytes)
  }

  /// Finds peers that are gone: probes after `idleSeconds` of silence, three of them, 10 s apart.
  package func keepAlive(idleSeconds: Int32) throws(Errno) {
    try set(SOL_SOCKET, SO_KEEPALIVE, 1)
    try set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, idleSeconds)
    try set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, 10)
    try set(Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
  }

  /// The address this end is bound to. The C function is `getsockname`.
  package func localAddress() throws(Errno) -> SocketAddress {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let outcome = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(descriptor, $0, &length)
      }
    }
    guard outcome == 0 else { throw Errno(rawValue: errno) }
    return SocketAddress(storage)
  }

  /// Bytes written but not yet acknowledged (SIOCOUTQ, tcp(7)); nil when the kernel does not say.
  package func unsentBytes() -> Int? {
    var value: Int32 = 0
    guard tidings_ioctl_int(descriptor, 0x5411, &value) == 0 else { return nil }
    return Int(value)
  }

  /// What TCP knows of the other end; nil when the kernel does not say. The option is TCP_INFO.
  package func peerState() -> TCPPeerState? {
    var info = tcp_info()
    var length = socklen_t(MemoryLayout<tcp_info>.size)
    guard getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0 else {
      return nil
    }
    return TCPPeerState(
      unacknowledged: Int(info.tcpi_unacked), unansweredProbes: Int(info.tcpi_probes),
      nanosecondsSinceAcknowledgement: Int64(info.tcpi_last_ack_recv) * 1_000_000)
  }

  private func set(_ level: Int32, _ option: Int32, _ value: Int32) throws(Errno) {
    var value = value
    let outcome = setsockopt(
      descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    guard outcome == 0 else { throw Errno(rawValue: errno) }
  }

  private static let closeOnExec = Int32(SOCK_CLOEXEC.rawValue)
  private static let nonBlockingCloseOnExec =
    Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
}
