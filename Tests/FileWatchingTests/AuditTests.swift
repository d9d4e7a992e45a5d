import FileEvents
import FileWatching
import Foundation
import Testing

@Suite(
  "The audit: one more look where records and disk may not have been in step, once all is quiet")
struct AuditTests {
  /// Here nothing is wrong that a record or a doubt would mend: only who looks unasked finds it. And
  /// only where there was reason to, or no watch of a large tree would ever rest.
  @Test(
    "beside a directory that was renamed it finds what no record told of, and nowhere else",
    arguments: WatchedTree.backends.filter { $0 != .poll })
  func audit(_ backend: BackendChoice) throws {
    let tree = try WatchedTree()
    defer { tree.close() }
    let disk = Disk(root: tree.root)
    for name in ["d", "d/old", "e"] { try disk.makeDirectory(Array(name.utf8)) }
    for name in ["d/f", "e/f"] { try disk.write(Array(name.utf8), Array("x".utf8)) }
    var spec = WatchSpec(root: tree.root)
    spec.backend = backend
    try tree.watch(spec)
    let before = tree.records.count
    let files = try ["d/f", "e/f"].map { try disk.storeSilently(Array($0.utf8)) }
    defer { for file in files { close(file) } }
    try tree.settle()
    #expect(tree.records.count == before)
    try disk.move(Array("d/old".utf8), Array("d/new".utf8))
    try tree.settle()
    let told = tree.records[before...]
      .map { ChangeWords.shown(ChangeWords.describe($0.record, in: $0.batch)) }
    #expect(told == ["move d/old -> d/new directory", "modify d/f file rescan"])
  }
}
