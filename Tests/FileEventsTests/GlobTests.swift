import FileEvents
import Testing

@Suite("A glob")
struct GlobTests {
  @Test(
    "matches as the contract says",
    arguments: [
      // exact paths and directories
      ("src/a.css", ["src/a.css"], ["src/a.cs", "src/a.css/b", "a.css", "src", ""]),
      ("/src/a.css", ["src/a.css"], ["a.css"]),
      ("src/", ["src/a", "src/a/b"], ["src", "srcs/a", "a/src/b", ""]),
      ("/", ["a", "a/b"], [""]),
      (#"a\*b"#, ["a*b"], ["axb", #"a\*b"#]),
      // * and ? stay inside a name
      ("*.css", ["a.css", ".css"], ["a/b.css", "a.css.map", ""]),
      ("src/*", ["src/a", "src/.a"], ["src", "src/a/b"]),
      ("a*b*c", ["abc", "axxbyyc", "abbcbc"], ["ab", "abcd", "axb/c"]),
      ("?", ["a", "é", "€", "😀", "*"], ["", "ab", "é€", "/"]),
      ("*??", ["é€", "abc"], ["€", "é"]),
      ("a?b", ["axb"], ["a/b", "ab"]),
      // **
      ("**/*.css", ["a.css", "x/a.css", "x/y/a.css"], ["a.js", "x/a.css/y"]),
      ("a/**", ["a/b", "a/b/c"], ["a", "ab/c"]),
      ("a/**/b", ["a/b", "a/x/b", "a/x/y/b", "a/b/b"], ["a/xb", "a/b/c", "b"]),
      ("**", ["a", "a/b"], [""]),
      ("**/a/**/b/*.c", ["a/b/x.c", "q/a/b/a/b/x.c", "a/q/b/x.c"], ["a/x.c", "a/b/x/y.c"]),
      ("a**b", ["ab", "axxb"], ["a/b"]),
      // sets
      ("[abc]x", ["ax", "cx"], ["dx", "x", "abx"]),
      ("[a-cx-z]", ["b", "y"], ["d", "-"]),
      ("[!a-c]", ["d", "é"], ["a", "", "/"]),
      ("[^a]b", ["bb"], ["ab"]),
      ("[]-]", ["]", "-"], ["a"]),
      ("[a-]", ["a", "-"], ["b"]),
      (#"[\]\\]"#, ["]", #"\"#], ["a"]),
      ("[à-ü]", ["é"], ["e", "ÿ"]),
      ("x[/]y", [], ["x/y"]),
      ("[[:digit:]x]", ["7", "x"], ["a", "[", ":"]),
      // braces
      ("*.{css,js}", ["a.css", "a.js"], ["a.html", "a.css,js"]),
      ("{src,lib/x}/**", ["src/a", "lib/x/a"], ["lib/a"]),
      ("a{b,{c,d}e,}f", ["abf", "acef", "adef", "af"], ["acf", "abef"]),
      ("{a}", ["a"], ["{a}"]),
      (#"\{a,b\}"#, ["{a,b}"], ["a"]),
      ("[{]a,b", ["{a,b"], []),
      ("{[,],x}", [",", "x"], ["["]),
      ("*/lib/", ["a/lib/b"], ["a/lib", "lib/b"]),
    ] as [(String, [String], [String])])
  func matching(text: String, inside: [String], outside: [String]) throws {
    let glob = try Glob(text)
    for path in inside { #expect(glob.matches(path), "\(text) matches \(path)") }
    for path in outside { #expect(!glob.matches(path), "\(text) does not match \(path)") }
  }

  @Test("takes a byte that is not UTF-8 for one character")
  func invalidBytes() throws {
    let name: [UInt8] = [0x61, 0xFF, 0x62]
    for (text, expected) in [
      ("a?b", true), ("a*", true), ("a[!x]b", true), ("a[x]b", false), ("a??b", false),
    ] {
      let matches = try Glob(text).matches(name.span)
      #expect(matches == expected, "\(text)")
    }
  }

  @Test(
    "is refused with the reason and the offset",
    arguments: [
      ("", .empty, 0), ("{,a}", .empty, 0), ("a[b", .unclosedSet, 1), ("[]", .unclosedSet, 0),
      ("[[:alpha]", .unclosedSet, 1), ("[[:nope:]]", .unknownClass, 1),
      ("x[z-a]", .reversedRange, 2),
      (#"ab\"#, .danglingEscape, 2), ("a{b,c", .unclosedBrace, 1), ("a}b", .unopenedBrace, 1),
      ("{a,}/x}", .unopenedBrace, 6), ("{{{{{{{{{a}}}}}}}}}", .nestedTooDeep, 8),
      ("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", .tooManyAlternatives, 30),
      (String(repeating: "a", count: 1_025), .tooLong, 1_024),
    ] as [(String, GlobError.Reason, Int)])
  func refused(text: String, reason: GlobError.Reason, offset: Int) {
    #expect(throws: GlobError(reason, at: offset)) { _ = try Glob(text) }
  }

  @Test("could match below the directories that lead to a match, and no others")
  func directories() throws {
    for (text, inside, outside) in [
      ("src/lib/", ["", "src", "src/lib", "src/lib/x/y"], ["lib", "src/li", "srcx"]),
      ("src/a.css", ["", "src"], ["src/a.css", "src/x", "x"]),
      ("*.css", [""], ["a", "a.css"]),
      ("src/*/x?", ["", "src", "src/a"], ["lib", "src/a/b", "src/a/xy"]),
      ("**/*.css", ["", "a", "a/b/c"], []),
      ("a/**/b", ["", "a", "a/q", "a/b"], ["b", "q/a"]),
      ("{x,y/z}/w", ["", "x", "y", "y/z"], ["z", "x/w"]),
    ] as [(String, [String], [String])] {
      let glob = try Glob(text)
      for path in inside { #expect(glob.couldMatchBelow(path), "\(text) below \(path)") }
      for path in outside { #expect(!glob.couldMatchBelow(path), "\(text) not below \(path)") }
    }
  }

  @Test("knows the literal places its matches stand at")
  func places() throws {
    let expected: [(String, [GlobPlace])] = [
      ("src/a.css", [.path(Array("src/a.css".utf8))]),
      ("src/lib/", [.below(Array("src/lib".utf8))]),
      ("src/lib/*.c", [.below(Array("src/lib".utf8))]),
      ("**/*.css", [.below([])]),
      ("{x,y/z}/*", [.below(Array("x".utf8)), .below(Array("y/z".utf8))]),
    ]
    for (text, places) in expected { #expect(try Glob(text).places == places, "\(text)") }
  }

  @Test("needs no more than its bound of steps for the patterns that blow up others")
  func noBlowUp() throws {
    let name = String(repeating: "a", count: 255)
    let path = Array(repeating: name, count: 15).joined(separator: "/")
    #expect(try !Glob(String(repeating: "a*", count: 300) + "b").matches(path))
    #expect(try !Glob(String(repeating: "**/a*/", count: 150) + "b").matches(path))
    #expect(try !Glob("{**/*a,**/*aa}{*a*b,*a*c}{*a*d,*a*e}").matches(path))
  }
}

extension Glob {
  func matches(_ path: String) -> Bool { matches(path.utf8.span) }
  func couldMatchBelow(_ path: String) -> Bool { couldMatchBelow(path.utf8.span) }
}
