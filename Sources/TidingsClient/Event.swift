public import Foundation

/// One thing a server tells (the wire contract, section 4), or that happened to the
/// connection. Names and fields this version does not know are passed over.
public enum Event: Sendable, Hashable {
  /// First on every connection.
  case hello(Hello)
  /// Something happened to a path.
  case change(Change)
  /// Something exists; only with ``Subscription/initial``.
  case entry(Entry)
  /// The listing or the replay has ended; from here on events come as they happen.
  case synced(Cursor?)
  /// Nothing happened, and the place to resume from has moved.
  case bookmark(Cursor?)
  /// From here on the state of `scope` cannot be rebuilt from changes alone: read it again. The
  /// stream goes on.
  case reset(Reset)
  /// A watch was added, removed or changed its state.
  case watch(WatchNews)
  /// The server is about to close; the client reconnects by itself.
  case bye(Bye)
  /// There is no connection, and the next attempt follows after `retryIn`. Told once when a
  /// connection is lost and again when the reason becomes another; `hello` ends it. What the server
  /// sends next begins where this stream stopped, or with a `reset` that says what was missed. A
  /// listing that was cut off begins again.
  case interrupted(ClientError, retryIn: Duration)
}

/// A place in the server's journal: everything before it has been told. Opaque; valid as long as
/// the server keeps its journal. To resume in another process, store the one of the last event
/// that was dealt with and give it as ``Start/after(_:)``.
public struct Cursor: Sendable, Hashable, CustomStringConvertible {
  /// The form on the wire.
  public let text: String

  /// Takes the form on the wire; nil when it is empty or holds anything but visible ASCII.
  public init?(_ text: String) {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
    self.text = text
  }

  /// The form on the wire.
  public var description: String { text }
}

/// What a connection begins with.
public struct Hello: Sendable, Hashable {
  /// Where the stream starts from; nil while a listing runs.
  public var cursor: Cursor?
  /// The life of the server's journal.
  public var epoch: String?
  /// The oldest place one can still resume from.
  public var oldest: Cursor?
  /// Whether nothing was missed since the cursor that was asked for.
  public var resumed: Bool
  /// The longest silence the server keeps; three times that, and the connection counts as dead.
  public var heartbeat: Duration?
  /// Name and version of the server.
  public var server: String?
}

/// What stands at a path.
public enum FileType: String, Sendable, Hashable {
  /// A regular file.
  case file
  /// A directory.
  case directory
  /// A symbolic link, which is not followed.
  case symlink
  /// A device, pipe or socket, or a type this version does not know.
  case other
}

/// One thing that happened to one path.
public struct Change: Sendable, Hashable {
  /// What happened. Kinds a later server may add are not lost: they come as ``other(_:)``.
  public enum Kind: Sendable, Hashable {
    /// It is there now.
    case create
    /// Its content changed.
    case modify
    /// Its mode, owner, times or other attributes changed.
    case attrib
    /// It is gone; of a directory, with everything below.
    case delete
    /// It was renamed from ``Change/from``; of a directory, with everything below.
    case move
    /// It was opened.
    case open
    /// It was read.
    case access
    /// It was closed; ``Change/isWritten`` says whether it had been open for writing.
    case close
    /// A kind this version does not know, in the server's word.
    case other(String)
  }

  /// The place just after this change; nil unless it is the last of several events made from one.
  public var cursor: Cursor?
  /// The id of the watch it belongs to.
  public var watch: String
  /// What happened.
  public var kind: Kind
  /// Relative to the watch's root, `/`-separated; empty for the root itself. U+FFFD stands for
  /// bytes that are not UTF-8.
  public var path: String
  /// The exact bytes of `path`.
  public var pathBytes: [UInt8]
  /// The old path; only of a move.
  public var from: String?
  /// The exact bytes of `from`.
  public var fromBytes: [UInt8]?
  /// What stands or stood there; nil when it can no longer be known.
  public var type: FileType?
  /// When the server learned of it, in milliseconds.
  public var time: Date?
  /// Of a `create` or `delete`: the other end of a move lies outside what this subscription sees.
  public var isMoved: Bool
  /// Of a `move`: what was at `from` is at `path` now, and the other way round.
  public var isExchange: Bool
  /// Of a `modify` or `move`: another object stands at `path` now.
  public var isReplaced: Bool
  /// Of a `create` or `modify`: the writer has closed the file, it is whole.
  public var isClosed: Bool
  /// Of a `close`: it had been open for writing.
  public var isWritten: Bool
  /// Bytes, where the watch keeps an index.
  public var size: UInt64?
  /// When the content changed, where the watch keeps an index.
  public var mtime: Date?
  /// Records of the system that were merged into this change, at least 1.
  public var count: Int
  /// It was found by comparing the tree, not by an event.
  public var isFromRescan: Bool
  /// The process that did it, where the watch can tell.
  public var pid: Int32?
}

extension Change.Kind: CustomStringConvertible {
  static let known: [(name: String, kind: Change.Kind)] = [
    ("create", .create), ("modify", .modify), ("attrib", .attrib), ("delete", .delete),
    ("move", .move), ("open", .open), ("access", .access), ("close", .close),
  ]

  /// The kind a word of the wire stands for.
  public init(_ name: String) {
    self = Self.known.first { $0.name == name }?.kind ?? .other(name)
  }

  /// The word on the wire.
  public var description: String {
    if case .other(let name) = self { return name }
    return Self.known.first { $0.kind == self }!.name
  }
}

/// Something that exists, told by a listing.
public struct Entry: Sendable, Hashable {
  /// The id of the watch it belongs to.
  public var watch: String
  /// Relative to the watch's root, as ``Change/path``.
  public var path: String
  /// The exact bytes of `path`.
  public var pathBytes: [UInt8]
  /// What stands there.
  public var type: FileType?
  /// Bytes, where known.
  public var size: UInt64?
  /// When the content changed, where known.
  public var mtime: Date?
}

/// Changes were missed, or cannot tell everything; what is below `scope` must be read again.
public struct Reset: Sendable, Hashable {
  /// A subtree of a watch.
  public struct Subtree: Sendable, Hashable {
    /// The id of the watch.
    public var watch: String
    /// Relative to the watch's root; empty for the whole of it.
    public var path: String
    /// The exact bytes of `path`.
    public var pathBytes: [UInt8]
  }

  /// The place the stream goes on from.
  public var cursor: Cursor?
  /// The server's word for why: `lagged`, `history`, `epoch`, `future`, `kernel-overflow`,
  /// `unwatchable`, `moved-in`, `watch-started`, `root-moved`, `unmounted`, `rescan`. What to do is the same.
  public var reason: String
  /// What to read again.
  public var scope: [Subtree]
  /// Up to there nothing was missed; nil when that cannot be said.
  public var lostAfter: Cursor?
  /// The oldest place one can still resume from.
  public var oldest: Cursor?
}

/// A watch was added, removed or changed its state.
public struct WatchNews: Sendable, Hashable {
  /// The place just after it.
  public var cursor: Cursor?
  /// The id of the watch.
  public var watch: String
  /// The server's word: `starting`, `crawling`, `live`, `degraded`, `failed`, `gone`, `removed`, or
  /// `unknown` for a watch that does not exist (yet).
  public var state: String
}

/// The server is about to close.
public struct Bye: Sendable, Hashable {
  /// The last place.
  public var cursor: Cursor?
  /// The server's word for why: `shutdown`, `slow`.
  public var reason: String
  /// When the server wants to see this client again.
  public var reconnectAfter: Duration?
}
