internal import Bytes

/// A validator of one representation (RFC 9110 §8.8.3).
package struct EntityTag: Sendable, Hashable {
  /// Weak tags say "good enough", strong ones "the same bytes".
  package var isWeak: Bool
  /// What stands between the quotes: visible characters but the quote, or bytes above ASCII.
  package var opaque: String

  /// Traps when `opaque` holds a character no tag may have.
  package init(_ opaque: String, isWeak: Bool = false) {
    precondition(opaque.utf8.allSatisfy(Self.isTagCharacter), "RFC 9110 §8.8.3")
    self.opaque = opaque
    self.isWeak = isWeak
  }

  /// The form on the wire, with quotes.
  package var text: String { "\(isWeak ? "W/" : "")\"\(opaque)\"" }

  /// Reads the form on the wire; nil when malformed.
  package init?(parsing text: String) {
    var rest = text.utf8[...]
    guard let tag = Self.take(from: &rest), rest.isEmpty else { return nil }
    self = tag
  }

  /// Both strong and the same (§8.8.3.2): fit for ranges and for writing.
  package func matchesStrongly(_ other: EntityTag) -> Bool {
    !isWeak && !other.isWeak && opaque == other.opaque
  }

  /// The same, weak or not: fit for telling a cache that nothing changed.
  package func matchesWeakly(_ other: EntityTag) -> Bool { opaque == other.opaque }

  /// Removes a tag from the front of `rest`; nil, when there is none.
  fileprivate static func take(from rest: inout Substring.UTF8View) -> EntityTag? {
    let isWeak = rest.starts(with: "W/".utf8)
    var tail = isWeak ? rest.dropFirst(2) : rest
    guard tail.first == UInt8(ascii: "\"") else { return nil }
    tail.removeFirst()
    let opaque = tail.prefix { isTagCharacter($0) }
    tail = tail[opaque.endIndex...]
    guard tail.first == UInt8(ascii: "\"") else { return nil }
    rest = tail.dropFirst()
    return EntityTag(String(Substring(opaque)), isWeak: isWeak)
  }

  private static func isTagCharacter(_ byte: UInt8) -> Bool {
    byte == 0x21 || (byte >= 0x23 && byte != 0x7F)
  }
}

/// The value of If-Match and If-None-Match: any representation at all, or one of a list.
package enum EntityTagCondition: Sendable, Equatable {
  case any
  case oneOf([EntityTag])

  /// Reads the members of all lines; nil when one is malformed or there is none.
  package init?(_ values: [String]) {
    let joined = values.joined(separator: ",")
    if HTTPList.trimmed(joined.utf8[...]).elementsEqual("*".utf8) {
      self = .any
      return
    }
    var tags: [EntityTag] = []
    var rest = HTTPList.trimmed(joined.utf8[...])
    while !rest.isEmpty {
      if rest.first == UInt8(ascii: ",") {
        rest.removeFirst()
      } else {
        guard let tag = EntityTag.take(from: &rest) else { return nil }
        tags.append(tag)
        rest = HTTPList.trimmed(rest)
        guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { return nil }
      }
      rest = HTTPList.trimmed(rest)
    }
    guard !tags.isEmpty else { return nil }
    self = .oneOf(tags)
  }
}
