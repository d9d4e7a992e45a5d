internal import FileEvents
internal import Inotify
internal import SystemPackage

/// One record of a backend in the tree's words. Its name is a range of the bytes it came in.
struct BackendRecord {
  enum Action {
    case created, deleted, departed, arrived
    case modified, attributes, closedAfterWriting
    case opened, accessed, closed
    /// The marked directory itself was removed or renamed.
    case selfGone
    /// The mark is no more; nothing further comes of it.
    case forgotten
    /// Records were lost, of any mark.
    case overflow
  }

  var action: Action
  var mark: Int32
  var isDirectory: Bool
  /// The same on both halves of a rename.
  var cookie: UInt32
  /// Empty when the record is about the marked directory itself.
  var name: Range<Int>
}

/// The seam between the tree and the kernel, six verbs: `events` (which to ask for), `arm`, `disarm`,
/// `read` (the reader's thread; the others are the tree thread's), `records` and `explain`. A mark is
/// a small number that stands for one directory object until `forgotten`, and never comes back.
struct InotifyBackend: Sendable {
  let instance: InotifyInstance

  /// Readable when records wait.
  var queue: Int32 { instance.descriptor.rawValue }

  /// Throws `.instanceLimit` on EMFILE.
  init() throws(WatchProblem) {
    do {
      instance = try InotifyInstance()
    } catch {
      throw Limits.instanceProblem(error)
    }
  }

  /// What to ask the kernel for so that `kinds` can be told and, with `index`, files followed.
  static func events(for kinds: ChangeKinds, index: Bool) -> InotifyMask {
    var mask: InotifyMask = [
      .create, .delete, .movedFrom, .movedTo, .onlyDirectory, .excludeUnlinked, .attrib,
    ]
    if index || kinds.contains(ChangeKind.modify) { mask.formUnion([.modify, .closeWrite]) }
    if kinds.contains(ChangeKind.create) { mask.insert(.closeWrite) }
    if kinds.contains(ChangeKind.open) { mask.insert(.open) }
    if kinds.contains(ChangeKind.access) { mask.insert(.access) }
    if kinds.contains(ChangeKind.close) { mask.formUnion([.closeWrite, .closeNoWrite]) }
    return mask
  }

  /// Besides, for the directory a watch stands on.
  static let rootEvents: InotifyMask = [.deleteSelf, .moveSelf]

  /// For the directory that holds the root: the root's own `deleteSelf` does not come while somebody
  /// has it open.
  static let guardEvents: InotifyMask = [.delete, .movedFrom, .onlyDirectory]

  /// For the nearest directory above a root that is gone.
  static let sentinelEvents: InotifyMask = [
    .create, .movedTo, .deleteSelf, .moveSelf, .attrib, .onlyDirectory,
  ]

  /// Marks exactly the opened directory. Adds to what others asked of the same directory, so that
  /// nobody is blinded (inotify(7): adding a watch twice replaces its mask).
  func arm(_ descriptor: Int32, _ events: InotifyMask) throws(Errno) -> Int32 {
    try instance.addWatch(
      opened: FileDescriptor(rawValue: descriptor), events.union(.addToMask)
    ).rawValue
  }

  /// Ends a mark; records on their way still come until `forgotten`.
  func disarm(_ mark: Int32) { instance.removeWatch(WatchDescriptor(rawValue: mark)) }

  /// Waiting records, or 0 bytes. Throws what read(2) throws.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    try instance.read(into: buffer)
  }

  /// Hands `body` each record in what `read` gave.
  func records(in bytes: UnsafeRawBufferPointer, _ body: (BackendRecord) -> Void) {
    var events = InotifyEvents(bytes)
    while let event = events.next() {
      let mask = event.mask
      let action: BackendRecord.Action
      if mask.contains(.modify) {
        action = .modified
      } else if mask.contains(.closeWrite) {
        action = .closedAfterWriting
      } else if mask.contains(.create) {
        action = .created
      } else if mask.contains(.delete) {
        action = .deleted
      } else if mask.contains(.movedFrom) {
        action = .departed
      } else if mask.contains(.movedTo) {
        action = .arrived
      } else if mask.contains(.attrib) {
        action = .attributes
      } else if mask.contains(.ignored) {
        action = .forgotten
      } else if mask.contains(.open) {
        action = .opened
      } else if mask.contains(.access) {
        action = .accessed
      } else if mask.contains(.closeNoWrite) {
        action = .closed
      } else if mask.contains(.queueOverflow) {
        action = .overflow
      } else {
        action = .selfGone
      }
      body(
        BackendRecord(
          action: action, mark: event.watch.rawValue, isDirectory: mask.contains(.isDirectory),
          cookie: event.cookie, name: event.name))
    }
  }

  /// What a failure of `arm` means, with the numbers of this machine.
  func explain(_ error: Errno, marksInUse: Int, path: [UInt8]) -> WatchProblem {
    Limits.watchProblem(error, marksInUse: marksInUse, path: path)
  }
}
