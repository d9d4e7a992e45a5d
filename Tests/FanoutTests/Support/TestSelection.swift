import FileEvents

/// The contract's filter rules, section 2, written down a second time and as plainly as possible:
/// what a selection sees of one record.
struct TestSelection {
  var watches: [String]
  var filter: PathFilter
  var kinds: ChangeKinds

  func sees(_ record: JournalRecord, _ bytes: [UInt8], _ world: World) -> Bool {
    guard watches.isEmpty || watches.contains(world.watches[record.watch]!.id) else { return false }
    let path = Array(bytes[record.pathRange])
    let from = Array(bytes[record.fromRange])
    switch record.subject {
    case .watch: return true
    case .reset: return isInside(path, directory: true)
    case .change: break
    }
    let directory = record.type == .directory || record.type == .unknown
    switch record.kind {
    case .create, .delete:
      return kinds.contains(record.kind) && isInside(path, directory: directory)
    case .modify, .attrib, .open, .access, .close:
      return kinds.contains(record.kind) && isInside(path, directory: false)
    case .move:
      // As what is taken away and what is brought, told as one when both ends are inside.
      var taken = isInside(from, directory: directory)
      var brought = isInside(path, directory: directory)
      var isOne = taken && brought
      if record.flags.contains(.exchange) {
        let other = record.fromType == .directory
        let alsoTaken = isInside(path, directory: other)
        let alsoBrought = isInside(from, directory: other)
        isOne = isOne && alsoTaken && alsoBrought
        taken = taken || alsoTaken
        brought = brought || alsoBrought
      } else if record.flags.contains(.replaced) {
        taken = taken || brought
      }
      if directory || record.fromType == .directory {
        isOne = isOne && filter.seesAlike(below: from.span, and: path.span)
      }
      return (isOne && kinds.contains(.move)) || (taken && kinds.contains(.delete))
        || (brought && kinds.contains(.create))
    }
  }

  /// Whether an object at `path` is seen.
  func isInside(_ path: [UInt8], directory: Bool) -> Bool {
    let matches = filter.matches(path.span)
    if matches || !directory { return matches }
    return filter.couldMatchBelow(path.span)
  }
}
