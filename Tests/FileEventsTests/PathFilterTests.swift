import FileEvents
import Testing

@Suite("A path filter")
struct PathFilterTests {
  @Test(
    "sees what its paths mean and its ignores do not",
    arguments: [
      ([], [], ["", "a", "a/b"], []),
      (["src/", "*.md"], [], ["src/a", "x.md"], ["x.js", "srcs/a"]),
      (
        [], ["node_modules", "**/*.tmp"], ["a", "a/node_modulesx"],
        ["node_modules", "node_modules/x/y", "a/b.tmp"]
      ),
      (["src/"], ["**/gen/"], ["src/a", "src/gen"], ["src/gen/x", "gen/x"]),
    ] as [([String], [String], [String], [String])])
  func matching(paths: [String], ignores: [String], inside: [String], outside: [String]) throws {
    let filter = try PathFilter(paths: paths, ignores: ignores)
    for path in inside { #expect(filter.matches(path.utf8.span) == true, "\(paths) \(path)") }
    for path in outside { #expect(filter.matches(path.utf8.span) == false, "\(paths) \(path)") }
  }

  @Test("sees no directory whose inside it ignores")
  func ignoredDirectories() throws {
    let filter = try PathFilter(paths: [], ignores: ["node_modules", "build/", "*.d"])
    for (path, expected) in [
      ("", true), ("src", true), ("node_modules", false), ("node_modules/a", false),
      ("build", false), ("x.d", false),
    ] {
      let could = filter.couldMatchBelow(path.utf8.span)
      #expect(could == expected, "\(path)")
    }
  }

  @Test(
    "narrows a scope to what it could see of it",
    arguments: [
      ([], "", [""]), ([], "a", ["a"]),
      (["src/"], "", ["src"]), (["src/"], "src/lib", ["src/lib"]), (["src/"], "lib", []),
      (["src/"], "src", ["src"]),
      (["src/a.css"], "", ["src/a.css"]), (["src/a.css"], "src/a.css", ["src/a.css"]),
      (["**/*.css"], "x", ["x"]), (["*.css"], "x", []),
      (["src/", "src/lib/", "doc/x"], "", ["doc/x", "src"]),
      (["a/*/c"], "a/b", ["a/b"]), (["a/*/c"], "a/b/d", []),
    ] as [([String], String, [String])])
  func scopes(paths: [String], below: String, expected: [String]) throws {
    let filter = try PathFilter(paths: paths)
    #expect(filter.scopes(below: Array(below.utf8)) == expected.map { Array($0.utf8) })
  }
}
