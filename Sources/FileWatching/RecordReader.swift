internal import Synchronization
internal import Syscalls

/// The thread that only reads: a kernel's queue holds 16,384 records, which one fast writer fills in
/// 20 to 35 ms. At once when quiet; under load it waits a moment, so that the kernel merges what is
/// equal. Confined to its thread.
final class RecordReader {
  /// How long to let records gather under load, and the quiet after which there is no load.
  static let gatherMilliseconds: Int32 = 2
  static let quiet: Int64 = 3_000_000
  /// 256 KiB: some 8,000 records, half of the kernel's queue.
  static let bufferSize = 256 << 10

  private struct Source {
    let queue: RecordQueue
    /// Records read next were made after this.
    var since: Int64
  }

  private let inbox: Inbox
  private let control: ReaderControl
  private var sources: [Source] = []
  private let buffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: RecordReader.bufferSize, alignment: 16)

  init(inbox: Inbox, control: ReaderControl) {
    self.inbox = inbox
    self.control = control
  }

  deinit { buffer.deallocate() }

  func run() {
    var lastRead: Int64 = 0
    while true {
      switch control.mode {
      case .stopped: return
      case .paused:
        control.wait(nil)
        continue
      case .reading: break
      }
      for added in control.takeAdded() {
        sources.append(Source(queue: added.queue, since: added.since))
      }
      let descriptors = sources.map(\.queue.descriptor)
      let before = Clock.monotonic()
      let ready = waitReadable(descriptors, timeoutMilliseconds: 0)
      for index in sources.indices where !ready[index] { sources[index].since = before }
      if !ready.contains(true) {
        _ = waitReadable(descriptors + [control.descriptor], timeoutMilliseconds: nil)
        control.clear()
        guard control.mode == .reading, !control.hasAdded else { continue }
      }
      if Clock.monotonic() - lastRead < Self.quiet {
        control.wait(Self.gatherMilliseconds)
        guard control.mode == .reading else { continue }
      }
      for index in sources.indices { guard readAll(&sources[index]) else { return } }
      lastRead = Clock.monotonic()
    }
  }

  /// False when the queue is broken, which cannot be mended.
  private func readAll(_ source: inout Source) -> Bool {
    control.isReading = true
    defer { control.isReading = false }
    while true {
      let start = Clock.monotonic()
      guard let count = try? source.queue.read(buffer) else { return false }
      guard count > 0 else { return true }
      let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      while !inbox.post(
        bytes, of: source.queue.kind, time: Clock.realtime(), since: source.since)
      {
        control.wait(1)
        if control.mode == .stopped { return true }
      }
      // A read that leaves room for the longest record has emptied the queue.
      guard count > buffer.count - source.queue.longestRecord else {
        source.since = start
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

  private let added = Mutex<[(queue: RecordQueue, since: Int64)]>([])

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

  /// Has a queue read from now on; it was made just now.
  func add(_ queue: RecordQueue) {
    added.withLock { $0.append((queue, Clock.monotonic())) }
    wakeup.signal()
  }

  var hasAdded: Bool { added.withLock { !$0.isEmpty } }

  func takeAdded() -> [(queue: RecordQueue, since: Int64)] {
    added.withLock { added in
      defer { added.removeAll() }
      return added
    }
  }

  func clear() { wakeup.clear() }

  func wait(_ milliseconds: Int32?) {
    if waitReadable([descriptor], timeoutMilliseconds: milliseconds)[0] { wakeup.clear() }
  }
}
