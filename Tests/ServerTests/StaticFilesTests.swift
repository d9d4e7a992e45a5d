import Foundation
import HTTPTypes
import Synchronization
import Syscalls
import Testing

@testable import Server

/// A site on disk and its answers, bodies read as a driver would send them.
private struct Site {
  let files: TemporarySite
  let server: StaticFiles

  init(_ files: [String: String], watchID: String? = "site-4f2a") throws {
    self.files = try TemporarySite(files)
    server = try StaticFiles(root: Array(self.files.path.utf8), watchID: watchID)
  }

  func get(
    _ target: String, method: HTTPRequest.Method = .get, _ fields: HTTPFields = [:]
  ) throws -> (status: Int, fields: HTTPFields, body: String) {
    let answer = server.answer(
      HTTPRequest(
        method: method, scheme: "http", authority: "localhost", path: target, headerFields: fields))
    let body =
      switch answer.body {
      case .empty: [UInt8]()
      case .bytes(let bytes): bytes
      case .file(let file, let offset, let length): try file.read(count: length, at: offset)
      }
    return (answer.status.code, answer.fields, String(decoding: body, as: UTF8.self))
  }
}

@Suite("A directory served as a site")
struct StaticFilesTests {
  private static let tag =
    "<script src=\"/-/client.js\" defer data-tidings data-watch=\"site-4f2a\"></script>"

