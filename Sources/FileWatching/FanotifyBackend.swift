internal import FileEvents
internal import Syscalls
internal import SystemPackage

/// fanotify(7): a rename is one record with both ends, and a move out is known at once. Records name
/// directories by handle; a mark is a number of our own for one. Records merge into earlier ones,
/// equal renames too; whether they still are in order is `RecordOrder`'s to say. Confined to the tree
/// thread.
///
/// With directories marked no privilege is needed. With whole filesystems marked, one mark for each,
/// records of every directory come, and say who did it; those without a number are passed over.
///
/// The kernel ends a mark only by an open descriptor of its directory, and where a directory has gone
/// nobody can say: that mark lives on, its records find no number, until the directory is deleted or
/// nothing is watched any more.
final class FanotifyBackend: Backend {
  private let group: FanotifyGroup
  private let scope: FanotifyProbe.Scope
  /// What is asked of each marked filesystem, by its id.
  private var filesystems: [UInt64: FanotifyMask] = [:]
  private var numbers: [ObjectHandle: Int32] = [:]
  private var handles: [Int32: ObjectHandle] = [:]
  private var lastNumber: Int32 = -1
  private var lastCookie: UInt32 = 0
  /// The directory of the record before: most often that of the next.
  private var recent: (handle: ObjectHandle, mark: Int32?)?
  private var order = RecordOrder()

  let kind: BackendKind

  var queue: RecordQueue? {
    RecordQueue(
      kind: kind, descriptor: group.descriptor, longestRecord: FanotifyEvents.longest
    ) { [group] buffer throws(Errno) in try group.read(into: buffer) }
  }

  /// Throws `.instanceLimit` on EMFILE, `.unsupported` where the kernel refuses.
  init(_ scope: FanotifyProbe.Scope) throws(WatchProblem) {
    self.scope = scope
    kind = Self.kind(scope)
    do {
      group = try FanotifyGroup()
    } catch {
      throw Limits.groupProblem(kind, error)
    }
  }

  static func kind(_ scope: FanotifyProbe.Scope) -> BackendKind {
    switch scope {
    case .directory: .fanotify
    case .filesystem: .fanotifyFilesystem
    }
  }

  /// Throws `.unsupported` when the filesystem of `directory`, open for listing or as a place, has
  /// no file handles, or the kernel no records of renames; `.instanceLimit` on EMFILE.
  static func probe(_ directory: Int32, _ scope: FanotifyProbe.Scope) throws(WatchProblem) {
    do {
      try FanotifyProbe.run(on: directory, scope)
    } catch {
      switch error.error {
      // What may not be read or does not fit is said of the directory, whatever the backend.
      case .permissionDenied, .noSpace: return
      case .tooManyOpenFiles: throw Limits.groupProblem(kind(scope), error.error)
      default: throw Limits.refusal(kind(scope), error.call, error.error)
      }
    }
  }

  private static func mask(_ purpose: MarkPurpose) -> FanotifyMask {
    switch purpose {
    case .guardian: return [.delete, .rename, .onDirectory]
    case .passage: return [.moveSelf, .onDirectory]
    case .sentinel:
      return [.create, .rename, .deleteSelf, .moveSelf, .attrib, .onDirectory]
    case .entries(let events, let isRoot):
      var mask: FanotifyMask = [.create, .delete, .rename, .attrib, .onDirectory, .onChildren]
      if events.contains(.modified) { mask.insert(.modify) }
      if events.contains(.closedAfterWriting) { mask.insert(.closeWrite) }
      if events.contains(.opened) { mask.insert(.open) }
      if events.contains(.accessed) { mask.insert(.access) }
      if events.contains(.closed) { mask.insert(.closeNoWrite) }
      if isRoot { mask.formUnion([.deleteSelf, .moveSelf]) }
      return mask
    }
  }

  func arm(_ descriptor: Int32, _ purpose: MarkPurpose) throws(Errno) -> Int32 {
    let handle = try ObjectHandle.of(descriptor)
    switch scope {
    case .directory: try group.mark(descriptor, Self.mask(purpose))
    case .filesystem: try markFilesystem(of: descriptor, handle.filesystem, Self.mask(purpose))
    }
    if let known = numbers[handle] { return known }
    lastNumber += 1
    numbers[handle] = lastNumber
    handles[lastNumber] = handle
    recent = nil
    return lastNumber
  }

  private func markFilesystem(
    of place: Int32, _ id: UInt64, _ mask: FanotifyMask
  ) throws(Errno) {
    let marked = filesystems[id] ?? []
    // Records of directories themselves tell of ends that the ones above need not be asked for.
    let wanted = marked.union(mask).subtracting(.onChildren)
    guard wanted != marked else { return }
    try group.markFilesystem(of: place, wanted)
    filesystems[id] = wanted
  }

