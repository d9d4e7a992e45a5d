internal import CLinux

/// What to be told about a watched inode, and what a record tells: the `mask` of inotify(7). Prints
/// as the names of its members.
public struct InotifyMask: OptionSet, Sendable, Hashable, CustomStringConvertible {
  /// The bits of inotify(7).
  public let rawValue: UInt32

  /// A mask of these bits, known or not.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// IN_ACCESS: a file was read.
  public static let access = InotifyMask(rawValue: UInt32(IN_ACCESS))
  /// IN_MODIFY: a file was written or truncated.
  public static let modify = InotifyMask(rawValue: UInt32(IN_MODIFY))
  /// IN_ATTRIB: mode, owner, times, extended attributes or link count changed.
  public static let attrib = InotifyMask(rawValue: UInt32(IN_ATTRIB))
  /// IN_CLOSE_WRITE: a file that was open for writing was closed.
  public static let closeWrite = InotifyMask(rawValue: UInt32(IN_CLOSE_WRITE))
  /// IN_CLOSE_NOWRITE: a file or directory that was not open for writing was closed.
  public static let closeNoWrite = InotifyMask(rawValue: UInt32(IN_CLOSE_NOWRITE))
  /// IN_OPEN: a file or directory was opened.
  public static let open = InotifyMask(rawValue: UInt32(IN_OPEN))
  /// IN_MOVED_FROM: an entry left the watched directory by a rename.
  public static let movedFrom = InotifyMask(rawValue: UInt32(IN_MOVED_FROM))
  /// IN_MOVED_TO: an entry came into the watched directory by a rename.
  public static let movedTo = InotifyMask(rawValue: UInt32(IN_MOVED_TO))
  /// IN_CREATE: an entry was made in the watched directory.
  public static let create = InotifyMask(rawValue: UInt32(IN_CREATE))
  /// IN_DELETE: an entry of the watched directory was removed.
  public static let delete = InotifyMask(rawValue: UInt32(IN_DELETE))
  /// IN_DELETE_SELF: the watched inode itself was removed.
  public static let deleteSelf = InotifyMask(rawValue: UInt32(IN_DELETE_SELF))
  /// IN_MOVE_SELF: the watched inode itself was renamed.
  public static let moveSelf = InotifyMask(rawValue: UInt32(IN_MOVE_SELF))

  /// IN_UNMOUNT, in records only: the filesystem was unmounted.
  public static let unmount = InotifyMask(rawValue: UInt32(IN_UNMOUNT))
  /// IN_Q_OVERFLOW, in records only: the kernel's queue was full and records were lost.
  public static let queueOverflow = InotifyMask(rawValue: UInt32(IN_Q_OVERFLOW))
  /// IN_IGNORED, in records only: the watch is gone; its descriptor says nothing more.
  public static let ignored = InotifyMask(rawValue: UInt32(IN_IGNORED))
  /// IN_ISDIR, in records only: the subject is a directory.
  public static let isDirectory = InotifyMask(rawValue: UInt32(IN_ISDIR))

  /// IN_ONLYDIR: refuse anything but a directory (ENOTDIR).
  public static let onlyDirectory = InotifyMask(rawValue: UInt32(IN_ONLYDIR))
  /// IN_DONT_FOLLOW: watch a symbolic link itself.
  public static let doNotFollow = InotifyMask(rawValue: UInt32(IN_DONT_FOLLOW))
  /// IN_EXCL_UNLINK: nothing more about entries once they are unlinked.
  public static let excludeUnlinked = InotifyMask(rawValue: UInt32(IN_EXCL_UNLINK))
  /// IN_MASK_CREATE: refuse an inode that is watched already (EEXIST). Linux 4.18.
  public static let mustBeNew = InotifyMask(rawValue: UInt32(IN_MASK_CREATE))
  /// IN_MASK_ADD: add to the mask of an inode that is watched already, instead of replacing it.
  public static let addToMask = InotifyMask(rawValue: UInt32(IN_MASK_ADD))
  /// IN_ONESHOT: forget the watch after its first record.
  public static let oneShot = InotifyMask(rawValue: 0x8000_0000)

  /// IN_MOVE: an entry left or came by a rename.
  public static let move: InotifyMask = [.movedFrom, .movedTo]
  /// IN_CLOSE: a file or directory was closed, however it had been open.
  public static let close: InotifyMask = [.closeWrite, .closeNoWrite]
  /// IN_ALL_EVENTS: everything that can happen to a watched inode and its entries.
  public static let allEvents = InotifyMask(rawValue: 0xFFF)

  private static let names: [(InotifyMask, String)] = [
    (.access, "access"), (.modify, "modify"), (.attrib, "attrib"), (.closeWrite, "closeWrite"),
    (.closeNoWrite, "closeNoWrite"), (.open, "open"), (.movedFrom, "movedFrom"),
    (.movedTo, "movedTo"), (.create, "create"), (.delete, "delete"), (.deleteSelf, "deleteSelf"),
    (.moveSelf, "moveSelf"), (.unmount, "unmount"), (.queueOverflow, "queueOverflow"),
    (.ignored, "ignored"), (.isDirectory, "isDirectory"), (.onlyDirectory, "onlyDirectory"),
    (.doNotFollow, "doNotFollow"), (.excludeUnlinked, "excludeUnlinked"),
    (.mustBeNew, "mustBeNew"), (.addToMask, "addToMask"), (.oneShot, "oneShot"),
  ]

  /// The members' names with `|` between them; bits without a name in hexadecimal.
  public var description: String {
    var rest = self
    var words: [String] = []
    for (member, name) in Self.names where contains(member) {
      words.append(name)
      rest.remove(member)
    }
    if rest.rawValue != 0 { words.append("0x" + String(rest.rawValue, radix: 16)) }
    return words.isEmpty ? "none" : words.joined(separator: "|")
  }
}
