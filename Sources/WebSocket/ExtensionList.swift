internal import Bytes
internal import HTTPSemantics

/// One element of Sec-WebSocket-Extensions (RFC 6455 §9.1).
struct WebSocketExtension: Equatable {
  var name: String
  /// In order; a value is nil where there is no `=`.
  var parameters: [(name: String, value: String?)]

  static func == (one: Self, other: Self) -> Bool {
    one.name == other.name
      && one.parameters.elementsEqual(other.parameters) {
        $0.name == $1.name && $0.value == $1.value
      }
  }

  /// The elements of all values in the client's order of preference; nil when they are no such list.
  /// A quoted value must be a token once its quotes are gone, so a comma or semicolon in quotes is
  /// never one that counts.
  static func list(_ values: [String]) -> [WebSocketExtension]? {
    var all: [WebSocketExtension] = []
    for value in values {
      for element in value.utf8.split(separator: UInt8(ascii: ",")) {
        let words = element.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        guard words.contains(where: { !HTTPList.trimmed($0).isEmpty }) else { continue }
        guard let name = token(words[0]) else { return nil }
        var found = WebSocketExtension(name: name, parameters: [])
        for word in words.dropFirst() {
          guard let parameter = parameter(word) else { return nil }
          found.parameters.append(parameter)
        }
        all.append(found)
      }
    }
    return all
  }

  private static func parameter(_ word: Substring.UTF8View) -> (name: String, value: String?)? {
    guard let equals = word.firstIndex(of: UInt8(ascii: "=")) else {
      return token(word).map { ($0, nil) }
    }
    guard let name = token(word[..<equals]) else { return nil }
    var text = HTTPList.trimmed(word[word.index(after: equals)...])
    if text.first == UInt8(ascii: "\"") {
      guard text.count >= 2, text.last == UInt8(ascii: "\"") else { return nil }
      text = text.dropFirst().dropLast()
    }
    return token(text).map { (name, $0) }
  }

  private static func token(_ text: Substring.UTF8View) -> String? {
    let trimmed = HTTPList.trimmed(text)
    guard !trimmed.isEmpty, trimmed.allSatisfy(ASCIISet.token.contains) else { return nil }
    return String(Substring(trimmed))
  }
}
