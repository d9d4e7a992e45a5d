import FileEvents
import HTTPTypes
import Testing

@testable import Server

@Suite("A watch as asked for in JSON")
struct WatchJSONTests {
  private func spec(_ json: String) throws -> WatchSpec {
    try WatchSpec(JSONValue.parse(Array(json.utf8), as: "body"), roots: [Array("/srv".utf8)])
  }

  @Test("has the contract's defaults")
  func defaults() throws {
    let spec = try spec(#"{"root":"/srv/site"}"#)
    var expected = WatchSpec(root: Array("/srv/site".utf8))
    expected.confinedTo = Array("/srv".utf8)
    #expect(spec == expected)
    #expect(spec.settle == .milliseconds(20))
    #expect(spec.settleMax == .milliseconds(500))
  }

  @Test("has every field that was given")
  func everything() throws {
    let spec = try spec(
      #"""
      {"root":"/srv/a","id":"a.b-1","recursive":false,"ignore":["*.o"],"include":["**/*.c"],
       "gitignore":true,"hidden":false,"kinds":["create","close"],"backend":"inotify",
       "pollInterval":"5s","settle":"0","settleMax":"1s","followSymlinks":true,"index":false,
       "label":"x","ephemeral":true}
      """#)
    #expect(spec.id == "a.b-1")
    #expect(!spec.recursive && spec.gitignore && !spec.hidden && spec.followSymlinks)
    #expect(spec.ignore == ["*.o"] && spec.include == ["**/*.c"])
    #expect(spec.kinds == [.create, .close])
    #expect(spec.backend == .inotify)
    #expect(
      spec.pollInterval == .seconds(5) && spec.settle == .zero && spec.settleMax == .seconds(1))
    #expect(!spec.index && spec.ephemeral && spec.label == "x")
  }

  @Test("what is polled is looked at every 100 ms at most", arguments: ["100ms", "1h"])
  func pollInterval(_ text: String) throws {
    #expect(throws: Never.self) {
      try spec(#"{"root":"/srv","backend":"poll","pollInterval":"\#(text)"}"#)
    }
  }

  @Test("a settle longer than the default bound moves the bound along")
  func longSettle() throws {
    #expect(try spec(#"{"root":"/srv","settle":"2s"}"#).settleMax == .seconds(2))
  }

  @Test(
    "is refused by the name of the field that is wrong",
    arguments: [
      (#"{}"#, "root"), (#"[]"#, "spec"), (#"{"root":1}"#, "root"),
      (#"{"root":"/srv","settel":"1s"}"#, "settel"), (#"{"root":"/srv","settle":20}"#, "settle"),
      (#"{"root":"/srv","settle":"20"}"#, "settle"), (#"{"root":"/srv","settle":"2h"}"#, "settle"),
      (#"{"root":"/srv","settle":"1s","settleMax":"1ms"}"#, "settleMax"),
      (#"{"root":"/srv","kinds":["write"]}"#, "kinds"),
      (#"{"root":"/srv","ignore":[1]}"#, "ignore[0]"), (#"{"root":"/srv","id":"Ä"}"#, "id"),
      (#"{"root":"/srv","backend":"kqueue"}"#, "backend"),
      (#"{"root":"/srv","pollInterval":"99ms"}"#, "pollInterval"),
      (#"{"root":"/srv","pollInterval":"3601s"}"#, "pollInterval"),
      (#"{"root":"/srv","index":"yes"}"#, "index"), (#"{"root":"/srv""#, "body"),
    ])
  func refused(json: String, field: String) {
    let problem = #expect(throws: Problem.self) { try spec(json) }
    #expect(problem?.field == field)
    #expect(problem?.status == .badRequest)
  }
}
