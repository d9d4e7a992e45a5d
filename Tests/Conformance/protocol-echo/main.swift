// protocol-echo [PORT]: the protocols of the house with nothing behind them, for conformance suites.
// Listens on 127.0.0.1 and says where; never installed.
import EventLoop
import Glibc
import Syscalls
import SystemPackage

/// Takes connections. Confined to the thread that made it.
final class EchoServer: LoopSource {
  let loop: Loop
  /// What a read fills; its content is valid during one `receive`.
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
  private let socket: Socket

  init(port: UInt16) throws(Errno) {
    loop = try Loop()
    socket = try Socket.listening(at: .loopbackIPv4(port: port), backlog: 1024)
    _ = try loop.add(self, descriptor: socket.descriptor, interest: .readable)
    print("protocol-echo: listening on \(try socket.localAddress().text)")
    fflush(nil)
  }

  func becameReady(_ readiness: Readiness) {
    do throws(Errno) {
      guard case .connection(let socket, _) = try socket.accept() else { return }
      _ = try EchoConnection(socket, server: self)
    } catch { print("protocol-echo: \(error)") }
  }

  func timerFired() {}
}

let word = CommandLine.arguments.dropFirst().first ?? "9001"
guard let port = UInt16(word) else { fatalError("protocol-echo [PORT]") }
let server = try EchoServer(port: port)
server.loop.run {}
