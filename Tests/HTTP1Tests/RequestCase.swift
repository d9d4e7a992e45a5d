import HTTP1
import HTTPTypes
import Testing

/// Bytes a peer sends and, line by line, what must come of them.
struct RequestCase: Sendable, CustomTestStringConvertible {
  let name: String
  let raw: [UInt8]
  let expected: [String]

  /// `raw` holds code points up to U+00FF, each standing for one byte.
  init(_ name: String, _ raw: String, _ expected: String...) {
    self.name = name
    self.raw = raw.unicodeScalars.map { UInt8($0.value) }
    self.expected = expected
  }

  var testDescription: String { name }

  /// A GET with these field lines after a sound Host, and the empty line.
  static func fields(_ name: String, _ lines: String, _ expected: String) -> RequestCase {
    RequestCase(
      name, "GET / HTTP/1.1\r\nHost: h\r\n\(lines)\r\n", expected,
      ending: !expected.first!.isNumber)
  }

  /// A POST with these field lines after a sound Host, the empty line and what follows.
  static func post(
    _ name: String, _ lines: String, _ content: String, _ expected: String...
  ) -> RequestCase {
    var post = RequestCase(name, "POST / HTTP/1.1\r\nHost: h\r\n\(lines)\r\n\(content)")
    post = RequestCase(name: post.name, raw: post.raw, expected: expected)
    return post
  }

  /// A chunked POST with this content.
  static func chunks(_ name: String, _ content: String, _ expected: String...) -> RequestCase {
    let whole = RequestCase(
      name, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\(content)")
    return RequestCase(
      name: name, raw: whole.raw, expected: ["POST / @h chunked"] + expected)
  }

  private init(_ name: String, _ raw: String, _ head: String, ending: Bool) {
    self.name = name
    self.raw = raw.unicodeScalars.map { UInt8($0.value) }
    expected = ending ? [head, "end"] : [head]
  }

  private init(name: String, raw: [UInt8], expected: [String]) {
    self.name = name
    self.raw = raw
    self.expected = expected
  }
}

/// What a parser says of bytes that come in pieces cut at `cuts`. Pieces of content are joined,
/// since they follow the cuts.
func transcript(
  _ raw: [UInt8], cuts: [Int] = [], limits: HTTP1RequestParser.Limits = .standard
) -> [String] {
  var parser = HTTP1RequestParser(limits: limits)
  var lines: [String] = []
  for (start, end) in zip([0] + cuts, cuts + [raw.count]) {
    raw[start..<end].withUnsafeBytes { parser.receive($0) }
    events: while true {
      switch parser.next() {
      case .needMore: break events
      case .head(let head): lines.append(summary(head))
      case .body(let content):
        let text = String(decoding: content, as: UTF8.self)
        if let last = lines.last, last.hasPrefix("body:") {
          lines[lines.count - 1] = last + text
        } else {
          lines.append("body:" + text)
        }
      case .end: lines.append("end")
      case .refused(let refusal):
        let line = "\(refusal.status) \(refusal.detail)"
        if lines.last != line { lines.append(line) }
        break events
      }
    }
  }
  return lines
}

/// `GET /path @authority`, and what is unusual about it.
private func summary(_ head: HTTP1RequestParser.RequestHead) -> String {
  var words = [head.request.method.rawValue, head.request.path ?? "no path"]
  words.append(head.request.authority.map { "@\($0)" } ?? "no host")
  if head.minorVersion == 0 { words.append("1.0") }
  if head.keepAlive != (head.minorVersion == 1) { words.append(head.keepAlive ? "keep" : "close") }
  if head.expectsContinue { words.append("100-continue") }
  switch head.bodyLength {
  case .none: break
  case .known(let length): words.append("length=\(length)")
  case .chunked: words.append("chunked")
  }
  if !head.upgrades.isEmpty { words.append("upgrade=" + head.upgrades.joined(separator: "+")) }
  return words.joined(separator: " ")
}