  /// One that was unmounted and is mounted again has lost its mark, and is marked with the next of
  /// its directories that is armed.
  func mountsChanged() { filesystems.removeAll() }

  func beginStretch() { order.beginStretch() }

  var isInOrder: Bool { order.isProven }

  func disarm(_ mark: Int32, _ directory: () -> OpenFile?) {
    guard let handle = handles.removeValue(forKey: mark) else { return }
    numbers[handle] = nil
    recent = nil
    if handles.isEmpty {
      group.unmarkAll()
      group.unmarkAllFilesystems()
      filesystems.removeAll()
    } else if scope == .directory, let open = directory(),
      (try? ObjectHandle.of(open.descriptor)) == handle
    {
      group.unmark(open.descriptor)
    }
  }

  func records(in bytes: UnsafeRawBufferPointer, _ body: (BackendRecord) -> Void) {
    var events = FanotifyEvents(bytes)
    while let event = events.next() {
      if event.mask.contains(.queueOverflow) {
        body(BackendRecord(action: .overflow))
      } else if event.mask.contains(.rename) {
        renamed(event, bytes, body)
      } else if let entry = event.entry {
        guard let mark = mark(of: entry, bytes) else {
          if entry.name.isEmpty, event.mask.contains(.attrib) {
            body(BackendRecord(action: .unmarkedAttributes))
          }
          continue
        }
        var mask = event.mask
        // Whether it was written to before it was deleted or, still open, after: nobody can say, and
        // nobody needs to know.
        if mask.contains(.delete), !mask.contains(.create) {
          mask.subtract(Self.content)
        }
        var record = BackendRecord(
          action: .created, mark: mark, isDirectory: mask.contains(.onDirectory),
          process: event.process, name: entry.name)
        record.isRemade = isRemade(mask, mark, bytes[entry.name])
        for (bit, action) in Self.actions where mask.contains(bit) {
          record.action = action
          body(record)
        }
      }
    }
  }

  private static let content: FanotifyMask = [.modify, .attrib, .closeWrite]

  /// What one record may tell at once, in the order in which it mostly happens.
  private static let actions: [(FanotifyMask, BackendRecord.Action)] = [
    (.create, .created), (.open, .opened), (.access, .accessed), (.modify, .modified),
    (.attrib, .attributes), (.closeWrite, .closedAfterWriting), (.closeNoWrite, .closed),
    (.delete, .deleted), (.deleteSelf, .selfGone), (.moveSelf, .selfGone),
  ]

  /// Keeps account of a name that was made or left. Directories cannot be linked.
  private func isRemade(
    _ mask: FanotifyMask, _ mark: Int32, _ name: Slice<UnsafeRawBufferPointer>
  ) -> Bool {
    let name = RecordOrder.Name(mark: mark, bytes: UnsafeRawBufferPointer(rebasing: name))
    if mask.contains(.create), !mask.contains(.onDirectory) { order.made(name) }
    return mask.contains(.delete) && order.deleted(name)
  }

  /// Both ends as two halves with a cookie; one end as a half that has no other.
  private func renamed(
    _ event: FanotifyEvent, _ bytes: UnsafeRawBufferPointer, _ body: (BackendRecord) -> Void
  ) {
    let from = event.from.flatMap { entry in mark(of: entry, bytes).map { ($0, entry.name) } }
    let to = event.to.flatMap { entry in mark(of: entry, bytes).map { ($0, entry.name) } }
    var cookie: UInt32 = 0
    if from != nil, to != nil {
      lastCookie = lastCookie == .max ? 1 : lastCookie + 1
      cookie = lastCookie
    }
    var record = BackendRecord(
      action: .departed, isDirectory: event.mask.contains(.onDirectory), cookie: cookie,
      process: event.process)
    func named(_ end: (Int32, Range<Int>)) -> RecordOrder.Name {
      RecordOrder.Name(mark: end.0, bytes: UnsafeRawBufferPointer(rebasing: bytes[end.1]))
    }
    let isRemade = order.moved(from: from.map(named), to: to.map(named))
    if let from {
      record.isRemade = isRemade && !record.isDirectory
      (record.mark, record.name) = from
      body(record)
    }
    if let to {
      record.action = .arrived
      record.isRemade = false
      (record.mark, record.name) = to
      body(record)
    }
  }

  /// Nil for a directory that was disarmed.
  private func mark(of entry: FanotifyEvent.Entry, _ bytes: UnsafeRawBufferPointer) -> Int32? {
    let handle = ObjectHandle(record: UnsafeRawBufferPointer(rebasing: bytes[entry.directory]))
    if let recent, recent.handle == handle { return recent.mark }
    let mark = numbers[handle]
    recent = (handle, mark)
    return mark
  }

  func explain(_ error: Errno, marksInUse: Int, path: [UInt8]) -> WatchProblem {
    Limits.markProblem(error, marksInUse: marksInUse, path: path)
  }
}
