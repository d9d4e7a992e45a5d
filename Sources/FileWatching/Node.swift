internal import FileEvents
internal import Syscalls

/// Index of a node in its tree. 0 is no node.
package typealias NodeID = UInt32

/// One directory, or one file of a watch that indexes files: 88 bytes, its name apart.
struct Node {
  static let none: NodeID = 0
  static let root: NodeID = 1

  /// `none` for the root, and while one half of a rename is waited for.
  var parent: NodeID = Node.none
  var firstChild: NodeID = Node.none
  var nextSibling: NodeID = Node.none
  var previousSibling: NodeID = Node.none
  var nameStart: UInt32 = 0
  var hash: UInt32 = 0
  /// Counts the lives of this slot, so that a note about a node can tell that it was another.
  var life: UInt32 = 0
  /// The scan of its directory that last saw it.
  var stamp: UInt32 = 0
  /// The kernel watch of a directory; -1 for none.
  var mark: Int32 = -1
  var nameLength: UInt8 = 0
  var type = FileType.unknown
  var flags: NodeFlags = []
  var mode: UInt32 = 0
  /// What the object was when last looked at. Identity is inode and birth: ext4 gives a deleted
  /// file's number to the next create, never with the same birth time, save within one clock tick.
  /// There a type apart tells them apart, else the records do; a directory also loses its mark.
  var inode: UInt64 = 0
  var birth: Int64 = 0
  var size: UInt64 = 0
  var mtime: Int64 = 0
  var ctime: Int64 = 0

  var isDirectory: Bool { type == .directory }
  /// Whether its status is known: somebody has looked at it.
  var isKnown: Bool { inode != 0 }

  func isSameObject(as status: FileStatus) -> Bool {
    inode == status.inode && birth == status.birthTime
      && (type == .unknown || type == FileType(status.kind))
  }

  /// Whether its content cannot be what it was when last looked at, or when last told.
  func isModified(in status: FileStatus) -> Bool {
    type != .directory
      && (flags.contains(.unsaid) || !isKnown || size != status.size || mtime != status.mtime)
  }

  /// Whether it is the object last looked at, and nothing about it has changed since.
  func isUnchanged(in status: FileStatus) -> Bool {
    isSameObject(as: status) && !isModified(in: status) && mode == status.mode
      && (type == .directory || ctime == status.ctime)
  }

  mutating func note(_ status: FileStatus) {
    mode = status.mode
    inode = status.inode
    birth = status.birthTime
    size = status.size
    mtime = status.mtime
    ctime = status.ctime
  }
}

struct NodeFlags: OptionSet {
  let rawValue: UInt16

  /// A directory that could not be opened or watched; the problem is in the watch's list.
  static let unwatched = NodeFlags(rawValue: 1 << 0)
  /// The directory waits for its scan.
  static let queued = NodeFlags(rawValue: 1 << 1)
  /// Not part of an index: forgotten once nothing is pending about it.
  static let passing = NodeFlags(rawValue: 1 << 2)
  /// The slot holds no node.
  static let free = NodeFlags(rawValue: 1 << 3)
  /// Clients have not been told that it exists.
  static let untold = NodeFlags(rawValue: 1 << 4)
  /// One half of its rename is waited for.
  static let half = NodeFlags(rawValue: 1 << 5)
  /// It is gone, and clients do not know yet.
  static let ghost = NodeFlags(rawValue: 1 << 6)
  /// Its size or time as last seen was told to nobody.
  static let unsaid = NodeFlags(rawValue: 1 << 7)
  /// Its telling has begun and waits for that of others.
  static let beingTold = NodeFlags(rawValue: 1 << 8)
}

extension FileType {
  init(_ kind: FileStatus.Kind) {
    self =
      switch kind {
      case .file: .file
      case .directory: .directory
      case .symlink: .symlink
      case .other: .other
      }
  }
}
