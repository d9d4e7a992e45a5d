internal import FileEvents

/// A name in a directory, kept apart from the tree: where something was, or came to. It outlives the
/// directory, whose slot may have gone to another node meanwhile: `life` tells.
struct Place: Hashable {
  var directory: NodeID
  /// Of the directory.
  var life: UInt32
  var name: [UInt8]
}

/// What happened to an entry's content.
struct ContentChange: OptionSet {
  let rawValue: UInt8
  static let modified = ContentChange(rawValue: 1 << 0)
  static let attributes = ContentChange(rawValue: 1 << 1)
  static let closed = ContentChange(rawValue: 1 << 2)
}

/// What clients have not been told of one node. It says that there is something to tell and since
/// when; what it is follows from where the node stands now and where clients believe it (`Beliefs`).
struct PendingChange {
  var content: ContentChange = []
  var flags: ChangeFlags = []
  /// Records merged into this.
  var count: UInt32 = 0
  /// When its first and its latest record came, in nanoseconds of the monotonic clock.
  var first: Int64
  var last: Int64
  /// When its latest record was read, in nanoseconds since 1970.
  var time: Int64
  /// Who did what its latest record tells; 0 where nobody says.
  var process: Int32 = 0
  /// Whether the node came, went or moved: such changes leave in order.
  var isPlacement = false
  /// Unique to this change: a note of another turn about its node is stale.
  var turn: UInt64
}

/// An `open`, `access` or `close`: told as it is.
struct Note {
  var kind: ChangeKind
  var type: FileType
  var flags: ChangeFlags
  var place: Place
  var first: Int64
  var time: Int64
  var process: Int32
}

/// When a record came, on the clock that measures settling and on the wall, and of whom.
struct Moment {
  /// Nanoseconds, monotonic.
  var now: Int64
  /// Nanoseconds since 1970 (UTC).
  var time: Int64
  /// Who did what the record tells; 0 where the backend does not say, and between records.
  var process: Int32 = 0
}
