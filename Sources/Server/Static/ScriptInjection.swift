/// Puts the live-reload script into an HTML page, and nothing else: the bytes before and after the
/// inserted tag are the file's own. A pure function over bytes.
///
/// The tag loads an external script of the same origin, so that a page's `script-src 'self'` allows
/// it. A page whose own `<meta http-equiv="Content-Security-Policy">` allows scripts by nonce alone
/// refuses it: the nonce of a `<meta>` policy is for the page's author to give, not for a server to
/// copy.
struct ScriptInjection: Sendable, Equatable {
  /// What is inserted; ASCII.
  let tag: [UInt8]

  /// A script that follows the watch of that id (`[a-z0-9][a-z0-9._-]{0,63}`), or all watches.
  init(watchID: String?) {
    let watch = watchID.map { " data-watch=\"\($0)\"" } ?? ""
    tag = Array("<script src=\"/-/client.js\" defer data-tidings\(watch)></script>".utf8)
  }

  /// Distinguishes pages with this tag at this place from the files they come from and from those
  /// another version would make. Part of such a page's entity tag.
  var version: String {
    // FNV-1a: short, stable between runs, and nobody gains anything by a collision.
    let hash = (tag + [Self.placement]).reduce(0x811C_9DC5 as UInt32) {
      ($0 ^ UInt32($1)) &* 0x0100_0193
    }
    return String(hash, radix: 16)
  }

  /// Counts the rules of `place(in:)`: to be raised when a page would come out different.
  private static let placement: UInt8 = 1

  /// The page with the script in it; nil when it is to be left as it is: in UTF-16, opted out by
  /// `data-tidings="off"` on `<html>`, `<head>` or `<body>`, or holding a script of ours already.
  func page(_ html: [UInt8]) -> [UInt8]? {
    guard let place = Self.place(in: html) else { return nil }
    var page = [UInt8]()
    page.reserveCapacity(html.count + tag.count)
    page += html[..<place]
    page += tag
    page += html[place...]
    return page
  }

  /// Just after `<head…>` where it begins in the first 64 KiB and nothing but `<html…>`, comments
  /// and declarations precede it; else before the last `</body>`; else at the end.
  static func place(in html: [UInt8]) -> Int? {
    if html.starts(with: [0xFE, 0xFF]) || html.starts(with: [0xFF, 0xFE]) { return nil }
    var head: Int?
    var headIsPossible = true
    var bodyEnd: Int?
    for tag in HTMLTags(in: html[...]) {
      let isEarly = tag.range.lowerBound < headLimit
      if head != nil && !isEarly { break }
      if tag.isEnd {
        if tag.name == body { bodyEnd = tag.range.lowerBound }
        continue
      }
      if isEarly, tag.refusesScript { return nil }
      if headIsPossible && isEarly && tag.name == headName { head = tag.range.upperBound }
      if tag.name != htmlName { headIsPossible = false }
      if head != nil && tag.name == body { break }
    }
    return head ?? bodyEnd ?? html.count
  }

  private static let headLimit = 65_536
  fileprivate static let htmlName = Array("html".utf8)
  fileprivate static let headName = Array("head".utf8)
  fileprivate static let body = Array("body".utf8)
}

extension HTMLTags.Tag {
  /// Whether this start tag says that the page wants no script of ours, or has one.
  fileprivate var refusesScript: Bool {
    switch name {
    case ScriptInjection.htmlName, ScriptInjection.headName, ScriptInjection.body:
      value(of: "data-tidings") == Array("off".utf8)
    case Array("script".utf8): value(of: "data-tidings") != nil
    default: false
    }
  }
}
