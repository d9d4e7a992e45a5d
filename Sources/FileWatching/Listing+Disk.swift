internal import FileEvents
internal import Syscalls

/// A watch without an index knows its directories only; what is in them is read from the disk while
/// it is listed. The disk may be ahead of the page's cursor: what is told after it are upserts.
extension Watch {
  /// Directories in the order of the tree, each followed by the rest of its entries, sorted: what is
  /// there all the time while the pages are fetched comes once.
  func pageFromDisk(
    _ request: ListingRequest, limit: Int, buffer: UnsafeMutableRawBufferPointer
  ) -> Result<ListingPage, ListingError> {
    var page = ListingPage(
      records: [], bytes: [], next: nil, sequence: ground.journal.head)
    guard let top = find(request.path), tree[top].isDirectory else {
      guard let (place, type) = fileOnDisk(request.path) else { return .failure(.noSuchPath) }
      append(place, type, to: &page)
      return .success(page)
    }
    var node = top
    var last: [UInt8]?
    if let after = request.after {
      guard let token = ListingToken(after), let name = token.name, isCurrent(token, within: top)
      else { return .failure(.changed) }
      node = token.node
      last = name
    }
    while node != Node.none {
      if last == nil, node != Node.root { append(node, to: &page) }
      for (name, type) in filesOnDisk(in: node, after: last ?? [], buffer) {
        guard page.records.count < limit else {
          page.next = token(node, last ?? [])
          return .success(page)
        }
        append(place(name, in: node), type, to: &page)
        last = name
      }
      let next = nextDirectory(after: node, within: top)
      if next != Node.none, page.records.count >= limit {
        page.next = token(node, last ?? [])
        return .success(page)
      }
      node = next
      last = nil
    }
    return .success(page)
  }

  private func token(_ node: NodeID, _ last: [UInt8]) -> [UInt8] {
    ListingToken(
      node: node, life: tree[node].life, parent: tree[node].parent, moves: moves, name: last
    ).bytes
  }

  private func nextDirectory(after node: NodeID, within top: NodeID) -> NodeID {
    var next = following(node, within: top)
    while next != Node.none, !tree[next].isDirectory { next = following(next, within: top) }
    return next
  }

  private func append(_ place: Place, _ type: FileType, to page: inout ListingPage) {
    var record = JournalRecord(subject: .change, watch: number, time: ground.moment.time)
    record.kind = .create
    record.type = type
    record.pathStart = UInt32(page.bytes.count)
    if soleName == nil {
      _ = tree.appendPath(of: place.directory, to: &page.bytes)
      if place.directory != Node.root { page.bytes.append(0x2F) }
      page.bytes.append(contentsOf: place.name)
    }
    record.pathEnd = UInt32(page.bytes.count)
    page.records.append(record)
  }

  /// A path that is no directory.
  private func fileOnDisk(_ path: [UInt8]) -> (Place, FileType)? {
    let components = path.split(separator: 0x2F)
    guard soleName == nil, let name = components.last, name != [0x2E], name != [0x2E, 0x2E],
      let directory = find(Array(components.dropLast().joined(separator: [0x2F]))),
      tree[directory].isDirectory, !name.contains(0)
    else { return nil }
    let found = name.withUnsafeBytes { look(at: $0, in: directory) }
    guard case .found(let status) = found, status.kind != .directory,
      name.withUnsafeBytes({ sees($0, in: directory, isDirectory: false) })
    else { return nil }
    return (place(Array(name), in: directory), FileType(status.kind))
  }

  /// What is in a directory and is none, by name. Nothing of one that cannot be read: the watch is
  /// degraded and says so.
  private func filesOnDisk(
    in directory: NodeID, after last: [UInt8], _ buffer: UnsafeMutableRawBufferPointer
  ) -> [(name: [UInt8], type: FileType)] {
    guard spec.recursive || directory == Node.root, let file = try? open(directory) else {
      return []
    }
    var files: [(name: [UInt8], type: FileType)] = []
    ground.willLook()
    while let count = try? file.readEntries(into: buffer), count > 0 {
      var entries = DirectoryEntries(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      while let entry = entries.next() {
        let name = Array(entry.name)
        guard last.lexicographicallyPrecedes(name),
          sees(entry.name, in: directory, isDirectory: false),
          let kind = entry.kind ?? kind(of: entry, in: file), kind != .directory
        else { continue }
        files.append((name, FileType(kind)))
      }
    }
    return files.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }

  /// Where the filesystem's listing does not say. getdents leaves a NUL behind the name.
  private func kind(of entry: DirectoryEntries.Entry, in file: OpenFile) -> FileStatus.Kind? {
    try? FileStatus.at(
      file.descriptor, entry.name.baseAddress!.assumingMemoryBound(to: CChar.self)
    ).kind
  }
}
