import FileEvents
import Testing

@Suite("An ignore list")
struct IgnoreListTests {
  /// `path/` is a directory.
  private func ignores(_ list: IgnoreList, _ path: String) -> Bool {
    let isDirectory = path.hasSuffix("/")
    return list.ignores(
      path: Array((isDirectory ? path.dropLast() : path[...]).utf8), isDirectory: isDirectory)
  }

  @Test(
    "reads patterns as gitignore(5) does",
    arguments: [
      (["foo"], ["foo", "foo/", "a/foo", "foo/x"], ["food", "a/food"]),
      (["/foo"], ["foo", "foo/x"], ["a/foo"]),
      (["foo/"], ["foo/", "foo/x", "a/foo/", "a/foo/x"], ["foo", "a/foo"]),
      (["doc/frotz/"], ["doc/frotz/"], ["a/doc/frotz/", "doc/frotz"]),
      (["frotz/"], ["frotz/", "a/frotz/"], ["frotz"]),
      (["doc/frotz"], ["doc/frotz"], ["a/doc/frotz"]),
      (["/doc/frotz"], ["doc/frotz"], ["a/doc/frotz"]),
      (["foo/*"], ["foo/test.json", "foo/bar/", "foo/bar/hello.c"], ["foo/"]),
      (["hello.*"], ["hello.txt", "a/hello.java"], ["hello"]),
      (["/hello.*"], ["hello.txt", "hello.c"], ["a/hello.java"]),
      (["**/foo"], ["foo", "a/b/foo"], ["food"]),
      (["**/foo/bar"], ["foo/bar", "a/foo/bar"], ["foo/x/bar"]),
      (["abc/**"], ["abc/x", "abc/x/y"], ["abc/", "x/abc/y"]),
      (["a/**/b"], ["a/b", "a/x/b", "a/x/y/b"], ["a/xb"]),
      (["*.[oa]"], ["x.o", "lib/x.a"], ["x.c"]),
      (["*.html", "!foo.html"], ["a.html"], ["foo.html", "a/foo.html"]),
      (["/*", "!/foo", "/foo/*", "!/foo/bar"], ["x", "foo/x"], ["foo/", "foo/bar", "foo/bar/y"]),
      (["node_modules/", "!node_modules/keep"], ["node_modules/keep"], []),
      (["!foo", "foo"], ["foo"], []),
      (["foo", "!foo"], [], ["foo"]),
      (["# foo", "", "   "], [], ["# foo", "#", " "]),
      (["\\#foo"], ["#foo"], ["foo"]),
      ([#"\!important!.txt"#], ["!important!.txt"], ["important!.txt"]),
      (["foo  "], ["foo"], ["foo  "]),
      ([#"foo\ "#], ["foo "], ["foo"]),
      ([#"foo\ \  "#], ["foo  "], ["foo", "foo "]),
      ([#"foo\\ "#], [#"foo\"#], [#"foo\ "#]),
      ([" foo"], [" foo"], ["foo"]),
      (["{a,b}"], ["{a,b}"], ["a", "b"]),
      (["**"], ["a", "a/b/"], [""]),
      (["/"], [], ["a", "a/"]),
      (["***/b"], ["b", "a/b", "a/a/b"], ["ab"]),
      (["a/***"], ["a/b", "a/b/c"], ["a/", "a"]),
      (["?.txt", "[!x].md"], ["e.txt", "e.md"], ["\u{E9}.txt", "\u{E9}.md", "x.md"]),
      // A set's members are bytes, too: `é` was one character there, which no byte of it is.
      (
        ["[!é]*.md", "[é]?.txt", "[a-é]?.c"], ["a.md", "é.txt", "bx.c"], ["é.md", "é", "\u{EA}x.c"]
      ),
      (["//", "//a", "b//c", "d//", "!"], [], ["a", "a/", "b/c", "d/", "d/e"]),
    ] as [([String], [String], [String])])
  func patterns(patterns: [String], ignored: [String], seen: [String]) throws {
    let list = try IgnoreList(patterns)
    for path in ignored { #expect(ignores(list, path), "\(patterns) ignore \(path)") }
    for path in seen { #expect(!ignores(list, path), "\(patterns) do not ignore \(path)") }
  }

  private static let paths = [
    "b", "bc", "bxc", "b/c", "bx/c", "bx/y/c", "b/x/c", "x/b", "x/bc", "x/b/c", "x/bx/y", "a/bc",
    "a/b/c", "a/bx/y/c", "a/b", "b/x", "bx", "b/x/y", "ab/c", "aab/c", "x/bzc", "x/by/zc",
  ]

  /// As `git check-ignore` (2.39) answered for each of these paths.
  @Test(
    "takes two asterisks for directories where git does, whatever its manual says",
    arguments: [
      ("b**/c", ["bc", "b/c", "bx/c", "bx/y/c", "b/x/c"]),
      ("b***/c", ["bc", "b/c", "bx/c", "bx/y/c", "b/x/c"]),
      ("b**/**/c", ["bc", "b/c", "bx/c", "bx/y/c", "b/x/c"]),
      ("b**/*/c", ["b/c", "bx/c", "bx/y/c", "b/x/c"]),
      ("b**x/c", ["bx/c"]),
      ("?b**/c", ["ab/c"]),
      ("\\b**/c", ["b/c", "bx/c"]),
      ("a*b**/c", ["ab/c", "aab/c"]),
      ("a/b**/c", ["a/bc", "a/b/c", "a/bx/y/c"]),
      ("b**/c/", []),
      ("b**//c", ["b/c"]),
      ("b**/**//c", ["b/c"]),
      ("b**//**", ["b/c", "b/x/c", "b/x", "b/x/y"]),
      ("b**//", ["b/c", "b/x/c", "b/x", "b/x/y"]),
      ("b**///c", []),
      ("b**/c//x", []),
      ("x/b**//*", ["x/b/c"]),
      ("x/b**c", ["x/bc", "x/bzc"]),
      ("x/b**", ["x/b", "x/bc", "x/b/c", "x/bx/y", "x/bzc", "x/by/zc"]),
      (
        "/b**",
        ["b", "bc", "bxc", "b/c", "bx/c", "bx/y/c", "b/x/c", "b/x", "bx", "b/x/y"]
      ),
      (
        "b**/*",
        ["b", "bc", "bxc", "b/c", "bx/c", "bx/y/c", "b/x/c", "b/x", "bx", "b/x/y"]
      ),
    ] as [(String, [String])])
  func asterisks(pattern: String, ignored: [String]) throws {
    let list = try IgnoreList([pattern])
    #expect(Self.paths.filter { ignores(list, $0) } == ignored)
  }

  @Test("refuses what is no pattern, with the offset inside it")
  func refused() {
    #expect(throws: GlobError(.unclosedSet, at: 4)) { _ = try IgnoreList(["ok", "!foo[a"]) }
    #expect(throws: GlobError(.unclosedSet, at: 7)) { _ = try IgnoreList(["!/fo**/[a"]) }
    #expect(throws: GlobError(.unclosedSet, at: 8)) { _ = try IgnoreList(["!/fo**//[a"]) }
  }

  @Test("reads a file with lines that are no patterns")
  func file() {
    let list = IgnoreList(file: Array("# built\n/build/\n\n*.o\nbad[\n!keep.o".utf8))
    #expect(ignores(list, "build/x"))
    #expect(ignores(list, "x.o"))
    #expect(!ignores(list, "keep.o"))
    #expect(!ignores(list, "bad["))
  }

  @Test("reads a file with a byte order mark and lines that end as on Windows")
  func fileFromElsewhere() {
    let list = IgnoreList(file: Array("\u{FEFF}*.o\r\nbuild/ \r\n\r\n*.a\r".utf8))
    #expect(ignores(list, "x.o"))
    #expect(ignores(list, "x.a"))
    #expect(!ignores(list, "x.c"))
  }

  @Test("reads a file in another encoding byte by byte")
  func fileInAnotherEncoding() {
    // Found by fuzzing: behind a star only the beginnings of characters were tried.
    let list = IgnoreList(file: [0x2A, 0x83, 0x2A])
    #expect(list.ignores(path: [0x61, 0xD0, 0x83], isDirectory: false))
    #expect(!list.ignores(path: [0x61, 0xD0, 0x84], isDirectory: false))
  }

  @Test("says ignored, seen, or nothing at all")
  func verdicts() throws {
    let list = try IgnoreList(["*.o", "!keep.o"])
    for (path, verdict) in [("x.o", true), ("keep.o", false), ("x.c", nil)] as [(String, Bool?)] {
      let bytes = Array(path.utf8)
      #expect(list.verdict(path: bytes.span, isDirectory: false) == verdict, "\(path)")
    }
  }
}
