internal import FileEvents
public import SystemPackage

/// One thing that happened to one path below the root of a ``FileWatcher``, or the word that what
/// stands below a path must be looked at again.
public struct FileChange: Sendable, Hashable {
  /// What happened.
  public enum Kind: Sendable, Hashable, CaseIterable {
    /// Something came to be at ``FileChange/path``. Of a directory that came with content, its
    /// entries follow, parents first.
    case create
    /// The content of a file changed, or (``FileChange/isReplaced``) another file stands there now.
    case modify
    /// Mode, owner, times, extended attributes or the number of links changed.
    case attrib
    /// Nothing stands at ``FileChange/path`` any more. Of a directory: nor at any path below it.
    case delete
    /// What stood at ``FileChange/from`` stands at ``FileChange/path`` now, with all that is below it.
    case move
    /// A file or directory was opened. Told where ``FileWatcher/Options/kinds`` names it.
    case open
    /// A file was read. Told where ``FileWatcher/Options/kinds`` names it.
    case access
    /// A file or directory was closed. Told where ``FileWatcher/Options/kinds`` names it.
    case close
    /// What stands at and below ``FileChange/path`` cannot be told in changes alone: look at it again.
    /// Comes whatever ``FileWatcher/Options/kinds`` says; ``FileChange/resetReason`` says why.
    case reset

    /// Everything that alters the tree.
    public static let standard: Set<Kind> = [.create, .modify, .attrib, .delete, .move]
  }

  /// What stands, or stood, at a path.
  public enum FileType: Sendable, Hashable {
    /// A regular file.
    case file
    /// A directory.
    case directory
    /// A symbolic link itself.
    case symlink
    /// A device, socket or named pipe.
    case other
  }

  /// Why something must be looked at again.
  public enum ResetReason: Sendable, Hashable {
    /// Whoever reads the changes fell behind by more than ``FileWatcher/Options/backlog``.
    case lagged
    /// The kernel lost records that could not be made up for by comparing the disk.
    case kernelOverflow
    /// A directory cannot be read, and ``FileChange/error`` says why; or the kernel has no watch for
    /// it, something in it has changed, and there is no index to find out what.
    case unwatchable
    /// A directory was moved in, and nothing is known of what it brought.
    case movedIn
    /// The root is back, or another one: it was deleted, moved or unmounted meanwhile.
    case rootReturned
  }

  /// What happened.
  public let kind: Kind
  /// The watched directory or file, as it was named.
  public let root: FilePath
  /// Where it happened, relative to the root: exact bytes, empty for the root itself.
  public let relativePath: FilePath
  /// What stands, or stood, there; nil when it can no longer be known.
  public let type: FileType?
  /// Nanoseconds since 1970 (UTC): when the kernel's record was read.
  public let timeNanoseconds: Int64
  /// Kernel records merged into this change.
  public let count: Int
  /// Who did it; nil where the kernel does not say.
  public let processID: Int32?
  /// Of a reset: why.
  public let resetReason: ResetReason?
  /// Of a reset with the reason ``ResetReason/unwatchable``: what went wrong.
  public let error: FileWatcherError?

  private let relativeFrom: FilePath?
  private let flags: ChangeFlags
  private let indexedSize: UInt64
  private let indexedTime: Int64

  /// Where it happened: the root as it was named, and what follows.
  public var path: FilePath { root.below(relativePath) }
  /// On ``Kind/move``: where it was before.
  public var from: FilePath? { relativeFrom.map(root.below) }
  /// The writer has closed the file: it is whole.
  public var isClosed: Bool { flags.contains(.closed) }
  /// Another object stands at ``path`` than before.
  public var isReplaced: Bool { flags.contains(.replaced) }
  /// On ``Kind/move``: two names swapped; what was at ``path`` is at ``from`` now.
  public var isExchange: Bool { flags.contains(.exchange) }
  /// On ``Kind/delete`` and ``Kind/create``: moved out of, or into, what is watched.
  public var isMoved: Bool { flags.contains(.moved) }
  /// On ``Kind/close``: it had been open for writing.
  public var wasWritten: Bool { flags.contains(.written) }
  /// Found by comparing the disk, after records were lost or where none exist.
  public var isFromRescan: Bool { flags.contains(.rescan) }
  /// Bytes, where files are indexed (``FileWatcher/Options/index``).
  public var size: UInt64? { flags.contains(.indexed) ? indexedSize : nil }
  /// Nanoseconds since 1970 (UTC) of the last modification, where files are indexed.
  public var mtimeNanoseconds: Int64? { flags.contains(.indexed) ? indexedTime : nil }

