import FileEvents
import SystemPackage
import Testing

@testable import FileWatching

@Suite("What has been published and not yet taken")
struct ChangeBacklogTests {
  /// A batch of creates, one for each name.
  private func batch(_ names: [String]) -> ChangeBatch {
    var bytes: [UInt8] = []
    let records = names.map { name in
      var record = JournalRecord(subject: .change, watch: 1, time: 5)
      record.pathStart = UInt32(bytes.count)
      bytes += name.utf8
      record.pathEnd = UInt32(bytes.count)
      return record
    }
    return ChangeBatch(first: 1, oldest: 1, records: records, bytes: bytes)
  }

  private func drain(_ backlog: ChangeBacklog) -> [String] {
    var told: [String] = []
    while let change = backlog.next(timeout: .zero) { told.append(change.description) }
    return told
  }

  @Test("changes are taken in the order they came, across batches")
  func order() throws {
    let backlog = try ChangeBacklog(root: "/r", limit: 8)
    backlog.post(batch(["a", "b"]))
    backlog.post(batch(["c"]))
    #expect(drain(backlog) == ["create /r/a", "create /r/b", "create /r/c"])
  }

  @Test("as many as the limit are kept", arguments: 1...8)
  func limit(count: Int) throws {
    let backlog = try ChangeBacklog(root: "/r", limit: 8)
    for number in 0..<count { backlog.post(batch(["\(number)"])) }
    #expect(drain(backlog).count == count)
  }

  @Test("one more than the limit leaves one reset of the root, and what comes after it")
  func lagging() throws {
    let backlog = try ChangeBacklog(root: "/r", limit: 8)
    for number in 0..<9 { backlog.post(batch(["\(number)"])) }
    backlog.post(batch(["x", "y"]))
    #expect(drain(backlog) == ["reset /r (lagged)", "create /r/x", "create /r/y"])
    backlog.post(batch(["z"]))
    #expect(drain(backlog) == ["create /r/z"])
  }

  @Test("a batch larger than the limit is a reset, and a reader who goes on lagging gets no second")
  func largeBatch() throws {
    let backlog = try ChangeBacklog(root: "/r", limit: 2)
    backlog.post(batch(["a", "b", "c"]))
    backlog.post(batch(["d", "e"]))
    #expect(drain(backlog) == ["reset /r (lagged)"])
  }

  @Test("records about a watch are no changes")
  func watchRecords() throws {
    let backlog = try ChangeBacklog(root: "/r", limit: 8)
    let record = JournalRecord(subject: .watch, watch: 1, time: 0)
    backlog.post(ChangeBatch(first: 1, oldest: 1, records: [record], bytes: []))
    #expect(drain(backlog) == [])
  }

  @Test("what was kept can be taken after the end, and then there is nil at once")
  func finished() async throws {
    let backlog = try ChangeBacklog(root: "/r", limit: 8)
    backlog.post(batch(["a"]))
    backlog.finish()
    backlog.post(batch(["b"]))
    #expect(await backlog.next(isolation: nil)?.relativePath == "a")
    #expect(await backlog.next(isolation: nil) == nil)
  }

  @Test("who waited first is served first")
  func waiting() async throws {
    let backlog = try ChangeBacklog(root: "/r", limit: 8)
    let first = Task { await backlog.next(isolation: nil) }
    backlog.post(batch(["a", "b"]))
    let told = [await first.value, await backlog.next(isolation: nil)]
    #expect(told.map { $0?.relativePath } == ["a", "b"])
  }
}
