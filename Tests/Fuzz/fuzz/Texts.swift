import FileEvents
import HTTPSemantics
import Inotify

/// A pattern up to the first line's end, a path behind it. What matches can be found by who walks
/// down from the root, and what covers a directory matches all below it.
func fuzzGlob(_ bytes: UnsafeRawBufferPointer) {
  let parts = bytes.split(separator: 10, maxSplits: 1, omittingEmptySubsequences: false)
  guard parts.count == 2, let text = String(validating: parts[0], as: UTF8.self),
    let glob = try? Glob(text)
  else { return }
  precondition(glob.text == text)
  let path = Array(parts[1])
  let components = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
  guard path.count <= 4096, components.allSatisfy({ !$0.isEmpty && !$0.contains(0) }) else {
    return
  }
  let matches = glob.matches(path.span)
  for depth in 0..<components.count {
    let directory = Array(components[..<depth].joined(separator: [UInt8(ascii: "/")]))
    if matches { precondition(glob.couldMatchBelow(directory.span), "below \(depth)") }
    if glob.coversAllBelow(directory.span) { precondition(matches, "covered at \(depth)") }
  }
}

/// A cursor that is read is written as it was.
func fuzzCursor(_ bytes: UnsafeRawBufferPointer) {
  let text = String(decoding: bytes, as: UTF8.self)
  if let cursor = Cursor(text) { precondition(cursor.text == text) }
}

/// What a request says, in pieces: each parser answers or refuses, and what it gives lies within.
func fuzzQuery(_ bytes: UnsafeRawBufferPointer) {
  let text = String(decoding: bytes, as: UTF8.self)
  if let query = try? Query(text) {
    for item in query.items {
      precondition((0...text.utf8.count).contains(item.offset))
      precondition(item.value.count <= text.utf8.count)
    }
  }
  if let target = try? RequestTarget(text) {
    for name in target.components {
      precondition(!name.isEmpty && !name.contains(0) && !name.contains(UInt8(ascii: "/")))
      precondition(name != Array("..".utf8) && name != Array(".".utf8))
    }
  }
  if case .part(let range) = ByteRange([text], length: 1000) {
    precondition(!range.isEmpty && range.lowerBound >= 0 && range.upperBound <= 1000)
  }
  if let tag = EntityTag(parsing: text) { precondition(tag.text == text) }
  if let choice = Accept.choose(["text/event-stream", "application/json"], for: [text]) {
    precondition((0...1).contains(choice))
  }
  _ = ContentCoding.choose(for: [text])
}

/// Records lie one behind the other within what was read, and end.
func fuzzInotify(_ bytes: UnsafeRawBufferPointer) {
  var end = 0
  for event in InotifyEvents(bytes) {
    precondition(event.name.lowerBound >= end + 16 && event.name.upperBound <= bytes.count)
    precondition(event.name.isEmpty || bytes[event.name.upperBound - 1] != 0)
    end = event.name.upperBound
  }
}
