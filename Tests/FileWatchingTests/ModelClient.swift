import FileEvents

/// A client that knows only what was published: it applies changes by the rules of the contract and
/// nothing else.
struct ModelClient {
  private(set) var entries: [[UInt8]: FileType] = [:]
  /// Size of each file as last told.
  private(set) var sizes: [[UInt8]: UInt64] = [:]
  /// What it did not expect; a client may not rely on it, but we look.
  private(set) var surprises: [String] = []

  /// Starts from a listing.
  init(_ listed: [[UInt8]: FileType]) { entries = listed }

  mutating func apply(_ batch: ChangeBatch, watch: UInt32) {
    for record in batch.records where record.subject == .change && record.watch == watch {
      apply(record, path: Array(batch.path(of: record)), from: Array(batch.from(of: record)))
    }
  }

  private mutating func apply(_ record: JournalRecord, path: [UInt8], from: [UInt8]) {
    if path.isEmpty { return }  // the root's own attributes
    switch record.kind {
    case .create:
      expectParent(of: path, "create")
      if entries[path] == .directory || record.type == .directory { removeBelow(path) }
      put(record, at: path)
    case .modify, .attrib:
      put(record, at: path)
    case .delete:
      removeBelow(path)
      entries[path] = nil
      sizes[path] = nil
    case .move where record.flags.contains(.exchange):
      let one = take(from)
      let other = take(path)
      place(one, at: path)
      place(other, at: from)
    case .move:
      expectParent(of: path, "move")
      let moved = take(from)
      removeBelow(path)
      entries[path] = nil
      place(moved, at: path)
      put(record, at: path)
    case .open, .access, .close: break
    }
  }

  private mutating func put(_ record: JournalRecord, at path: [UInt8]) {
    if record.type != .unknown || entries[path] == nil { entries[path] = record.type }
    if record.flags.contains(.indexed) { sizes[path] = record.size }
  }

  private mutating func expectParent(of path: [UInt8], _ what: String) {
    guard let slash = path.lastIndex(of: 0x2F) else { return }
    if entries[Array(path[..<slash])] != .directory {
      surprises.append("\(what) \(String(decoding: path, as: UTF8.self)) without its directory")
    }
  }

  private mutating func removeBelow(_ path: [UInt8]) {
    guard entries[path] == .directory else { return }
    let prefix = path + [0x2F]
    for below in entries.keys where below.starts(with: prefix) {
      entries[below] = nil
      sizes[below] = nil
    }
  }

  private typealias Taken = [([UInt8], FileType, UInt64?)]

  /// Takes a path and all below it out; names relative to it.
  private mutating func take(_ path: [UInt8]) -> Taken {
    let prefix = path + [0x2F]
    var taken: Taken = []
    for (name, type) in entries where name == path || name.starts(with: prefix) {
      taken.append((Array(name.dropFirst(path.count)), type, sizes[name]))
    }
    for (name, _, _) in taken {
      entries[path + name] = nil
      sizes[path + name] = nil
    }
    return taken
  }

  private mutating func place(_ taken: Taken, at path: [UInt8]) {
    for (name, type, size) in taken {
      entries[path + name] = type
      sizes[path + name] = size
    }
  }
}
