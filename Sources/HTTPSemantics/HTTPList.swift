internal import Bytes

/// Comma-separated lists of field values (RFC 9110 §5.6.1).
package enum HTTPList {
  /// The members of all `values` in order, in lower case, empty ones left out. For lists of words
  /// without quoted strings (Connection, Upgrade, Transfer-Encoding).
  package static func words(_ values: [String]) -> [String] {
    values.flatMap { value in
      value.utf8.split(separator: UInt8(ascii: ",")).compactMap { member in
        let word = trimmed(member)
        guard !word.isEmpty else { return nil }
        return String(decoding: word.map(ASCII.lowercased), as: UTF8.self)
      }
    }
  }

  /// `text` without the spaces and tabs around it.
  package static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
    var text = text
    while let first = text.first, first == ASCII.space || first == ASCII.tab { text.removeFirst() }
    while let last = text.last, last == ASCII.space || last == ASCII.tab { text.removeLast() }
    return text
  }
}
