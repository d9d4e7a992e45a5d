import Compression
import Foundation
import HTTPTypes
import Syscalls
import Testing

@testable import Server

@Suite("A site compressed on its way")
struct CompressedFilesTests {
  private static let style = String(repeating: "a { color: red }\n", count: 100)

  private static func get(
    _ server: StaticFiles, _ target: String, _ coding: String?, _ fields: HTTPFields = [:]
  ) throws -> (status: Int, fields: HTTPFields, body: [UInt8]) {
    var fields = fields
    fields[.acceptEncoding] = coding
    let answer = server.answer(
      HTTPRequest(
        method: .get, scheme: "http", authority: "localhost", path: target, headerFields: fields))
    let body =
      switch answer.body {
      case .empty: [UInt8]()
      case .bytes(let bytes): bytes
      case .file(let file, let offset, let length): try file.read(count: length, at: offset)
      }
    return (answer.status.code, answer.fields, body)
  }

  private static func text(_ body: [UInt8], _ format: CompressionFormat) throws -> String {
    var text: [UInt8] = []
    let progress = try Inflater(format).decompress(body.span.bytes, into: &text, limit: 1 << 20)
    #expect(progress == .ended(unused: 0))
    return String(decoding: text, as: UTF8.self)
  }

  @Test("each form of a file has its own tag, and is asked about by it")
  func forms() throws {
    let site = try TemporarySite(["a.css": Self.style])
    let server = try StaticFiles(root: Array(site.path.utf8), watchID: nil)
    var tags: Set<String> = []
    for (coding, format) in [(nil, nil), ("gzip", .gzip), ("deflate", .zlib)]
      as [(String?, CompressionFormat?)]
    {
      let answer = try Self.get(server, "/a.css", coding)
      #expect(answer.fields[.contentEncoding] == coding)
      #expect(answer.fields[.vary] == "Accept-Encoding")
      let text = try format.map { try Self.text(answer.body, $0) }
      #expect((text ?? String(decoding: answer.body, as: UTF8.self)) == Self.style)
      let tag = try #require(answer.fields[.eTag])
      tags.insert(tag)
      #expect(try Self.get(server, "/a.css", coding, [.ifNoneMatch: tag]).status == 304)
    }
    #expect(tags.count == 3)
  }

  @Test("a page is compressed with its script in it")
  func page() throws {
    let site = try TemporarySite([
      "index.html": "<!doctype html><body>" + String(repeating: "<p>word</p>", count: 100)
    ])
    let server = try StaticFiles(root: Array(site.path.utf8), watchID: nil)
    let answer = try Self.get(server, "/", "gzip")
    #expect(try Self.text(answer.body, .gzip).contains("/-/client.js"))
    #expect(answer.fields[.vary] == "Sec-Fetch-Dest, Accept-Encoding")
    let style = try Self.get(server, "/", "gzip", [HTTPField.Name("Sec-Fetch-Dest")!: "empty"])
    #expect(try !Self.text(style.body, .gzip).contains("/-/client.js"))
    #expect(style.fields[.eTag] != answer.fields[.eTag])
  }

  @Test("a file that changed is compressed anew")
  func change() throws {
    let site = try TemporarySite(["a.css": Self.style])
    let server = try StaticFiles(root: Array(site.path.utf8), watchID: nil)
    let before = try Self.get(server, "/a.css", "gzip")
    try site.write("a.css", .init((Self.style + "b {}").utf8))
    let after = try Self.get(server, "/a.css", "gzip")
    #expect(after.fields[.eTag] != before.fields[.eTag])
    #expect(try Self.text(after.body, .gzip) == Self.style + "b {}")
  }

  @Test("what lies beside it compressed is sent as it lies, unless it is older")
  func sibling() throws {
    let packed = Deflater.compressed(Array("packed".utf8), .gzip)
    let site = try TemporarySite(["old.js": "old"])
    try site.write("old.js.gz", .init(packed))
    try site.write("a.js", .init("plain".utf8))
    try site.write("a.js.gz", .init(packed))
    let server = try StaticFiles(root: Array(site.path.utf8), watchID: nil)
    let answer = try Self.get(server, "/a.js", "gzip")
    #expect(answer.body == packed)
    #expect(answer.fields[.contentEncoding] == "gzip")
    #expect(answer.fields[.contentType] == "text/javascript; charset=utf-8")
    #expect(try Self.get(server, "/a.js", "deflate").body == Array("plain".utf8))
    #expect(try Self.get(server, "/a.js.gz", "gzip").fields[.contentEncoding] == nil)
    try site.write("a.js", .init("newer".utf8))
    try site.age("a.js.gz")
    #expect(try Self.get(server, "/a.js", "gzip").body == Array("newer".utf8))
  }

  @Test("a part of a file is a part of what it is uncompressed")
  func range() throws {
    let site = try TemporarySite(["a.css": Self.style])
    let server = try StaticFiles(root: Array(site.path.utf8), watchID: nil)
    let answer = try Self.get(server, "/a.css", "gzip", [.range: "bytes=0-2"])
    #expect(answer.status == 206)
    #expect(answer.body == Array("a {".utf8))
    #expect(answer.fields[.contentEncoding] == nil)
  }

  @Test("what is small or compressed already is left alone")
  func leftAlone() throws {
    let site = try TemporarySite(["a.css": "a {}", "a.png": Self.style])
    let server = try StaticFiles(root: Array(site.path.utf8), watchID: nil)
    #expect(try Self.get(server, "/a.css", "gzip").fields[.contentEncoding] == nil)
    #expect(try Self.get(server, "/a.png", "gzip").fields[.contentEncoding] == nil)
  }

  @Test("what is kept is bounded, and what was used last stays")
  func bounded() {
    var cache = CompressedFiles()
    let piece = [UInt8](repeating: 0, count: 2 << 20)
    var made: [String] = []
    func ask(_ key: String) {
      _ = cache.content(key) {
        made.append(key)
        return piece
      }
    }
    for key in ["a", "b", "c", "d", "a", "e", "a", "b"] { ask(key) }
    #expect(made == ["a", "b", "c", "d", "e", "b"])
    let huge = cache.content("huge") { piece + piece }
    #expect(huge.count == 4 << 20)
    ask("a")
    #expect(made.count == 6)
  }
}
