internal import Bytes

/// Content negotiation by `Accept` (RFC 9110 §12.5.1).
package enum Accept {
  private struct MediaRange {
    var type: Substring
    var subtype: Substring
    /// 0 to 1000.
    var quality = 1000

    /// How exactly it names `media`: 0 for `*/*`, 1 for `type/*`, 2 for the type itself; nil when
    /// it does not.
    func specificity(for media: (type: Substring, subtype: Substring)) -> Int? {
      if type == "*" { return 0 }
      guard type == media.type else { return nil }
      if subtype == "*" { return 1 }
      return subtype == media.subtype ? 2 : nil
    }
  }

  /// Index of the one of `offers` (`type/subtype`, lower case, the server's favourite first) the
  /// client likes best; nil when it takes none (406). The most exact range decides for each offer;
  /// among equals the earlier offer wins. Parameters but the weight are passed over: clients say
  /// `application/json; charset=utf-8` and mean what we have. Without the field, or where nothing in it can be read,
  /// the favourite.
  package static func choose(_ offers: [String], for values: [String]) -> Int? {
    let ranges = values.flatMap(members).compactMap(mediaRange)
    guard !ranges.isEmpty else { return offers.isEmpty ? nil : 0 }
    var best: (index: Int, quality: Int)?
    for (index, offer) in offers.enumerated() {
      guard let media = split(offer[...]) else { continue }
      let quality = ranges.compactMap { range in
        range.specificity(for: media).map { (specificity: $0, quality: range.quality) }
      }.max { $0.specificity < $1.specificity }?.quality
      guard let quality, quality > best?.quality ?? 0 else { continue }
      best = (index, quality)
    }
    return best?.index
  }

  /// Members of a list, split at commas outside quotes.
  private static func members(_ value: String) -> [Substring] { split(value[...], at: ",") }

  private static func split(_ text: Substring, at separator: Character) -> [Substring] {
    var isQuoted = false
    var isEscaped = false
    return text.split { character in
      defer { isEscaped = isQuoted && character == "\\" && !isEscaped }
      if character == "\"", !isEscaped { isQuoted.toggle() }
      return character == separator && !isQuoted
    }
  }

  private static func split(_ media: Substring) -> (type: Substring, subtype: Substring)? {
    guard let slash = media.firstIndex(of: "/") else { return nil }
    let type = media[..<slash]
    let subtype = media[media.index(after: slash)...]
    guard !type.isEmpty, !subtype.isEmpty,
      type.utf8.allSatisfy(ASCIISet.token.contains),
      subtype.utf8.allSatisfy(ASCIISet.token.contains), type != "*" || subtype == "*"
    else { return nil }
    return (type, subtype)
  }

  private static func mediaRange(_ member: Substring) -> MediaRange? {
    let parts = split(member.lowercased()[...], at: ";").map {
      Substring(HTTPList.trimmed($0.utf8))
    }
    guard let first = parts.first, let media = split(first) else { return nil }
    var range = MediaRange(type: media.type, subtype: media.subtype)
    if let weight = parts.dropFirst().first(where: { $0.hasPrefix("q=") }) {
      guard let quality = quality(weight.dropFirst(2)) else { return nil }
      range.quality = quality
    }
    return range
  }

  /// `0`, `0.5`, `1.000`: at most three decimals (§12.4.2), in thousandths.
  static func quality(_ text: Substring) -> Int? {
    let whole = text.prefix(1)
    guard whole == "0" || whole == "1" else { return nil }
    let rest = text.dropFirst()
    guard rest.isEmpty || rest.hasPrefix("."), rest.utf8.count <= 4 else { return nil }
    let decimals = rest.dropFirst()
    guard decimals.utf8.allSatisfy(ASCII.isDigit) else { return nil }
    let padded = decimals + String(repeating: "0", count: 3 - decimals.utf8.count)
    guard let thousandths = DecimalNumber.parse(whole + padded), thousandths <= 1000 else {
      return nil
    }
    return thousandths
  }
}
