internal import Bytes

/// The tags of an HTML document in order, with what only looks like a tag left out: comments,
/// declarations, attribute values, and the text of elements whose content is no markup (script,
/// style, title, textarea, …) or no part of the page (template, noscript). A scanner over bytes,
/// not a parser: it needs an encoding that keeps ASCII as it is.
struct HTMLTags: Sequence, IteratorProtocol {
  struct Tag {
    /// From `<` to just after `>`.
    let range: Range<Int>
    /// Lower-cased.
    let name: [UInt8]
    let isEnd: Bool
    /// What lies between the name and `>`.
    let attributes: ArraySlice<UInt8>
  }

  private let bytes: ArraySlice<UInt8>
  private var position: Int

  init(in bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  mutating func next() -> Tag? {
    while let open = bytes[position...].firstIndex(of: UInt8(ascii: "<")) {
      position = open + 1
      guard let mark = byte(at: position) else { return nil }
      switch mark {
      case UInt8(ascii: "!"):
        skipDeclaration(from: open)
      case UInt8(ascii: "?"):
        skip(past: [UInt8(ascii: ">")])
      case UInt8(ascii: "/"):
        guard let letter = byte(at: open + 2), ASCII.isLetter(letter) else { continue }
        if let tag = tag(from: open, nameAt: open + 2, isEnd: true) { return tag }
      case _ where ASCII.isLetter(mark):
        guard let tag = tag(from: open, nameAt: open + 1, isEnd: false) else { return nil }
        if Self.opaque.contains(tag.name) { skipContent(of: tag.name) }
        return tag
      default: continue
      }
    }
    return nil
  }

  /// Elements whose content holds no tags of the page (HTML §13.2.6.2 raw text and RCDATA), and
  /// two whose content is markup that is not rendered or run.
  private static let opaque: Set<[UInt8]> = Set(
    [
      "script", "style", "title", "textarea", "template", "noscript", "iframe", "xmp", "noembed",
      "noframes", "plaintext",
    ].map { Array($0.utf8) })

  /// A comment, or `<!doctype …>` and its like.
  private mutating func skipDeclaration(from open: Int) {
    guard bytes[(open + 2)...].starts(with: Self.dashes) else {
      return skip(past: [UInt8(ascii: ">")])
    }
    // The dashes that open a comment may close it, too: `<!-->` (HTML §13.2.5.43).
    position = open + 2
    repeat {
      skip(past: Self.dashes)
      if byte(at: position) == UInt8(ascii: ">") { return position += 1 }
      if position > open + 5, bytes[position...].starts(with: Array("!>".utf8)) {
        return position += 2
      }
      // Of three dashes the last two may be followed by the end.
      if position < bytes.endIndex { position -= 1 }
    } while position < bytes.endIndex
  }

  private static let dashes = Array("--".utf8)

  /// Reads the tag and leaves the position after it. Nil when the document ends inside it.
  private mutating func tag(from open: Int, nameAt start: Int, isEnd: Bool) -> Tag? {
    let end =
      bytes[start...].firstIndex { isSpace($0) || $0 == 0x2F || $0 == 0x3E } ?? bytes.endIndex
    var close = end
    var quote: UInt8?
    var previous: UInt8 = 0x20
    while close < bytes.endIndex {
      let byte = bytes[close]
      if let open = quote {
        if byte == open { quote = nil }
      } else if byte == 0x3E {
        break
      } else if (byte == 0x22 || byte == 0x27) && previous == 0x3D {
        quote = byte
      }
      if !isSpace(byte) { previous = byte }
      close += 1
    }
    guard close < bytes.endIndex else {
      position = bytes.endIndex
      return nil
    }
    position = close + 1
    return Tag(
      range: open..<(close + 1), name: bytes[start..<end].map(ASCII.lowercased), isEnd: isEnd,
      attributes: bytes[end..<close])
  }

  /// Moves to the end tag that matches `name`, or to the end of the document.
  private mutating func skipContent(of name: [UInt8]) {
    while let open = bytes[position...].firstIndex(of: UInt8(ascii: "<")) {
      position = open + 1
      guard byte(at: position) == UInt8(ascii: "/") else { continue }
      let candidate = bytes[(open + 2)...].prefix(name.count)
      guard candidate.count == name.count,
        zip(candidate, name).allSatisfy({ ASCII.lowercased($0) == $1 })
      else { continue }
      guard let after = byte(at: open + 2 + name.count) else { break }
      if isSpace(after) || after == 0x2F || after == 0x3E {
        position = open
        return
      }
    }
    position = bytes.endIndex
  }

  private mutating func skip(past end: [UInt8]) {
    while let first = bytes[position...].firstIndex(of: end[0]) {
      position = first + 1
      if bytes[first...].starts(with: end) {
        position = first + end.count
        return
      }
    }
    position = bytes.endIndex
  }

  private func byte(at index: Int) -> UInt8? { index < bytes.endIndex ? bytes[index] : nil }
}

extension HTMLTags.Tag {
  /// The value of an attribute, as written but without its quotes; empty when it has none, nil when
  /// the attribute is absent. `attribute` is lower-case.
  func value(of attribute: String) -> [UInt8]? {
    var rest = attributes
    while true {
      rest = rest.drop { isSpace($0) || $0 == 0x2F }
      guard !rest.isEmpty else { return nil }
      let name = rest.prefix { !isSpace($0) && $0 != 0x2F && $0 != 0x3D }
      rest = rest.dropFirst(Swift.max(name.count, 1)).drop(while: isSpace)
      var value: ArraySlice<UInt8> = []
      if rest.first == 0x3D {
        rest = rest.dropFirst().drop(while: isSpace)
        if let quote = rest.first, quote == 0x22 || quote == 0x27 {
          value = rest.dropFirst().prefix { $0 != quote }
          rest = rest.dropFirst(value.count + 2)
        } else {
          value = rest.prefix { !isSpace($0) }
          rest = rest.dropFirst(value.count)
        }
      }
      if name.map(ASCII.lowercased) == Array(attribute.utf8) { return Array(value) }
    }
  }
}

private func isSpace(_ byte: UInt8) -> Bool {
  byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D || byte == 0x0C
}
