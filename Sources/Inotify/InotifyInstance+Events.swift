internal import CLinux
internal import Glibc
public import SystemPackage

extension InotifyInstance {
  /// What a watch asks for and a record tells.
  public typealias Mask = InotifyMask

  /// One record of the queue with a name of its own, to keep as long as one likes. Where every
  /// nanosecond counts, ``InotifyEvents`` reads the same records without copying names.
  public struct Event: Sendable, Hashable {
    /// Whose record this is; -1 on ``InotifyMask/queueOverflow``.
    public let watch: WatchDescriptor
    /// What happened.
    public let mask: Mask
    /// The same number on both halves of a rename; 0 on everything else.
    public let cookie: UInt32
    /// The entry's name in the watched directory, exact bytes; nil when the record is about the
    /// watched inode itself.
    public let name: FilePath.Component?
  }

  /// Waits at most `timeout` (nil: for ever; zero: not at all) for a first record, then `delay`, so
  /// that the kernel merges what repeats, and returns every record that waits by then, in the order
  /// of the kernel; none when the time was up. Signals do not end the wait. One at a time: a second
  /// thread may find that the first has taken everything, and goes on waiting.
  ///
  /// The kernel keeps fs.inotify.max_queued_events records; with a `delay` in which more than those
  /// are made, the rest is lost and the last record is ``InotifyMask/queueOverflow``. The C functions
  /// are `poll`, `ioctl` with FIONREAD and `read`; throws ENOMEM.
  public func read(
    timeout: Duration? = nil, delay: Duration = .zero
  ) throws(Errno) -> [Event] {
    let clock = ContinuousClock()
    let deadline = timeout.map { clock.now + $0 }
    while try waitForRecord(until: deadline) {
      if delay > .zero { _ = Self.wait(for: -1, until: clock.now + delay) }
      let events = try takeWaiting()
      if !events.isEmpty { return events }
    }
    return []
  }

  /// The records in `bytes`, which must be what one or more reads of an inotify descriptor returned,
  /// whole: a record cut short ends the list. Pure: no system call.
  public static func events(in bytes: UnsafeRawBufferPointer) -> [Event] {
    InotifyEvents(bytes).map { record in
      Event(
        watch: record.watch, mask: record.mask, cookie: record.cookie,
        name: component(bytes[record.name]))
    }
  }

  /// The records in `bytes`; see the overload for raw memory.
  public static func events(in bytes: [UInt8]) -> [Event] {
    bytes.withUnsafeBytes { events(in: $0) }
  }

  /// Nil for an empty name; the kernel hands out no other that is not one component.
  private static func component(_ name: Slice<UnsafeRawBufferPointer>) -> FilePath.Component? {
    withUnsafeTemporaryAllocation(of: CInterop.PlatformChar.self, capacity: name.count + 1) {
      for (index, byte) in name.enumerated() {
        $0[index] = CInterop.PlatformChar(bitPattern: byte)
      }
      $0[name.count] = 0
      return FilePath.Component(platformString: $0.baseAddress!)
    }
  }

  /// False when the time was up.
  private func waitForRecord(until deadline: ContinuousClock.Instant?) throws(Errno) -> Bool {
    let ready = Self.wait(for: descriptor.rawValue, until: deadline)
    guard ready >= 0 else { throw Errno(rawValue: errno) }
    return ready > 0
  }

  /// What `poll` returns, signals passed over. A `descriptor` of -1 only waits.
  private static func wait(
    for descriptor: Int32, until deadline: ContinuousClock.Instant?
  ) -> Int32 {
    var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while true {
      var milliseconds: Int32 = -1
      if let deadline {
        let (seconds, attoseconds) = (deadline - ContinuousClock.now).components
        let rest = max(0, seconds.multipliedReportingOverflow(by: 1_000).partialValue)
        // Rounded up: waking early would only turn the rest into a busy loop.
        let fraction = attoseconds <= 0 ? 0 : (attoseconds - 1) / 1_000_000_000_000_000 + 1
        milliseconds = Int32(clamping: rest + fraction)
      }
      let ready = poll(&polled, 1, milliseconds)
      let isOver = deadline.map { ContinuousClock.now >= $0 } ?? false
      if ready != 0 && !(ready < 0 && errno == EINTR) || isOver { return max(ready, -1) }
    }
  }

  /// What waits now, in one read: the kernel gives as many whole records as the buffer holds.
  private func takeWaiting() throws(Errno) -> [Event] {
    var waiting: Int32 = 0
    guard tidings_ioctl_int(descriptor.rawValue, UInt(FIONREAD), &waiting) == 0 else {
      throw Errno(rawValue: errno)
    }
    guard waiting > 0 else { return [] }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(waiting), alignment: 8)
    defer { buffer.deallocate() }
    do throws(Errno) {
      let count = try read(into: buffer)
      return Self.events(in: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    } catch .invalidArgument {
      // Another thread took these, and the next one is longer than all of them.
      return []
    }
  }
}
