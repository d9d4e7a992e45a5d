internal import Synchronization
internal import Syscalls

/// The thread that only reads: the kernel's queue holds 16,384 records, which one fast writer fills
/// in 20 to 35 ms. At once when quiet; under load it waits a moment, so that the kernel merges what
/// is equal.
struct RecordReader: Sendable {
  /// How long to let records gather under load, and the quiet after which there is no load.
  static let gatherMilliseconds: Int32 = 1
  static let quiet: Int64 = 3_000_000
  /// 256 KiB: some 8,000 records, half of the kernel's queue.
  static let bufferSize = 256 << 10

  let backend: InotifyBackend
  let inbox: Inbox
  let control: ReaderControl

  func run() {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferSize, alignment: 16)
    defer { buffer.deallocate() }
    let queue = backend.queue
    // Records read next were made after this.
    var since = Clock.monotonic()
    var lastRead: Int64 = 0
    while true {
      switch control.mode {
      case .stopped: return
      case .paused:
        control.wait(nil)
        continue
      case .reading: break
      }
      let before = Clock.monotonic()
      let isWaiting = waitReadable([queue], timeoutMilliseconds: 0)[0]
      if !isWaiting {
        since = before
        _ = waitReadable([queue, control.descriptor], timeoutMilliseconds: nil)
        control.clear()
        guard control.mode == .reading else { continue }
      }
      if Clock.monotonic() - lastRead < Self.quiet {
        control.wait(Self.gatherMilliseconds)
        guard control.mode == .reading else { continue }
      }
      guard readAll(into: buffer, since: &since) else { return }
      lastRead = Clock.monotonic()
    }
  }

  /// False when the instance is broken, which cannot be mended.
  private func readAll(into buffer: UnsafeMutableRawBufferPointer, since: inout Int64) -> Bool {
    control.isReading = true
    defer { control.isReading = false }
    while true {
      let start = Clock.monotonic()
      guard let count = try? backend.read(into: buffer) else { return false }
      guard count > 0 else { return true }
      let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      while !inbox.post(bytes, time: Clock.realtime(), since: since) {
        control.wait(1)
        if control.mode == .stopped { return true }
      }
      // A read that leaves room for the longest record has emptied the queue.
      guard count > buffer.count - 272 else {
        since = start
        return true
      }
    }
  }
}

/// By which others tell the reader what to do, and see what it does.
final class ReaderControl: Sendable {
  enum Mode: UInt8, AtomicRepresentable { case reading, paused, stopped }

  private let wakeup: WakeUp
  private let current = Atomic(Mode.reading)
  private let reading = Atomic(false)

  init(wakeup: consuming WakeUp) { self.wakeup = wakeup }

  var descriptor: Int32 { wakeup.descriptor }

  var mode: Mode { current.load(ordering: .acquiring) }

  /// Records may have been taken from the kernel's queue and not yet posted.
  var isReading: Bool {
    get { reading.load(ordering: .sequentiallyConsistent) }
    set { reading.store(newValue, ordering: .sequentiallyConsistent) }
  }

  func set(_ mode: Mode) {
    current.store(mode, ordering: .releasing)
    wakeup.signal()
  }

  func clear() { wakeup.clear() }

  func wait(_ milliseconds: Int32?) {
    if waitReadable([descriptor], timeoutMilliseconds: milliseconds)[0] { wakeup.clear() }
  }
}
