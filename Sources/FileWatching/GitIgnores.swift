internal import FileEvents
internal import Syscalls
internal import SystemPackage

/// The gitignore(5) files that concern one watch: those in its directories, those above its root up
/// to the top of the work tree, `$GIT_DIR/info/exclude` and what `core.excludesFile` names. Where the
/// last two are is found out with the watch, and again when one of them is edited. A work tree inside
/// of another is not a border: the patterns of both count. A plain value, the tree thread's.
struct GitIgnores {
  static let fileName = Array(".gitignore".utf8)
  /// Bytes of one file that are read.
  static let fileLimit = 1 << 20

  private struct File {
    var bytes: [UInt8]
    var list: IgnoreList
  }

  /// A file that no directory of the tree holds, and how the root is called from where it applies.
  private struct Outer: Equatable {
    var path: [UInt8]
    /// Nil where it is not there.
    var bytes: [UInt8]?
    var list: IgnoreList
    /// Ends with `/`, or is empty.
    var prefix: [UInt8]

    static func == (one: Outer, other: Outer) -> Bool {
      one.path == other.path && one.bytes == other.bytes && one.prefix == other.prefix
    }
  }

  private struct Doubt {
    var life: UInt32
    var first: Int64
    var due: Int64
  }

  private let root: [UInt8]
  private var files: [NodeID: File] = [:]
  /// The one that counts most comes first.
  private var outer: [Outer] = []
  /// Directories whose file may have changed; `Node.none` stands for `outer`.
  private var doubts: [NodeID: Doubt] = [:]

  /// `root` is canonical.
  init(root: [UInt8]) {
    self.root = root
    _ = readOuter()
  }

  /// Reads the files that no directory of the tree holds. Whether they say anything new.
  mutating func readOuter() -> Bool {
    let found = GitPlaces(root: root).files.map { place in
      let bytes = try? OpenFile.content(of: FilePath(bytes: place.path), limit: Self.fileLimit)
      return Outer(
        path: place.path, bytes: bytes, list: IgnoreList(file: bytes ?? []), prefix: place.prefix)
    }
    defer { outer = found }
    return found != outer
  }

  /// The directories that hold them, whether the files are there or not.
  var outerDirectories: Set<[UInt8]> {
    Set(outer.map { Array($0.path[..<($0.path.lastIndex(of: 0x2F) ?? 0)]) })
  }

  /// Whether one of them is called so.
  func isOuter(_ name: UnsafeRawBufferPointer) -> Bool {
    outer.contains {
      $0.path.dropLast(name.count).last == 0x2F && $0.path.suffix(name.count).elementsEqual(name)
    }
  }

  /// Whether git ignores `path` (relative to the watch's root, its last `nameLength` bytes a name in
  /// `directory`), given that it does not ignore a directory above. `.git` itself counts as ignored.
  func ignores(
    _ path: ArraySlice<UInt8>, _ nameLength: Int, in directory: NodeID, _ tree: borrowing Tree,
    _ isDirectory: Bool
  ) -> Bool {
    if path.suffix(nameLength).elementsEqual(".git".utf8) { return true }
    let span = path.span
    var start = span.count - nameLength
    if !files.isEmpty {
      var current = directory
      while true {
        if let file = files[current],
          let verdict = file.list.verdict(path: span.extracting(start...), isDirectory: isDirectory)
        {
          return verdict
        }
        guard current != Node.root, current != Node.none else { break }
        start -= Int(tree[current].nameLength) + 1
        current = tree[current].parent
      }
    }
    for outer in outer where !outer.list.isEmpty {
      let whole = outer.prefix.isEmpty ? path : outer.prefix + path
      if let verdict = outer.list.verdict(path: whole.span, isDirectory: isDirectory) {
        return verdict
      }
    }
    return false
  }

  // MARK: Files inside of the root

  /// Takes what stands in a directory's file now, nil for nothing. Whether that says anything new.
  mutating func set(_ bytes: [UInt8]?, of directory: NodeID) -> Bool {
    guard files[directory]?.bytes != bytes else { return false }
    files[directory] = bytes.map { File(bytes: $0, list: IgnoreList(file: $0)) }
    return true
  }

