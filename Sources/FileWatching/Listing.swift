internal import FileEvents
internal import Syscalls

extension Watcher {
  /// Entries looked at in one page at most, whatever `limit` says: the tree thread has records to
  /// apply.
  static let pageLimit = 1_000

  func list(_ request: ListingRequest) -> Result<ListingPage, ListingError> {
    guard let watch = watches[request.watch] else { return .failure(.noSuchWatch) }
    guard !watch.isCrawling else { return .failure(.crawling) }
    watch.sendAll()
    publish()
    let limit = min(max(request.limit, 1), Self.pageLimit)
    guard watch.spec.index else {
      return watch.pageFromDisk(request, limit: limit, buffer: scanBuffer)
    }
    return watch.page(request, limit: limit)
  }
}

extension Watch {
  /// The nodes at and below a path in an order that altering the tree elsewhere does not disturb:
  /// depth first, along the lists of siblings. The token names the last node shown and the count of
  /// alterations that would make going on from it wrong.
  func page(_ request: ListingRequest, limit: Int) -> Result<ListingPage, ListingError> {
    var page = ListingPage(
      records: [], bytes: [], next: nil, sequence: ground.journal.head)
    guard let top = find(request.path) else { return .failure(.noSuchPath) }
    var node: NodeID
    if let after = request.after {
      guard let token = ListingToken(after) else { return .failure(.changed) }
      guard token.name == nil, isCurrent(token, within: top) else { return .failure(.changed) }
      node = following(token.node, within: top)
    } else {
      node = top == Node.root ? following(top, within: top) : top
    }
    while node != Node.none {
      append(node, to: &page)
      if page.records.count >= limit {
        let isLast = following(node, within: top) == Node.none
        page.next =
          isLast
          ? nil
          : ListingToken(
            node: node, life: tree[node].life, parent: tree[node].parent, moves: moves
          ).bytes
        break
      }
      node = following(node, within: top)
    }
    return .success(page)
  }

  /// Whether going on from a token shows what it would have shown without a pause.
  func isCurrent(_ token: ListingToken, within top: NodeID) -> Bool {
    token.moves == moves && tree.isAlive(token.node, life: token.life)
      && tree[token.node].parent == token.parent && tree.isWithin(token.node, top)
  }

  func find(_ path: [UInt8]) -> NodeID? {
    guard soleName == nil else { return path.isEmpty ? Node.root : nil }
    var node = Node.root
    for component in path.split(separator: 0x2F) {
      node = component.withUnsafeBytes { tree.child(of: node, $0) }
      if node == Node.none { return nil }
    }
    return node
  }

  func following(_ node: NodeID, within top: NodeID) -> NodeID {
    if tree[node].firstChild != Node.none { return tree[node].firstChild }
    var current = node
    while current != top {
      if tree[current].nextSibling != Node.none { return tree[current].nextSibling }
      current = tree[current].parent
    }
    return Node.none
  }

  func append(_ id: NodeID, to page: inout ListingPage) {
    let node = tree[id]
    var record = JournalRecord(subject: .change, watch: number, time: ground.moment.time)
    record.kind = .create
    record.type = node.type
    if spec.index, node.isKnown {
      record.flags = .indexed
      record.size = node.size
      record.mtime = node.mtime
    }
    record.pathStart = UInt32(page.bytes.count)
    if soleName == nil { _ = tree.appendPath(of: id, to: &page.bytes) }
    record.pathEnd = UInt32(page.bytes.count)
    page.records.append(record)
  }
}

/// Where a listing goes on; opaque to everybody else.
struct ListingToken {
  var node: NodeID
  var life: UInt32
  var parent: NodeID
  var moves: UInt32
  /// Where the disk is listed: the last name shown of those in `node`; empty before the first.
  var name: [UInt8]?

  init(node: NodeID, life: UInt32, parent: NodeID, moves: UInt32, name: [UInt8]? = nil) {
    self.node = node
    self.life = life
    self.parent = parent
    self.moves = moves
    self.name = name
  }

  /// Nil when it is not one of ours.
  init?(_ bytes: [UInt8]) {
    guard let number = [UInt8](hex: Array(bytes.prefix(32))), number.count == 16 else {
      return nil
    }
    if bytes.count > 32 {
      guard bytes[32] == 0x2F else { return nil }
      name = Array(bytes[33...])
    }
    let words = stride(from: 0, to: 16, by: 4).map { start in
      number[start..<start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
    (node, life, parent, moves) = (words[0], words[1], words[2], words[3])
  }

  /// 32 characters of `[0-9a-f]`; where there is a name, `/` and its exact bytes.
  var bytes: [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    let words = [node, life, parent, moves].flatMap { word in
      stride(from: 28, through: 0, by: -4).map { digits[Int(word >> UInt32($0) & 15)] }
    }
    return words + (name.map { [0x2F] + $0 } ?? [])
  }
}

extension [UInt8] {
  fileprivate init?(hex: [UInt8]) {
    guard hex.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: hex.count, by: 2) {
      guard let byte = UInt8(String(decoding: hex[index...index + 1], as: UTF8.self), radix: 16)
      else { return nil }
      bytes.append(byte)
    }
    self = bytes
  }
}
