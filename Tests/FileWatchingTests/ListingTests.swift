import FileEvents
import FileWatching
import Testing

@Suite("What a watch lists")
struct ListingTests {
  private let tree: WatchedTree
  private let disk: Disk

  init() throws {
    tree = try WatchedTree()
    disk = Disk(root: tree.root)
  }

  private func page(
    _ watch: UInt32, _ path: [UInt8] = [], after: [UInt8]? = nil, limit: Int = 1_000
  ) throws -> Result<ListingPage, ListingError> {
    try tree.answer {
      tree.service.list(
        ListingRequest(watch: watch, path: path, after: after, limit: limit), reply: $0)
    }
  }

  private func paths(_ page: ListingPage) -> [[UInt8]] {
    page.records.map { Array(page.bytes[$0.pathRange]) }
  }

  private func spec(index: Bool) -> WatchSpec {
    var spec = WatchSpec(root: tree.root)
    spec.index = index
    return spec
  }

  @Test("a first page shows every change made before it was asked for", arguments: [true, false])
  func firstPageIsCurrent(_ index: Bool) throws {
    defer { tree.close() }
    let watch = try tree.watch(spec(index: index))
    for round in 0..<5 {
      try disk.makeDirectories(Array("d\(round)/e".utf8))
      for number in 0..<40 {
        try disk.write(Array("d\(round)/e/\(number)".utf8), Array("x".utf8))
      }
      if round > 0 { try disk.removeAll(Array("d\(round - 1)".utf8)) }
      #expect(try tree.listing(watch.number) == disk.everything())
    }
  }

  @Test("without an index the disk is read, page by page", arguments: [1, 2, 3, 7, 1_000])
  func listsTheDisk(_ limit: Int) throws {
    defer { tree.close() }
    try disk.makeDirectories(Array("a/deep/er".utf8))
    try disk.makeDirectory(Array("empty".utf8))
    for name in ["a/1", "a/2", "a/deep/3", "a/deep/er/4", "top", "not me.log"] {
      try disk.touch(Array(name.utf8))
    }
    try disk.touch([0x61, 0x2F, 0xFF])
    try disk.link(to: Array("nowhere".utf8), Array("a/link".utf8))
    var spec = spec(index: false)
    spec.ignore = ["*.log"]
    let watch = try tree.watch(spec)
    var seen: [[UInt8]] = []
    var after: [UInt8]?
    repeat {
      let page = try page(watch.number, after: after, limit: limit).get()
      #expect(page.records.count <= limit)
      seen += paths(page)
      after = page.next
    } while after != nil
    var expected = disk.everything()
    expected[Array("not me.log".utf8)] = nil
    #expect(Set(seen) == Set(expected.keys))
    #expect(seen.count == expected.count)
    for (index, path) in seen.enumerated() {
      guard let slash = path.lastIndex(of: 0x2F) else { continue }
      #expect(seen[..<index].contains(Array(path[..<slash])))
    }
    #expect(try tree.listing(watch.number, limit: limit) == expected)
  }

  @Test(
    "a path is listed with what is below it, whatever its bytes", arguments: [true, false])
  func listsBelow(_ index: Bool) throws {
    defer { tree.close() }
    let odd: [UInt8] = [0x6F, 0xFF, 0xFE]
    try disk.makeDirectory(odd)
    try disk.touch(odd + [0x2F, 0xC3])
    try disk.touch(Array("other".utf8))
    let watch = try tree.watch(spec(index: index))
    #expect(try paths(page(watch.number, odd).get()) == [odd, odd + [0x2F, 0xC3]])
    #expect(try paths(page(watch.number, odd + [0x2F, 0xC3]).get()) == [odd + [0x2F, 0xC3]])
    for missing in ["nothing", "nothing/below", "other/below", ".", ".."] {
      guard case .failure(.noSuchPath) = try page(watch.number, Array(missing.utf8)) else {
        Issue.record("\(missing) was found")
        continue
      }
    }
  }

  @Test("a directory that moves between two pages ends the listing", arguments: [true, false])
  func movedBetweenPages(_ index: Bool) throws {
    defer { tree.close() }
    try disk.makeDirectory([0x61])
    for number in 0..<5 { try disk.touch(Array("a/\(number)".utf8)) }
    let watch = try tree.watch(spec(index: index))
    let first = try page(watch.number, limit: 2).get()
    let next = try #require(first.next)
    try disk.move([0x61], [0x62])
    try tree.settle()
    guard case .failure(.changed) = try page(watch.number, after: next) else {
      Issue.record("the listing went on")
      return
    }
  }
}