  mutating func doubt(_ directory: NodeID, life: UInt32, now: Int64, settle: Int64, most: Int64) {
    let first = doubts[directory].map { $0.life == life ? $0.first : now } ?? now
    doubts[directory] = Doubt(life: life, first: first, due: min(now + settle, first + most))
  }

  /// Takes the directories whose file is to be read again.
  mutating func takeDoubts(due now: Int64) -> [(node: NodeID, life: UInt32)] {
    let taken = doubts.filter { $0.value.due <= now }
    for node in taken.keys { doubts[node] = nil }
    return taken.map { ($0.key, $0.value.life) }
  }

  /// When a file is to be read again; nil for never.
  var nextDue: Int64? { doubts.isEmpty ? nil : doubts.values.map(\.due).min() }

  mutating func forget(_ directory: NodeID) {
    files[directory] = nil
    doubts[directory] = nil
  }

  mutating func forgetAll() {
    files.removeAll()
    doubts.removeAll()
  }
}

/// An edited file shows and hides names: in its directory and below, nowhere else.
extension Watch {
  /// Reads a directory's `.gitignore`, `file` being the directory. Whether names may
  /// be seen otherwise now.
  func readIgnores(of directory: NodeID, _ file: OpenFile) -> Bool {
    guard gitIgnores != nil else { return false }
    let name = FilePath(".gitignore")
    ground.willLook()
    let bytes = try? OpenFile.content(
      of: name, in: file.descriptor, limit: GitIgnores.fileLimit)
    return gitIgnores?.set(bytes, of: directory) == true
  }

  /// A record may speak of a `.gitignore`. While it is being written it is let be: emptied for a
  /// moment it would show everything.
  func doubtIgnores(
    _ action: BackendRecord.Action, _ name: UnsafeRawBufferPointer, in directory: NodeID
  ) {
    guard name.count == GitIgnores.fileName.count, name.elementsEqual(GitIgnores.fileName) else {
      return
    }
    doubtIgnores(action, of: directory)
  }

  /// The same for one that no directory of the tree holds.
  func doubtOuterIgnores(_ action: BackendRecord.Action, _ name: UnsafeRawBufferPointer) {
    guard gitIgnores?.isOuter(name) == true else { return }
    doubtIgnores(action, of: Node.none)
  }

  private func doubtIgnores(_ action: BackendRecord.Action, of directory: NodeID) {
    switch action {
    case .created, .deleted, .departed, .arrived, .closedAfterWriting:
      gitIgnores?.doubt(
        directory, life: tree[directory].life, now: ground.now, settle: coalescer.settle,
        most: coalescer.settleMax)
    case .modified, .attributes, .opened, .accessed, .closed, .selfGone, .forgotten,
      .unmarkedAttributes, .overflow:
      break
    }
  }

  /// Reads again what has settled; `hurried`: everything.
  func refreshIgnores(hurried: Bool = false) {
    guard gitIgnores?.nextDue != nil, state != .gone else { return }
    let due = gitIgnores?.takeDoubts(due: hurried ? .max : ground.now) ?? []
    for (directory, life) in due {
      if directory == Node.none {
        refreshOuterIgnores()
      } else if tree.isAlive(directory, life: life), let file = try? open(directory),
        readIgnores(of: directory, file)
      {
        // Where it cannot be opened, what becomes of half of a rename scans it.
        lookForNames(below: directory)
      }
    }
  }

  /// Reads again what no directory of the tree holds.
  private func refreshOuterIgnores() {
    guard gitIgnores?.readOuter() == true else { return }
    guardRoot()
    lookForNames(below: Node.root)
  }

  /// Other names may be seen in a directory and below than before.
  private func lookForNames(below directory: NodeID) {
    // Nobody remembers which files were seen.
    if !spec.index, isTelling {
      var path: [UInt8] = []
      appendBelievedPath(of: directory, to: &path)
      sendAll()
      tellReset(.rescan, path: path)
    }
    enqueueScan(directory, deep: true, forNames: true, flags: .rescan, told: spec.index)
  }
}
