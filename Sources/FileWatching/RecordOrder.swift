/// Whether the records of one stretch of a fanotify queue stand in the order in which things happened.
/// A plain value, the backend's.
///
/// A record stands where the first of the events that it tells happened: a later one is merged into
/// it if it is the same event of the same object under the same names, whatever came between. But for
/// a thing to leave a name again, or to come to it again, it must have come back to a name that it had
/// left. The first time that it does so the step is one it had not made before, so that its record is
/// no older one: it stands where it belongs, behind that of the leaving. Where nothing comes, behind a
/// record of leaving, to the name that was left, every record is in its place.
///
/// There is one other way back to a name: a hard link at a name under which the same object was made in
/// this stretch is merged into that making. So by the records nothing stands at such a name once it is
/// left, nor at those to which what was made went on: but that is to be asked of the disk.
///
/// A stretch ends where the queue was seen empty: what comes then is merged into nothing that was read.
struct RecordOrder {
  /// A name in a marked directory.
  struct Name {
    let mark: Int32
    let bytes: UnsafeRawBufferPointer

    /// Two names that share one cost a look at the disk.
    fileprivate var key: UInt32 { Tree.hash(UInt32(bitPattern: mark), bytes) >> 1 }
  }

  private var left = NumberTable<Bool>()
  private var made = NumberTable<Bool>()
  /// All that no mark tells of is one name.
  private var hasLeftOutside = false
  private(set) var isProven = true

  /// The queue was seen empty.
  mutating func beginStretch() { self = RecordOrder() }

  mutating func made(_ name: Name) {
    let key = name.key
    if left.contains(key) { isProven = false }
    made[key] = true
  }

  /// Returns whether to ask the disk whether something stands there.
  mutating func deleted(_ name: Name) -> Bool {
    let key = name.key
    left[key] = true
    return made.contains(key)
  }

  /// Of a name that no mark tells of comes nil. Returns whether to ask the disk whether something stands
  /// at the name that was left.
  mutating func moved(from: Name?, to: Name?) -> Bool {
    guard from != nil || to != nil else { return false }
    let start = from?.key
    let wasMade = start.map(made.contains) ?? true
    if let start { left[start] = true } else { hasLeftOutside = true }
    guard let end = to?.key else {
      if hasLeftOutside { isProven = false }
      return wasMade
    }
    if left.contains(end) { isProven = false }
    if wasMade { made[end] = true }
    return wasMade
  }
}
