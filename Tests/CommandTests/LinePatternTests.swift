import FileEvents
import Testing

@testable import tidings

@Suite("Lines as inotifywait draws them")
struct LinePatternTests {
  private func line(
    _ pattern: String, _ kind: ChangeKind, _ path: String, from: String = "",
    type: FileType = .file, flags: ChangeFlags = [], root: String = "site", time: Int64 = 0,
    sequence: UInt64 = 0x2A
  ) throws -> String {
    var record = JournalRecord(subject: .change, watch: 1, time: time)
    record.kind = kind
    record.type = type
    record.flags = flags
    let bytes = Array((path + from).utf8)
    record.pathEnd = UInt32(path.utf8.count)
    record.fromStart = record.pathEnd
    record.fromEnd = UInt32(bytes.count)
    let batch = ChangeBatch(first: sequence, oldest: 1, records: [record], bytes: bytes)
    var output: [UInt8] = []
    try LinePattern(pattern, timeFormat: "%s").append(
      record, in: batch, sequence: sequence, root: root, to: &output)
    return String(decoding: output, as: UTF8.self)
  }

  @Test(
    "%w and %f are the directory and the name, and together the path",
    arguments: [
      ("a", "site", "site/|a"), ("css/a.css", "site", "site/css/|a.css"),
      ("css/a.css", "site/", "site/css/|a.css"), ("a", ".", "./|a"), ("", "note.txt", "note.txt|"),
    ])
  func places(path: String, root: String, expected: String) throws {
    #expect(try line("%w|%f", .modify, path, root: root) == expected + "\n")
  }

  @Test("the root itself, when it is a directory, ends with a slash and has no name")
  func rootDirectory() throws {
    #expect(try line("%w|%f|%e", .delete, "", type: .directory) == "site/||DELETE_SELF,ISDIR\n")
  }

  @Test(
    "%e is what the kernel would have said",
    arguments: [
      (.create, [], .file, "CREATE"), (.create, .closed, .file, "CREATE,CLOSE_WRITE,CLOSE"),
      (.create, [], .directory, "CREATE,ISDIR"), (.create, .moved, .file, "MOVED_TO"),
      (.modify, [], .file, "MODIFY"), (.modify, .closed, .file, "MODIFY,CLOSE_WRITE,CLOSE"),
      (.attrib, [], .file, "ATTRIB"), (.delete, [], .file, "DELETE"),
      (.delete, .moved, .directory, "MOVED_FROM,ISDIR"), (.open, [], .file, "OPEN"),
      (.access, [], .file, "ACCESS"), (.close, .written, .file, "CLOSE_WRITE,CLOSE"),
      (.close, [], .file, "CLOSE_NOWRITE,CLOSE"),
    ] as [(ChangeKind, ChangeFlags, FileType, String)])
  func events(kind: ChangeKind, flags: ChangeFlags, type: FileType, expected: String) throws {
    #expect(try line("%e", kind, "a", type: type, flags: flags) == expected + "\n")
  }

  @Test("a move is two lines that share a cookie, an exchange two pairs of them")
  func moves() throws {
    #expect(
      try line("%e %w%f %c", .move, "b/y", from: "a/x")
        == "MOVED_FROM site/a/x 2a\nMOVED_TO site/b/y 2a\n")
    #expect(
      try line("%e %f %c", .move, "y", from: "x", flags: .exchange)
        == "MOVED_FROM x 2a\nMOVED_TO y 2a\nMOVED_FROM y 8000002a\nMOVED_TO x 8000002a\n")
  }

  @Test(
    "the other directives",
    arguments: [
      ("%:e", "CREATE:CLOSE_WRITE:CLOSE\n"), ("%T", "1700000000\n"), ("%c", "0\n"),
      ("100%% %f", "100% a\n"), ("%f%0", "a\0"), ("%f%n", "a\n"), ("%n%f", "\na\n"), ("", "\n"),
    ])
  func directives(pattern: String, expected: String) throws {
    let text = try line(pattern, .create, "a", flags: .closed, time: 1_700_000_000_900_000_000)
    #expect(text == expected)
  }

  @Test(
    "what is no directive is refused by name",
    arguments: [("%x", "%x"), ("a %", "%"), ("%xy", "%x")])
  func malformed(pattern: String, directive: String) {
    #expect(throws: LinePattern.Malformed(directive: directive)) {
      try LinePattern(pattern, timeFormat: "")
    }
  }
}
