internal import EventLoop
internal import Logging
package import Syscalls
package import SystemPackage

/// Takes connections from a listening socket that all loops share: the kernel wakes one of them
/// (EPOLLEXCLUSIVE). Confined to its loop.
final class Listener: LoopSource {
  private let listening: ListeningSocket
  private unowned let worker: Worker
  private var token: Loop.Token?
  /// Between trying again when there are no descriptors left.
  private static let backOff = second / 10
  /// Connections taken in one turn, so that a storm of them does not hold up those that are here.
  private static let perTurn = 64

  init(_ listening: ListeningSocket, worker: Worker) throws(Errno) {
    self.listening = listening
    self.worker = worker
    try listen()
  }

  func becameReady(_ readiness: Readiness) {
    for _ in 0..<Self.perTurn {
      do {
        switch try listening.socket.accept() {
        case .wouldBlock: return
        case .connection(let socket, let peer): worker.accept(socket, from: peer)
        }
      } catch {
        if error == .tooManyOpenFiles || error == .tooManyOpenFilesInSystem { acceptInReserve() }
        pause(error)
        return
      }
    }
  }

  /// One connection is taken all the same, so that a health check is answered and the others learn
  /// why. Should another thread be quicker to use the descriptor, the next try comes soon.
  private func acceptInReserve() {
    guard worker.giveUpReserve() else { return }
    do {
      switch try listening.socket.accept() {
      case .connection(let socket, let peer): worker.acceptInReserve(socket, from: peer)
      case .wouldBlock: worker.restoreReserve()
      }
    } catch { worker.restoreReserve() }
  }

  func timerFired() {
    stop()
    worker.restoreReserve()
    do { try listen() } catch { pause(error) }
  }

  /// Accepts no more.
  func stop() {
    if let token { worker.loop.remove(token) }
    token = nil
  }

  private func listen() throws(Errno) {
    token = try worker.loop.add(
      self, descriptor: listening.socket.descriptor, interest: [.readable, .exclusive])
  }

  /// EMFILE, ENFILE, ENOBUFS, ENOMEM: the connection stays in the kernel's queue; listen again soon
  /// instead of spinning.
  private func pause(_ error: Errno) {
    worker.shared.log.debug("accept: \(error); trying again in 100 ms")
    stop()
    token = worker.loop.addTimer(self)
    worker.loop.setTimer(token!, at: worker.loop.now + Self.backOff)
  }
}

/// A listening socket and where it listens, shared by the loops.
package final class ListeningSocket: Sendable {
  let socket: Socket
  package let address: SocketAddress

  /// Errors of bind(2) and listen(2): EADDRINUSE, EACCES, EADDRNOTAVAIL.
  package init(at address: SocketAddress) throws(Errno) {
    socket = try Socket.listening(at: address, backlog: 4096)
    self.address = try socket.localAddress()
  }
}
