import HTTPSemantics
import Testing

struct TargetTests {
  @Test(
    "a path is names, decoded once",
    arguments: [
      ("/", [], true, nil), ("/a", ["a"], false, nil), ("/a/b/", ["a", "b"], true, nil),
      ("//a///b", ["a", "b"], false, nil), ("/%61%20b", ["a b"], false, nil),
      ("/%2561", ["%61"], false, nil), ("/a+b", ["a+b"], false, nil),
      ("/a\\b", ["a\\b"], false, nil),
      ("/...", ["..."], false, nil), ("/a?b=/../c", ["a"], false, "b=/../c"), ("/?", [], true, ""),
      ("/%C3%A9", ["é"], false, nil), ("/-/v1/events", ["-", "v1", "events"], false, nil),
    ] as [(String, [String], Bool, String?)])
  func path(_ text: String, names: [String], endsInSlash: Bool, query: String?) throws {
    let target = try RequestTarget(text)
    #expect(target.components == names.map { Array($0.utf8) })
    #expect(target.endsInSlash == endsInSlash)
    #expect(target.query == query)
    #expect(target.relativePath == Array(names.joined(separator: "/").utf8))
  }

  @Test("a name may be any bytes but NUL and slash")
  func rawName() throws {
    #expect(try RequestTarget("/%FF%0A").components == [[0xFF, 0x0A]])
  }

  @Test(
    "what would name two things, or none, is refused",
    arguments: [
      ("*", .notAPath), ("", .notAPath), ("a/b", .notAPath),
      ("/a%", .malformedPercent(offset: 2)), ("/a/b%4", .malformedPercent(offset: 4)),
      ("/%zz", .malformedPercent(offset: 1)), ("/%00", .nul), ("/a%00.html", .nul),
      ("/a%2Fb", .encodedSlash), ("/..%2f..%2fetc", .encodedSlash),
      ("/..", .dotSegment), ("/a/../b", .dotSegment), ("/a/./b", .dotSegment),
      ("/%2e%2E/etc", .dotSegment), ("/a/.%2e", .dotSegment), ("/%2e", .dotSegment),
    ] as [(String, RequestTarget.Problem)])
  func refused(_ text: String, problem: RequestTarget.Problem) {
    #expect(throws: problem) { try RequestTarget(text) }
  }

  @Test("a query is names and values, in order and as often as given")
  func query() throws {
    let query = try Query("path=a%2Fb+c&path=&&flag&k%69nds=x=y&v=%FF")
    #expect(query.items.map(\.name) == ["path", "path", "flag", "kinds", "v"])
    #expect(query["path"].map(\.text) == ["a/b c", ""])
    #expect(query["flag"].map(\.value) == [[]])
    #expect(query["kinds"].map(\.text) == ["x=y"])
    #expect(query["v"].map(\.text) == [nil])
    #expect(query["v"].map(\.value) == [[0xFF]])
    #expect(query["path"].map(\.offset) == [0, 13])
    #expect(try Query(nil).items == [])
    #expect(try Query("").items == [])
  }

  @Test(
    "an error in a query says where it is",
    arguments: [
      ("a=%", .malformedPercent(offset: 2)), ("ab=1&c=x%g1", .malformedPercent(offset: 8)),
      ("a=1&%2=1", .malformedPercent(offset: 4)), ("a=1&%FF=1", .nameIsNotUTF8(offset: 4)),
      (String(repeating: "a&", count: 257), .tooManyItems),
    ] as [(String, Query.Problem)])
  func queryProblem(_ text: String, problem: Query.Problem) {
    #expect(throws: problem) { try Query(text) }
  }

  @Test("a path is encoded so that it is read back")
  func encode() throws {
    let name: [UInt8] = Array("a b/é?#%".utf8) + [0xFF]
    let text = PercentCoding.encode(path: name)
    #expect(text == "a%20b/%C3%A9%3F%23%25%FF")
    #expect(try PercentCoding.decode(text.utf8.span) == name)
  }
}
