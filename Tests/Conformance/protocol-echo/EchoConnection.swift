import EventLoop
import Syscalls
import SystemPackage

/// One client's socket and the protocol spoken on it. Confined to its loop. Reads no more while the
/// client does not take what it is sent.
final class EchoConnection: LoopSource {
  private let socket: Socket
  private unowned let server: EchoServer
  private var spoken: any EchoProtocol = OpeningEcho()
  private var token: Loop.Token?
  private var output: [UInt8] = []
  private var sent = 0
  private var state = State.open

  private enum State { case open, closing, lingering, closed }

  init(_ socket: consuming Socket, server: EchoServer) throws(Errno) {
    self.socket = socket
    self.server = server
    token = try server.loop.add(
      self, descriptor: self.socket.descriptor, interest: [.readable, .peerEnded])
  }

  func becameReady(_ readiness: Readiness) {
    do throws(Errno) {
      if !readiness.isDisjoint(with: [.readable, .peerEnded, .hangUp, .failed]) { try read() }
      try write()
    } catch { close() }
  }

  /// The peer has had its time to close.
  func timerFired() { close() }

  private func read() throws(Errno) {
    guard state != .closed else { return }
    switch try socket.read(into: server.buffer) {
    case .wouldBlock: return
    case .end: close()
    case .bytes(let count):
      guard state == .open else { return }
      take(UnsafeRawBufferPointer(rebasing: server.buffer[..<count]))
    }
  }

  private func take(_ bytes: UnsafeRawBufferPointer) {
    switch spoken.receive(bytes, now: server.loop.now, into: &output) {
    case .goOn: break
    case .close: state = .closing
    case .become(let next, let unread):
      spoken = next
      if !unread.isEmpty { unread.withUnsafeBytes(take) }
    }
  }

  private func write() throws(Errno) {
    guard state == .open || state == .closing, let token else { return }
    while sent < output.count {
      guard case .bytes(let count) = try socket.write(output, from: sent) else {
        return try server.loop.setInterest(token, .writable)
      }
      sent += count
    }
    output = []
    sent = 0
    if state == .closing {
      state = .lingering
      socket.endWriting()
      server.loop.setTimer(token, at: server.loop.now + 2_000_000_000)
    }
    try server.loop.setInterest(token, [.readable, .peerEnded])
  }

  private func close() {
    guard state != .closed, let token else { return }
    state = .closed
    server.loop.remove(token)
  }
}
