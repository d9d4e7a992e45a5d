internal import FileEvents
internal import Inotify
internal import Syscalls
internal import SystemPackage

/// inotify(7): a mark is the kernel's watch descriptor, records come in order.
struct InotifyBackend: Backend, Sendable {
  private let instance: InotifyInstance

  var kind: BackendKind { .inotify }

  var queue: RecordQueue? {
    RecordQueue(
      kind: .inotify, descriptor: instance.descriptor.rawValue, longestRecord: 272
    ) { [instance] buffer throws(Errno) in try instance.read(into: buffer) }
  }

  /// Throws `.instanceLimit` on EMFILE.
  init() throws(WatchProblem) {
    do {
      instance = try InotifyInstance()
    } catch {
      throw Limits.instanceProblem(error)
    }
  }

  private static func mask(_ purpose: MarkPurpose) -> InotifyMask {
    switch purpose {
    case .guardian: return [.delete, .movedFrom, .movedTo, .onlyDirectory]
    case .passage: return [.moveSelf, .onlyDirectory]
    case .sentinel:
      return [.create, .movedTo, .deleteSelf, .moveSelf, .attrib, .onlyDirectory]
    case .entries(let events, let isRoot):
      var mask: InotifyMask = [
        .create, .delete, .movedFrom, .movedTo, .onlyDirectory, .excludeUnlinked, .attrib,
      ]
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
    // inotify(7): without IN_MASK_ADD, adding a watch twice replaces its mask.
    try instance.addWatch(
      opened: FileDescriptor(rawValue: descriptor), Self.mask(purpose).union(.addToMask)
    ).rawValue
  }

  func disarm(_ mark: Int32, _ directory: () -> OpenFile?) {
    instance.removeWatch(WatchDescriptor(rawValue: mark))
  }

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

  func explain(_ error: Errno, marksInUse: Int, path: [UInt8]) -> WatchProblem {
    Limits.watchProblem(error, marksInUse: marksInUse, path: path)
  }
}
