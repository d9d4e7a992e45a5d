import HTTP1
import HTTPTypes
import Testing

/// Bytes a server sends and, line by line, what must come of them.
struct ResponseCase: Sendable, CustomTestStringConvertible {
  let name: String
  let raw: [UInt8]
  let expected: [String]
  /// Whether the server closes after these bytes.
  var closes = false
  var answersHEAD = false

  /// `raw` holds code points up to U+00FF, each standing for one byte.
  init(_ name: String, _ raw: String, _ expected: String...) {
    self.init(name, raw, expected)
  }

  private init(_ name: String, _ raw: String, _ expected: [String]) {
    self.name = name
    self.raw = raw.unicodeScalars.map { UInt8($0.value) }
    self.expected = expected
  }

  var testDescription: String { name }

  /// The server closes after these bytes.
  static func closed(_ name: String, _ raw: String, _ expected: String...) -> ResponseCase {
    var response = ResponseCase(name, raw, expected)
    response.closes = true
    return response
  }

  /// The answer to HEAD.
  static func head(_ name: String, _ raw: String, _ expected: String...) -> ResponseCase {
    var response = ResponseCase(name, raw, expected)
    response.answersHEAD = true
    return response
  }

  /// A 200 with these field lines, the empty line and what follows.
  static func fields(
    _ name: String, _ lines: String, _ content: String, _ expected: String...
  ) -> ResponseCase {
    ResponseCase(name, "HTTP/1.1 200 OK\r\n\(lines)\r\n\(content)", expected)
  }

  /// A chunked 200 with this content.
  static func chunks(_ name: String, _ content: String, _ expected: String...) -> ResponseCase {
    ResponseCase(
      name, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(content)",
      ["200 OK chunked"] + expected)
  }

  /// What the parser says of the bytes in pieces cut at `cuts`. Pieces of content are joined, since
  /// they follow the cuts.
  func transcript(
    cuts: [Int] = [], limits: HTTP1ResponseParser.Limits = .standard
  ) -> [String] {
    var parser = HTTP1ResponseParser(answersHEAD: answersHEAD, limits: limits)
    var lines: [String] = []
    for (start, end) in zip([0] + cuts, cuts + [raw.count]) {
      raw[start..<end].withUnsafeBytes { parser.receive($0) }
      Self.take(&parser, into: &lines)
    }
    if closes {
      parser.receiveEnd()
      Self.take(&parser, into: &lines)
    }
    return lines
  }

  private static func take(_ parser: inout HTTP1ResponseParser, into lines: inout [String]) {
    while true {
      switch parser.next() {
      case .needMore: return
      case .head(let head): lines.append(summary(head))
      case .body(let content):
        let text = String(decoding: content, as: UTF8.self)
        if let last = lines.last, last.hasPrefix("body:") {
          lines[lines.count - 1] = last + text
        } else {
          lines.append("body:" + text)
        }
      case .end:
        if lines.last != "end" { lines.append("end") }
        return
      case .refused(let refusal):
        let line = "refused: \(refusal.detail)"
        if lines.last != line { lines.append(line) }
        return
      }
    }
  }

  /// `200 OK`, and what is unusual about it.
  private static func summary(_ head: HTTP1ResponseParser.ResponseHead) -> String {
    let status = head.response.status
    var words = ["\(status.code)"]
    if !status.reasonPhrase.isEmpty { words.append(status.reasonPhrase) }
    if head.minorVersion == 0 { words.append("1.0") }
    switch head.bodyLength {
    case .none: break
    case .known(let length): words.append("length=\(length)")
    case .chunked: words.append("chunked")
    case .untilClose: words.append("until-close")
    }
    return words.joined(separator: " ")
  }
}
