import FileEvents
import Foundation

/// A scenario file read into lines. The language:
///
///     # a comment
///     as nobody                      the watcher's threads lose root's privileges
///     watch [name] [option=value]…   settle= settle-max= index= kinds= ignore= include= hidden=
///                                    recursive= root=
///                                    gitignore=
///     patch [option=value]…          ignore= include= hidden= kinds= settle= of the current watch
///     remove name                    ends a watch
///     use name                       the watch that `expect` lines speak of
///     mkdir [-p] P · write P TEXT · append P TEXT · touch P · read P · rm [-r] P · mv P Q
///     exchange P Q · ln -s TARGET P · ln P Q · chmod MODE P · utimes P · store P X (by mmap)
///     open P · put TEXT · close      one file held open for appending
///     pause · resume                 the thread that reads the kernel's queue
///     overflow                       makes more records than the kernel's queue holds
///     settle                         until everything made so far has been told
///     repeat N LINE                  LINE N times, `{i}` being 0, 1, …
///     expect CHANGE                  consecutive ones: exactly these, in this order
///     expect-some CHANGE             among all told since the last check
///     expect-count N KIND            so many of a kind since the last check
///     expect-none                    nothing since the last check
///     expect-listing                 the listing equals the disk
///     expect-listing-of P…           the listing holds exactly these paths
///     expect-marks N                 so many directories of the watch are marked
///     expect-state STATE [CODE P]    the watch's state, and the reason with its directory
///     forget                         the changes so far
///     for BACKEND [LINE]             a line, or all that follow, for this backend alone
///     except BACKEND [LINE]          the same for all others
///
/// A CHANGE is `kind path [type] [flags]`, `move from -> path …`, `reset reason path` or
/// `watch state`; a word that ends in `?` may be missing. Of what polling finds, neither the order nor
/// the words `closed`, `moved` and `rescan` count. Words may be quoted; `\n \" \\ \xNN` are bytes. P may begin with `../`.
struct ScenarioScript {
  struct Line {
    let number: Int
    let words: [[UInt8]]

    func text(_ index: Int) -> String {
      index < words.count ? String(decoding: words[index], as: UTF8.self) : ""
    }
  }

  let lines: [Line]

  struct Malformed: Error { let line: Int }

  init(_ source: String, for backend: BackendChoice) throws {
    var lines: [Line] = []
    for (index, text) in source.split(separator: "\n", omittingEmptySubsequences: false)
      .enumerated()
    {
      var words = try Self.words(Array(text.utf8), line: index + 1)
      if let first = words.first,
        ["for", "except"].contains(String(decoding: first, as: UTF8.self))
      {
        guard words.count > 1 else { throw Malformed(line: index + 1) }
        let isMeant = words[1] == Array(backend.rawValue.utf8)
        words.removeFirst(2)
        guard isMeant == (first == Array("for".utf8)) else {
          if words.isEmpty { break }
          continue
        }
      }
      if !words.isEmpty { lines.append(Line(number: index + 1, words: words)) }
    }
    self.lines = lines
  }

  private static func words(_ line: [UInt8], line number: Int) throws -> [[UInt8]] {
    var words: [[UInt8]] = []
    var index = 0
    while index < line.count {
      if line[index] == 0x20 {
        index += 1
        continue
      }
      if line[index] == UInt8(ascii: "#") { break }
      var word: [UInt8] = []
      let isQuoted = line[index] == UInt8(ascii: "\"")
      if isQuoted { index += 1 }
      while index < line.count {
        let byte = line[index]
        if isQuoted ? byte == UInt8(ascii: "\"") : byte == 0x20 { break }
        guard byte == UInt8(ascii: "\\") else {
          word.append(byte)
          index += 1
          continue
        }
        guard index + 1 < line.count else { throw Malformed(line: number) }
        switch line[index + 1] {
        case UInt8(ascii: "n"): word.append(0x0A)
        case UInt8(ascii: "x"):
          guard index + 3 < line.count,
            let byte = UInt8(
              String(decoding: line[index + 2...index + 3], as: UTF8.self), radix: 16)
          else { throw Malformed(line: number) }
          word.append(byte)
          index += 2
        default: word.append(line[index + 1])
        }
        index += 2
      }
      if isQuoted {
        guard index < line.count else { throw Malformed(line: number) }
        index += 1
      }
      words.append(word)
    }
    return words
  }

  /// The scenario files beside this source, by name.
  static var all: [String] {
    let directory = URL(filePath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Scenarios")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    return names.filter { $0.hasSuffix(".scenario") }.sorted()
  }

  static func named(_ name: String, for backend: BackendChoice) throws -> ScenarioScript {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Scenarios").appendingPathComponent(name)
    return try ScenarioScript(String(contentsOf: file, encoding: .utf8), for: backend)
  }
}

/// Records in the scenario language's words.
enum ChangeWords {
  static func describe(_ record: JournalRecord, in batch: ChangeBatch) -> [[UInt8]] {
    let path = Array(batch.path(of: record))
    switch record.subject {
    case .watch: return [Array("watch".utf8), Array(record.state.name.utf8)]
    case .reset: return [Array("reset".utf8), Array(record.reason.name.utf8), path]
    case .change: break
    }
    var words = [Array(record.kind.name.utf8)]
    if record.kind == .move { words += [Array(batch.from(of: record)), Array("->".utf8)] }
    words.append(path)
    if let type = record.type.name { words.append(Array(type.utf8)) }
    for (flag, word) in flags where record.flags.contains(flag) { words.append(Array(word.utf8)) }
    return words
  }

  private static let flags: [(ChangeFlags, String)] = [
    (.closed, "closed"), (.replaced, "replaced"), (.exchange, "exchange"), (.moved, "moved"),
    (.rescan, "rescan"), (.written, "written"),
  ]
  /// What polling can tell of a change, or of an expected one.
  static func polled(_ words: [[UInt8]]) -> [[UInt8]] {
    words.prefix(2) + words.dropFirst(2).filter { !unpolled.contains($0) }
  }

  private static let unpolled = ["closed", "moved", "rescan"].flatMap {
    [Array($0.utf8), Array("\($0)?".utf8)]
  }
  private static let types = ["file", "directory", "symlink", "other"].map { Array($0.utf8) }

  /// Whether what came is what was expected; a type that is not asked for may be any.
  static func matches(_ came: [[UInt8]], _ expected: [[UInt8]]) -> Bool {
    if came == expected { return true }
    if let index = expected.dropFirst(2).firstIndex(where: { $0.last == UInt8(ascii: "?") }) {
      var with = expected
      with[index].removeLast()
      var without = expected
      without.remove(at: index)
      return matches(came, with) || matches(came, without)
    }
    guard !expected.dropFirst(2).contains(where: { types.contains($0) }) else { return false }
    var untyped = came
    if let index = came.dropFirst(2).lastIndex(where: { types.contains($0) }) {
      untyped.remove(at: index)
    }
    return untyped == expected
  }

  static func shown(_ words: [[UInt8]]) -> String {
    words.map { word in
      let text = word.map { byte in
        switch byte {
        case 0x0A: "\\n"
        case 0x22, 0x5C: "\\" + String(UnicodeScalar(byte))
        case 0x20...0x7E: String(UnicodeScalar(byte))
        default: "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
      }.joined()
      return word.isEmpty || word.contains(0x20) ? "\"\(text)\"" : text
    }.joined(separator: " ")
  }
}
