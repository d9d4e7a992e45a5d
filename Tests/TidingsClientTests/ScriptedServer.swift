import Synchronization
import Syscalls
import SystemPackage

/// A server on a port of this machine that answers the n-th connection with the n-th script, byte
/// by byte as told, and remembers what it was asked. Scripts run on a thread of its own.
final class ScriptedServer: Sendable {
  enum Step: Sendable {
    case send(String)
    /// Each byte in a write of its own.
    case drip([UInt8])
    /// Sends until all is taken; `signal` is set when the client does not take any more.
    case flood([UInt8], blocked: Signal)
    /// Until the client has closed its end; then `signal` is set.
    case untilClientCloses(Signal)
  }

  private final class Listener: Sendable {
    let socket: Socket
    init(at address: SocketAddress) throws(Errno) {
      socket = try Socket.listening(at: address, backlog: 16)
    }
  }

  let address: SocketAddress
  private let stopped = Mutex(false)
  private let wakeUp: WakeUp
  private let seen = Mutex<[String]>([])
  private let thread = Mutex<OwnThread?>(nil)

  /// Listens at once. After the last script connections are accepted, remembered and closed.
  init(
    at address: SocketAddress = .loopbackIPv4(port: 0), _ scripts: [[Step]]
  ) throws {
    let listener = try Listener(at: address)
    wakeUp = try WakeUp()
    self.address = try listener.socket.localAddress()
    let own = try OwnThread(name: "scripted") { [self] in serve(scripts, at: listener) }
    thread.withLock { $0 = own }
  }

  /// Heads of the requests so far, in order.
  var requests: [String] { seen.withLock { $0 } }

  var url: String {
    if case .unix = address { return address.text }
    return "http://\(address.text)"
  }

  /// Closes everything. Must be called, or the thread goes on.
  func stop() {
    stopped.withLock { $0 = true }
    wakeUp.signal()
    thread.withLock { $0 }?.join()
  }

  private func serve(_ scripts: [[Step]], at listener: Listener) {
    var rest = scripts[...]
    do {
      while true {
        try wait(for: .readable, on: listener.socket.descriptor)
        guard case .connection(let socket, _) = try listener.socket.accept() else { continue }
        let script = rest.popFirst() ?? []
        do throws(Errno) { try run(script, on: socket) } catch  where error != .canceled {
          continue  // the client has gone
        }
      }
    } catch {}
  }

  private func run(_ script: [Step], on socket: borrowing Socket) throws(Errno) {
    try readHead(from: socket)
    for step in script {
      switch step {
      case .send(let text): try send(Array(text.utf8), on: socket)
      case .drip(let bytes): for byte in bytes { try send([byte], on: socket) }
      case .flood(let bytes, let blocked): try send(bytes, on: socket, blocked: blocked)
      case .untilClientCloses(let signal):
        while try !read(from: socket).isEmpty {}
        signal.set()
      }
    }
  }

  private func readHead(from socket: borrowing Socket) throws(Errno) {
    var head = ""
    while !head.hasSuffix("\r\n\r\n") {
      let bytes = try read(from: socket)
      guard !bytes.isEmpty else { throw .connectionReset }
      head += String(decoding: bytes, as: UTF8.self)
    }
    seen.withLock { $0.append(head) }
  }

  /// Empty: the client has closed.
  private func read(from socket: borrowing Socket) throws(Errno) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      try wait(for: .readable, on: socket.descriptor)
      let outcome = try buffer.withUnsafeMutableBufferPointer { (raw) throws(Errno) in
        try socket.read(into: UnsafeMutableRawBufferPointer(raw))
      }
      switch outcome {
      case .bytes(let count): return Array(buffer[..<count])
      case .wouldBlock: continue
      case .end: return []
      }
    }
  }

  private func send(
    _ bytes: [UInt8], on socket: borrowing Socket, blocked: Signal? = nil
  ) throws(Errno) {
    var sent = 0
    while sent < bytes.count {
      switch try socket.write(bytes, from: sent) {
      case .bytes(let count): sent += count
      case .wouldBlock:
        blocked?.set()
        try wait(for: .writable, on: socket.descriptor)
      }
    }
  }

  private func wait(for interest: SocketPoll.Interest, on descriptor: Int32) throws(Errno) {
    _ = try SocketPoll.wait(for: interest, on: descriptor, orWakeUp: wakeUp, timeout: nil)
    if stopped.withLock({ $0 }) { throw .canceled }
  }
}

/// Set once by a thread, waited for by a test.
final class Signal: Sendable {
  private struct State {
    var isSet = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  var isSet: Bool { state.withLock { $0.isSet } }

  func set() {
    let waiting = state.withLock { state in
      defer { state.waiting = [] }
      state.isSet = true
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  func wait() async {
    await withCheckedContinuation { continuation in
      let isSet = state.withLock { state in
        if !state.isSet { state.waiting.append(continuation) }
        return state.isSet
      }
      if isSet { continuation.resume() }
    }
  }
}
