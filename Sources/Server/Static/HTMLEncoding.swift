internal import Bytes

/// The encoding an HTML file declares. The field Content-Type outranks the file's own words, so a
/// server that says UTF-8 of everything breaks the pages that are not.
enum HTMLEncoding {
  /// Value of Content-Type for a page that begins with these bytes: UTF-8 unless it says otherwise
  /// by a byte order mark or by `<meta>` (HTML §13.2.3.2).
  static func contentType(ofPageBeginning bytes: [UInt8]) -> String {
    // A mark outranks the field in its turn (§13.2.3.1), but UTF-16 told as UTF-8 would be a lie.
    if bytes.starts(with: [0xFE, 0xFF]) || bytes.starts(with: [0xFF, 0xFE]) { return "text/html" }
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return type(charset: "utf-8") }
    for tag in HTMLTags(in: bytes[...]) where !tag.isEnd && tag.name == Array("meta".utf8) {
      if let label = label(of: tag) { return type(charset: label) }
    }
    return type(charset: "utf-8")
  }

  private static func type(charset: String) -> String { "text/html; charset=\(charset)" }

  /// `<meta charset="…">`, or `<meta http-equiv="content-type" content="…; charset=…">`.
  private static func label(of tag: HTMLTags.Tag) -> String? {
    var label = tag.value(of: "charset")
    if label == nil, let kind = tag.value(of: "http-equiv"),
      ASCII.equalsIgnoringCase(String(decoding: kind, as: UTF8.self), "content-type"),
      let content = tag.value(of: "content")
    {
      label = charset(in: content)
    }
    guard let label, !label.isEmpty, label.count <= 40, label.allSatisfy(ASCIISet.token.contains)
    else { return nil }
    let text = String(decoding: label, as: UTF8.self).lowercased()
    // Bytes that could be read as far as this are no UTF-16 (§13.2.3.2, "prescan").
    return text.hasPrefix("utf-16") ? "utf-8" : text
  }

  /// The parameter of a media type, with or without quotes.
  private static func charset(in content: [UInt8]) -> [UInt8]? {
    let text = String(decoding: content, as: UTF8.self).lowercased()
    guard let start = text.firstRange(of: "charset=")?.upperBound else { return nil }
    return Array(
      text[start...].utf8.prefix { $0 != 0x3B && $0 != 0x20 }.filter { $0 != 0x22 && $0 != 0x27 })
  }
}
