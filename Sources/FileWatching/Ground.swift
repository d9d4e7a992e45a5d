internal import FileEvents
internal import Syscalls

/// What the watches of one backend share: its marks, how far its records have been applied, the
/// journal's pen, the time of the turn. Confined to its tree thread.
final class Ground {
  /// How long half of a rename waits until it is asked whether the other can still come.
  static let halfPatience: Int64 = 2_000_000
  /// How often, should the directory that it has left not be found: that may wait for this.
  static let halfTries = 5
  /// How long a doubt may wait for the kernel's queue to be empty.
  static let doubtPatience: Int64 = 20_000_000
  /// When to look again for a directory that was not where the records said.
  static let vanishedPatience: Int64 = 20_000_000

  let backend: any Backend
  /// The backend's, at hand: asked of every record.
  let kind: BackendKind
  /// What its kernel's queue has told; nil where no records come.
  let backlog: RecordBacklog?
  let journal: JournalWriter
  /// Of a scanner's thread: shown a sign of life before each look at the disk.
  let link: ScannerLink?
  var marks = Marks()
  /// The turn's time.
  var moment = Moment(now: 0, time: 0)
  /// Every record that is still to be applied was made after this, on the monotonic clock: what was
  /// seen on the disk later than this may be ahead of the records. It grows only where the kernel's
  /// queue was seen empty and all that was in it has been applied: there a new stretch begins.
  var since: Int64 = 0 {
    didSet {
      guard since > oldValue else { return }
      if !backend.isInOrder { lastOutOfOrder = stretch }
      stretch += 1
      backend.beginStretch()
    }
  }
  /// Which stretch of the queue the records belong to.
  private(set) var stretch: UInt64 = 1
  /// The latest one before whose records were not known to be in order.
  private var lastOutOfOrder: UInt64 = 0
  /// Whether every record made before this turn has been applied.
  var isDrained = false

  var now: Int64 { moment.now }

  /// Whether all records since the beginning of a stretch are known to be in order.
  func isInOrder(since stretch: UInt64) -> Bool { lastOutOfOrder < stretch && backend.isInOrder }

  init(backend: any Backend, journal: JournalWriter, link: ScannerLink? = nil) {
    self.backend = backend
    kind = backend.kind
    backlog = backend.queue.map(RecordBacklog.init)
    self.journal = journal
    self.link = link
  }

  /// The disk is about to be looked at. Costs nothing where nobody waits for signs of life.
  func willLook() { link?.beat(Clock.monotonic()) }
}
