import Testing

@testable import Server

@Suite("The live-reload script in a page")
struct ScriptInjectionTests {
  private let injection = ScriptInjection(watchID: "site-4f2a")

  /// Each page with `^` where the script belongs.
  @Test(
    "goes where the page runs it",
    arguments: [
      // After <head…>.
      "<!doctype html><html><head>^<title>a</title></head><body>b</body></html>",
      "<HTML><HEAD>^</HEAD><BODY></BODY></HTML>",
      "<html lang=en>\n<head data-x='>' data-y=\">\">^\n</head>",
      "<!-- <head> --><head>^",
      "<!--><head>^", "<!---><head>^", "<!-- a > b -- > <head> --><head>^",
      "<!-- a --!><head>^ --><head>", "<!----!><head>^", "<!---!><head>--><head>^",
      "<!--!><head>--><head>^", "<!------><head>^", "<!--a--->^",
      "<?xml version='1.0'?><!DOCTYPE html><head/>^",
      "\u{FEFF}<!doctype html><head>^",
      "<head\n>^<script>'</head><body>'</script>",
      // No <head>: before the last </body>.
      "<!doctype html><title>a</title><p>b^</body></html>",
      "<body>a</body>b^</body>",
      "<title><head></title><body>a^</BODY >",
      "<body><script>'</body>'</script>^</body>",
      "<body><!-- </body> -->^</body><!-- </body> -->",
      "<body><template></body></template><textarea></body></textarea>^</body>",
      "<body><p title='</body>'>a^</body>",
      "<script>'<head>'</script><p>^</body>",
      "<body><head></head>^</body>",
      "<p>a<head>b^</body>",
      "<header>a</header>^</body>",
      // Neither: at the end.
      "", "hello", "<p>hello^", "<!doctype html><p>a</p>\n^", "a < b && c > d^", "<^", "<p^",
      "<!-- <head>^", "<script><head>^", "<style></body></style>^", "</bodyx>^",
    ])
  func placement(marked: String) throws {
    let parts = marked.split(separator: "^", omittingEmptySubsequences: false)
    let before = String(parts[0])
    let after = parts.count > 1 ? String(parts[1]) : ""
    let page = try #require(injection.page(Array((before + after).utf8)))
    let tag = String(decoding: injection.tag, as: UTF8.self)
    #expect(String(decoding: page, as: UTF8.self) == before + tag + after)
  }

  @Test(
    "leaves alone a page that opted out or already has one",
    arguments: [
      "<html data-tidings=\"off\"><head>", "<html><head data-tidings='off'>",
      "<head></head><body class=a data-tidings = off>", "<body DATA-TIDINGS=off>",
      "<head><script src=/-/client.js defer data-tidings></script>",
      "<p>a<script data-tidings src='/-/client.js'></script>",
    ])
  func optedOut(html: String) { #expect(injection.page(Array(html.utf8)) == nil) }

  @Test(
    "is not kept out by what only looks like an opt-out",
    arguments: [
      "<html data-tidings=on><head>", "<p data-tidings=off>", "<body title='data-tidings=off'>",
      "<!-- <body data-tidings=off> --><body>", "<script>'<body data-tidings=off>'</script>",
    ])
  func notOptedOut(html: String) { #expect(injection.page(Array(html.utf8)) != nil) }

  @Test("never enters UTF-16", arguments: [[0xFE, 0xFF, 0, 0x3C], [0xFF, 0xFE, 0x3C, 0]])
  func utf16(html: [UInt8]) { #expect(injection.page(html) == nil) }

  @Test("keeps the bytes of a page that is not UTF-8")
  func otherEncoding() {
    let html = Array("<head>".utf8) + [0xE9, 0x80, 0xFF, 0x00]
    #expect(
      injection.page(html) == Array("<head>".utf8) + injection.tag + [0xE9, 0x80, 0xFF, 0x00])
  }

  @Test("looks for <head> in the first 64 KiB only")
  func farHead() throws {
    let filler = String(repeating: " ", count: 65_536)
    let html = filler + "<head></head><body></body>"
    let page = try #require(injection.page(Array(html.utf8)))
    #expect(page.suffix(7) == Array("</body>".utf8)[...])
    let near = "<head></head>" + filler + "<body data-tidings=off></body>"
    #expect(
      injection.page(Array(near.utf8))?.starts(with: Array("<head>".utf8) + injection.tag) == true)
  }

  @Test("names the watch it follows, and its version changes with it")
  func version() {
    let tag = String(decoding: injection.tag, as: UTF8.self)
    #expect(
      tag == "<script src=\"/-/client.js\" defer data-tidings data-watch=\"site-4f2a\"></script>")
    #expect(injection.version != ScriptInjection(watchID: nil).version)
    #expect(injection.version == ScriptInjection(watchID: "site-4f2a").version)
  }
}
