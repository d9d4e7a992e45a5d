internal import Bytes

/// How content is compressed on its way (RFC 9110 §8.4.1).
package enum ContentCoding: String, Sendable, CaseIterable {
  case gzip
  /// The zlib format, whatever the name says.
  case deflate

  /// The coding a client likes best by its `Accept-Encoding` (RFC 9110 §12.5.3); nil for content as
  /// it is: where nothing was said, where that is liked better, and where nothing else is left.
  /// Among equals gzip wins, then deflate. A member that cannot be read is passed over.
  package static func choose(for values: [String]) -> ContentCoding? {
    var weights: [String: Int] = [:]
    for member in values.flatMap({ $0.split(separator: ",") }) {
      let parts = member.lowercased().split(separator: ";").map {
        Substring(HTTPList.trimmed(Substring($0).utf8))
      }
      guard let name = parts.first, !name.isEmpty, parts.count <= 2 else { continue }
      var weight: Int? = 1000
      if parts.count == 2 {
        weight = parts[1].hasPrefix("q=") ? Accept.quality(parts[1].dropFirst(2)) : nil
      }
      guard let weight else { continue }
      weights[name == "x-gzip" ? "gzip" : String(name)] = weight
    }
    guard !weights.isEmpty else { return nil }
    let others = weights["*"]
    // As it is, content is always acceptable unless it was refused; liked as much as what is liked.
    let asItIs = weights["identity"] ?? (others == 0 ? 0 : 1)
    let best = allCases.map { ($0, weights[$0.rawValue] ?? others ?? 0) }
      .max { $0.1 < $1.1 || ($0.1 == $1.1 && $0.0 == .deflate) }
    guard let best, best.1 > 0, best.1 >= asItIs else { return nil }
    return best.0
  }
}