  /// Nil for a record that is about a watch.
  init?(_ record: JournalRecord, in batch: ChangeBatch, root: FilePath) {
    switch record.subject {
    case .watch: return nil
    case .change:
      kind = Kind(record.kind)
      resetReason = nil
    case .reset:
      kind = .reset
      resetReason = ResetReason(record.reason)
    }
    self.root = root
    relativePath = FilePath(bytes: Array(batch.path(of: record)))
    relativeFrom = record.kind == .move ? FilePath(bytes: Array(batch.from(of: record))) : nil
    type = FileType(record.type)
    flags = record.flags
    timeNanoseconds = record.time
    count = Int(record.count)
    processID = record.process > 0 ? record.process : nil
    indexedSize = record.size
    indexedTime = record.mtime
    error = nil
  }

  /// A reset that no record of the journal says.
  init(
    reset reason: ResetReason, root: FilePath, relativePath: FilePath, timeNanoseconds: Int64,
    error: FileWatcherError? = nil
  ) {
    kind = .reset
    resetReason = reason
    self.root = root
    self.relativePath = relativePath
    self.timeNanoseconds = timeNanoseconds
    self.error = error
    type = nil
    relativeFrom = nil
    flags = []
    count = 1
    processID = nil
    indexedSize = 0
    indexedTime = 0
  }
}

extension FileChange: CustomStringConvertible {
  /// `modify src/a.c`, `move a -> b`, `reset src (lagged)`.
  public var description: String {
    let from = from.map { "\($0) \(isExchange ? "<->" : "->") " } ?? ""
    let reason = resetReason.map { " (\($0))" } ?? ""
    return "\(kind) \(from)\(path)\(reason)"
  }
}

extension FileChange.Kind {
  init(_ kind: ChangeKind) {
    self =
      switch kind {
      case .create: .create
      case .modify: .modify
      case .attrib: .attrib
      case .delete: .delete
      case .move: .move
      case .open: .open
      case .access: .access
      case .close: .close
      }
  }

  /// What to ask a watch for; nothing for a reset, which comes unasked.
  var asked: ChangeKinds {
    switch self {
    case .create: .create
    case .modify: .modify
    case .attrib: .attrib
    case .delete: .delete
    case .move: .move
    case .open: .open
    case .access: .access
    case .close: .close
    case .reset: []
    }
  }
}

extension FileChange.FileType {
  init?(_ type: FileEvents.FileType) {
    switch type {
    case .unknown: return nil
    case .file: self = .file
    case .directory: self = .directory
    case .symlink: self = .symlink
    case .other: self = .other
    }
  }
}

extension FileChange.ResetReason {
  init(_ reason: FileEvents.ResetReason) {
    self =
      switch reason {
      case .lagged, .history, .epoch, .future: .lagged
      // Nobody can ask for a rescan by this library: only lost records lead to one.
      case .kernelOverflow, .rescan: .kernelOverflow
      case .unwatchable: .unwatchable
      case .movedIn: .movedIn
      case .watchStarted, .rootMoved, .unmounted: .rootReturned
      }
  }
}

extension FilePath {
  /// This path and `relative` below it.
  fileprivate func below(_ relative: FilePath) -> FilePath {
    relative.isEmpty ? self : appending(relative.components)
  }
}
