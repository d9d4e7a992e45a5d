/// What happened to one path, in the words of the wire contract (section 2).
package enum ChangeKind: UInt8, Sendable, CaseIterable {
  case create, modify, attrib, delete, move, open, access, close

  /// The word on the wire.
  package var name: String {
    switch self {
    case .create: "create"
    case .modify: "modify"
    case .attrib: "attrib"
    case .delete: "delete"
    case .move: "move"
    case .open: "open"
    case .access: "access"
    case .close: "close"
    }
  }

  /// The kind whose wire word is `name`, or nil.
  package init?(name: some StringProtocol) {
    guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = kind
  }
}

/// A set of kinds: what a watch reports, what a subscription asks for.
package struct ChangeKinds: OptionSet, Sendable, Hashable {
  package let rawValue: UInt16

  package init(rawValue: UInt16) { self.rawValue = rawValue }

  package init(_ kind: ChangeKind) { rawValue = 1 << UInt16(kind.rawValue) }

  package static let create = ChangeKinds(.create)
  package static let modify = ChangeKinds(.modify)
  package static let attrib = ChangeKinds(.attrib)
  package static let delete = ChangeKinds(.delete)
  package static let move = ChangeKinds(.move)
  package static let open = ChangeKinds(.open)
  package static let access = ChangeKinds(.access)
  package static let close = ChangeKinds(.close)

  /// What a watch reports unless told: everything that alters the tree.
  package static let standard: ChangeKinds = [.create, .modify, .attrib, .delete, .move]
  /// Every kind there is.
  package static let all: ChangeKinds = [.standard, .open, .access, .close]

  package func contains(_ kind: ChangeKind) -> Bool { rawValue & (1 << UInt16(kind.rawValue)) != 0 }

  /// The kinds in the contract's order.
  package var kinds: [ChangeKind] { ChangeKind.allCases.filter { contains($0) } }
}

/// What stands at a path. `unknown` when it can no longer be known; the wire then leaves it out.
package enum FileType: UInt8, Sendable {
  case unknown, file, directory, symlink, other

  /// The word on the wire; nil for `unknown`.
  package var name: String? {
    switch self {
    case .unknown: nil
    case .file: "file"
    case .directory: "directory"
    case .symlink: "symlink"
    case .other: "other"
    }
  }
}

/// The yes/no fields of a change, and which optional numbers it carries.
package struct ChangeFlags: OptionSet, Sendable, Hashable {
  package let rawValue: UInt16

  @inlinable
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// The standard library's is not specialised across modules: 50 ns a literal, several a record.
  @inlinable
  package init(arrayLiteral elements: ChangeFlags...) {
    self.init(rawValue: elements.reduce(0) { $0 | $1.rawValue })
  }

  /// The writer has closed the file: it is whole (IN_CLOSE_WRITE).
  package static let closed = ChangeFlags(rawValue: 1 << 0)
  /// Another object stands at `path` now.
  package static let replaced = ChangeFlags(rawValue: 1 << 1)
  /// On `move`: two names swapped (RENAME_EXCHANGE).
  package static let exchange = ChangeFlags(rawValue: 1 << 2)
  /// On `delete`, `create`: the other end of a move lies outside what is seen.
  package static let moved = ChangeFlags(rawValue: 1 << 3)
  /// Found by comparing the tree, not by an event (`cause: "rescan"`).
  package static let rescan = ChangeFlags(rawValue: 1 << 4)
  /// On `close`: it had been open for writing.
  package static let written = ChangeFlags(rawValue: 1 << 5)
  /// `size` and `mtime` are known.
  package static let indexed = ChangeFlags(rawValue: 1 << 6)
}

/// Why the state of a scope cannot be rebuilt from changes alone; the `reason` of a `reset`.
package enum ResetReason: UInt8, Sendable, CaseIterable {
  case lagged, history, epoch, future, kernelOverflow, unwatchable, movedIn, watchStarted, rootMoved
  case unmounted, rescan

  /// The word on the wire.
  package var name: String {
    switch self {
    case .lagged: "lagged"
    case .history: "history"
    case .epoch: "epoch"
    case .future: "future"
    case .kernelOverflow: "kernel-overflow"
    case .unwatchable: "unwatchable"
    case .movedIn: "moved-in"
    case .watchStarted: "watch-started"
    case .rootMoved: "root-moved"
    case .unmounted: "unmounted"
    case .rescan: "rescan"
    }
  }
}

/// The state of a watch. `removed` and `unknown` appear only in `watch` events.
package enum WatchState: UInt8, Sendable {
  case starting, crawling, live, degraded, failed, gone, removed, unknown

  /// The word on the wire.
  package var name: String {
    switch self {
    case .starting: "starting"
    case .crawling: "crawling"
    case .live: "live"
    case .degraded: "degraded"
    case .failed: "failed"
    case .gone: "gone"
    case .removed: "removed"
    case .unknown: "unknown"
    }
  }
}