  @Test("what is said of a file is put down once for each state of it")
  func preparedFields() throws {
    let site = try Site(["a.txt": "one"])
    func answer() -> Response {
      site.server.answer(
        HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: "/a.txt"))
    }
    #expect(answer().prepared == nil)
    var second = answer()
    let prepared = try #require(second.prepared)
    #expect(prepared.lines == PreparedFields(second.fields).lines)
    #expect(answer().prepared === prepared)
    second.fields[.vary] = "Origin"
    #expect(second.prepared == nil)
    try Data("another".utf8).write(to: URL(filePath: site.files.path + "/a.txt"))
    #expect(answer().prepared == nil)
    #expect(try site.get("/a.txt").body == "another")
  }

  @Test(
    "answers a file with its type, to be asked about each time",
    arguments: [
      ("/a.css", "text/css; charset=utf-8"), ("/a.js", "text/javascript; charset=utf-8"),
      ("/a.svg", "image/svg+xml"), ("/a.txt", "text/plain; charset=utf-8"),
      ("/a", "application/octet-stream"), ("/a%20b.txt", "text/plain; charset=utf-8"),
      ("/a.css?v=1", "text/css; charset=utf-8"), ("//a.css", "text/css; charset=utf-8"),
      ("/a%5Cb.txt", "text/plain; charset=utf-8"),
      ("/.well-known/a.txt", "text/plain; charset=utf-8"),
      ("/%C3%A9.txt", "text/plain; charset=utf-8"),
    ])
  func types(target: String, type: String) throws {
    let site = try Site([
      "a.css": "x", "a.js": "x", "a.svg": "x", "a.txt": "x", "a": "x", "a b.txt": "x",
      "a\\b.txt": "x", ".well-known/a.txt": "x", "é.txt": "x",
    ])
    let answer = try site.get(target)
    #expect(answer.status == 200)
    #expect(answer.body == "x")
    #expect(answer.fields[.contentType] == type)
    #expect(answer.fields[.cacheControl] == "no-cache")
    #expect(answer.fields[.acceptRanges] == "bytes")
    #expect(answer.fields[.eTag]?.hasPrefix("\"") == true)
    #expect(answer.fields[.lastModified]?.hasSuffix(" GMT") == true)
    #expect(answer.fields[.vary] == "Accept-Encoding")
  }

  @Test("describes a file anew once it has changed, and each of its names by itself")
  func changes() throws {
    let site = try Site(["a.txt": "one"])
    try FileManager.default.linkItem(
      atPath: "\(site.files.path)/a.txt", toPath: "\(site.files.path)/a.css")
    let first = try site.get("/a.txt")
    #expect(try site.get("/a.txt").fields == first.fields)
    let other = try site.get("/a.css").fields
    #expect(other[.contentType] == "text/css; charset=utf-8")
    #expect(other[.eTag] == first.fields[.eTag])

    try Data("two".utf8).write(to: URL(fileURLWithPath: "\(site.files.path)/a.txt"))
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1_000_000_000)],
      ofItemAtPath: "\(site.files.path)/a.txt")
    let second = try site.get("/a.txt")
    #expect(second.body == "two")
    #expect(second.fields[.eTag] != first.fields[.eTag])
    #expect(second.fields[.lastModified] == "Sun, 09 Sep 2001 01:46:40 GMT")
  }

  @Test("shows a directory's index.html and sends a client that left out the slash there")
  func directories() throws {
    let site = try Site(["index.html": "root", "docs/a b/index.html": "page", "empty/x": ""])
    #expect(try site.get("/").body == "root\(Self.tag)")
    #expect(try site.get("/docs/a%20b/").body == "page\(Self.tag)")
    let redirect = try site.get("/docs/a%20b?x=%2F&y")
    #expect(redirect.status == 308)
    #expect(redirect.fields[.location] == "/docs/a%20b/?x=%2F&y")
    #expect(redirect.fields[.cacheControl] == "no-cache")
    #expect(try site.get("/empty/").status == 404)
    #expect(try site.get("/index.html/").status == 404)
  }

  @Test(
    "never redirects to another host",
    arguments: [
      "//evil.example", "/%2Fevil.example", "///evil.example", "/\\evil.example",
      "/%5Cevil.example",
    ])
  func openRedirect(target: String) throws {
    let site = try Site(["evil.example/x": "", "\\evil.example/x": ""])
    let answer = try site.get(target)
    if let location = answer.fields[.location] {
      #expect(location == "/evil.example/" || location == "/%5Cevil.example/")
    } else {
      #expect(answer.status == 404)
    }
  }

  @Test(
    "lets nothing out that is not a public file beneath the root",
    arguments: [
      "/.git/config", "/.env", "/docs/.hidden", "/docs/.well-known/x", "/.well-known/.secret",
      "/../secret", "/docs/../../secret", "/..%2fsecret", "/%2e%2e/secret", "/docs/%2e%2e/.env",
      "/docs%2fa.txt", "/a.txt%00.html", "/outside", "/up/secret", "/proc/self/environ",
      "/absolute", "/loop", "/fifo", "/docs/..", "/.", "/nowhere",
    ])
  func containment(target: String) throws {
    let site = try Site([
      ".git/config": "s", ".env": "s", "docs/.hidden": "s", "docs/.well-known/x": "s",
      ".well-known/.secret": "s", "docs/a.txt": "s", "a.txt": "s",
    ])
    let outside = try TemporarySite(["secret": "s"])
    try site.files.link("outside", to: "\(outside.path)/secret")
    try site.files.link("up", to: "../\(outside.path.split(separator: "/").last!)")
    try site.files.link("proc", to: "/proc")
    try site.files.link("absolute", to: "\(site.files.path)/a.txt")
    try site.files.link("loop", to: "loop")
    #expect(mkfifo("\(site.files.path)/fifo", 0o644) == 0)
    let answer = try site.get(target)
    #expect(answer.status == 404)
    #expect(answer.body.contains("no such file"))
  }

  @Test("never follows a way out that appears while it looks")
  func race() throws {
    let site = try Site(["inside/a.txt": "public"])
    let outside = try TemporarySite(["a.txt": "secret"])
    let path = site.files.path
    let target = outside.path
    let turns = Mutex(0)
    let isDone = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      for turn in 0..<20_000 {
        _ = symlink(turn % 2 == 0 ? target : "inside", "\(path)/new")
        _ = rename("\(path)/new", "\(path)/door")
        turns.withLock { $0 = turn }
      }
      isDone.signal()
    }
    var seen: Set<String> = []
    while turns.withLock({ $0 }) < 19_999 {
      let answer = try site.get("/door/a.txt")
      seen.insert(answer.status == 200 ? answer.body : "nothing")
    }
    isDone.wait()
    #expect(seen == ["public", "nothing"])
  }

  @Test("follows a symlink that stays inside")
  func insideSymlink() throws {
    let site = try Site(["docs/a.txt": "inside"])
    try site.files.link("latest", to: "docs")
    #expect(try site.get("/latest/a.txt").body == "inside")
  }

  @Test("says where a percent escape is broken")
  func malformed() throws {
    let site = try Site([:])
    #expect(try site.get("/a%2").status == 400)
    #expect(try site.get("/%zz").status == 400)
  }

  @Test("takes GET and HEAD alone")
  func methods() throws {
    let site = try Site(["a.txt": "x"])
    for method in [HTTPRequest.Method.post, .put, .delete, .init("PROPFIND")!] {
      let answer = try site.get("/a.txt", method: method)
      #expect(answer.status == 405)
      #expect(answer.fields[.allow] == "GET, HEAD")
    }
    #expect(try site.get("/a.txt", method: .head).body == "x")
  }

  @Test("answers a missing file with the site's own page, or a plain one, and its script in both")
  func notFound() throws {
    let plain = try Site([:])
    #expect(try plain.get("/x").body.contains("<head>\(Self.tag)"))
    let own = try Site(["404.html": "<body>lost</body>"])
    let answer = try own.get("/x", [.ifNoneMatch: "*"])
    #expect(answer.status == 404)
    #expect(answer.body == "<body>lost\(Self.tag)</body>")
    #expect(try own.get("/404.html").status == 200)
  }

  @Test("answers 304 to who has the file, and 412 to who insists on another")
  func conditions() throws {
    let site = try Site(["a.txt": "x", "index.html": "<head>"])
    for target in ["/a.txt", "/"] {
      let first = try site.get(target)
      let tag = try #require(first.fields[.eTag])
      let again = try site.get(target, [.ifNoneMatch: "\"other\", \(tag)"])
      #expect(again.status == 304)
      #expect(again.body == "")
      #expect(again.fields[.eTag] == tag)
      #expect(again.fields[.vary] == first.fields[.vary])
      #expect(again.fields[.contentType] == nil)
      let modified = try #require(first.fields[.lastModified])
      #expect(try site.get(target, [.ifModifiedSince: modified]).status == 304)
      #expect(
        try site.get(target, [.ifModifiedSince: modified, .ifNoneMatch: "\"other\""]).status == 200)
      #expect(try site.get(target, [.ifMatch: "\"other\""]).status == 412)
    }
  }

  @Test("a write changes the entity tag, and so does a replacement of the same size and time")
  func entityTag() throws {
    let site = try Site(["a.txt": "x"])
    let file = "\(site.files.path)/a.txt"
    let time = Date(timeIntervalSince1970: 1_700_000_000)
    try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: file)
    let first = try site.get("/a.txt").fields[.eTag]
    try FileManager.default.setAttributes(
      [.modificationDate: time.addingTimeInterval(1)], ofItemAtPath: file)
    let touched = try site.get("/a.txt").fields[.eTag]
    #expect(touched != first)
    try site.files.write("b.txt", Data("y".utf8))
    try FileManager.default.setAttributes(
      [.modificationDate: time.addingTimeInterval(1)], ofItemAtPath: "\(site.files.path)/b.txt")
    #expect(rename("\(site.files.path)/b.txt", file) == 0)
    #expect(try site.get("/a.txt").fields[.eTag] != touched)
  }

  @Test(
    "sends the part that was asked for",
    arguments: [
      ("bytes=0-1", 206, "ab", "bytes 0-1/6"), ("bytes=4-", 206, "ef", "bytes 4-5/6"),
      ("bytes=-2", 206, "ef", "bytes 4-5/6"), ("bytes=5-99", 206, "f", "bytes 5-5/6"),
      ("bytes=6-", 416, "", "bytes */6"), ("bytes=0-1,3-4", 200, "abcdef", nil),
      ("lines=1-2", 200, "abcdef", nil), ("bytes=3-1", 200, "abcdef", nil),
    ] as [(String, Int, String, String?)])
  func ranges(range: String, status: Int, body: String, contentRange: String?) throws {
    let site = try Site(["a.txt": "abcdef"])
    let answer = try site.get("/a.txt", [.range: range])
    #expect(answer.status == status)
    if status != 416 { #expect(answer.body == body) }
    #expect(answer.fields[.contentRange] == contentRange)
  }

  @Test("sends the whole file when the part would be of another version")
  func ifRange() throws {
    let site = try Site(["a.txt": "abcdef"])
    let tag = try #require(try site.get("/a.txt").fields[.eTag])
    #expect(try site.get("/a.txt", [.range: "bytes=0-1", .ifRange: tag]).status == 206)
    #expect(try site.get("/a.txt", [.range: "bytes=0-1", .ifRange: "\"other\""]).status == 200)
  }

  @Test("a page with the script is another representation, without ranges")
  func injectedPage() throws {
    let site = try Site(["index.html": "<html><head></head></html>"])
    let page = try site.get("/", [.secFetchDest: "document", .range: "bytes=0-3"])
    let source = try site.get("/", [.secFetchDest: "empty"])
    #expect(page.status == 200)
    #expect(page.body == "<html><head>\(Self.tag)</head></html>")
    #expect(page.fields[.acceptRanges] == "none")
    #expect(page.fields[.vary] == "Sec-Fetch-Dest, Accept-Encoding")
    #expect(source.body == "<html><head></head></html>")
    #expect(source.fields[.acceptRanges] == "bytes")
    #expect(source.fields[.vary] == "Sec-Fetch-Dest, Accept-Encoding")
    let tags = [page.fields[.eTag], source.fields[.eTag]]
    #expect(tags[0]?.hasPrefix("W/\"") == true)
    #expect(tags[0]?.dropFirst(2) != tags[1].map { $0[...] })
    #expect(try site.get("/", [.secFetchDest: "empty", .ifNoneMatch: tags[0]!]).status == 200)
  }

  @Test(
    "the script goes where pages are shown",
    arguments: [
      (nil, true), ("document", true), ("iframe", true), ("frame", true), ("empty", false),
      ("script", false), ("image", false), ("object", false),
    ] as [(String?, Bool)])
  func destinations(destination: String?, injected: Bool) throws {
    let site = try Site(["index.html": "<p>"])
    var fields = HTTPFields()
    fields[.secFetchDest] = destination
    #expect(try site.get("/", fields).body.contains("data-tidings") == injected)
  }

  @Test("a page that opted out is served as it is")
  func optedOut() throws {
    let html = "<html data-tidings=\"off\"><head></head></html>"
    #expect(try Site(["index.html": html]).get("/").body == html)
  }

  @Test(
    "says the encoding a page declares",
    arguments: [
      ("<p>", "text/html; charset=utf-8"),
      ("<meta charset=windows-1251>", "text/html; charset=windows-1251"),
      ("<head><meta charset=\"ISO-8859-2\">", "text/html; charset=iso-8859-2"),
      (
        "<meta http-equiv='Content-Type' content='text/html; charset=Shift_JIS'>",
        "text/html; charset=shift_jis"
      ),
      ("<!-- <meta charset=koi8-r> -->", "text/html; charset=utf-8"),
      ("<meta charset=utf-16le>", "text/html; charset=utf-8"),
      ("<meta charset='x\r\ny'>", "text/html; charset=utf-8"),
      ("\u{FEFF}<meta charset=koi8-r>", "text/html; charset=utf-8"),
    ])
  func encodings(html: String, type: String) throws {
    #expect(try Site(["index.html": html]).get("/").fields[.contentType] == type)
  }

  @Test("UTF-16 goes out untouched and unlabelled")
  func utf16() throws {
    let site = try Site([:])
    let html = Data([0xFF, 0xFE, 0x3C, 0x00])
    try site.files.write("a.html", html)
    let answer = site.server.answer(
      HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: "/a.html"))
    #expect(answer.fields[.contentType] == "text/html")
    guard case .bytes(let bytes) = answer.body else {
      Issue.record("not in memory")
      return
    }
    #expect(bytes == Array(html))
  }

  @Test("a root that is no directory is refused at once")
  func badRoot() throws {
    let site = try TemporarySite(["file": ""])
    #expect(throws: (any Error).self) {
      try StaticFiles(root: Array("\(site.path)/file".utf8), watchID: nil)
    }
    #expect(throws: (any Error).self) {
      try StaticFiles(root: Array("\(site.path)/missing".utf8), watchID: nil)
    }
  }
}
