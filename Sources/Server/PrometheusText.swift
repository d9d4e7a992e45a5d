/// Metrics being written in the text format of Prometheus, version 0.0.4. A family's samples stand
/// together under its HELP and TYPE; label values are escaped, so that no name on disk can break out
/// of its line.
struct PrometheusText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  enum Kind: String { case counter, gauge, histogram }

  /// The samples of one family.
  struct Family {
    fileprivate let name: String
    fileprivate var lines = ""

    /// Labels are written in alphabetical order.
    mutating func sample(_ labels: [String: String], _ value: Double) {
      append(suffix: "", labels.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, value)
    }

    fileprivate mutating func append(
      suffix: String, _ labels: [(name: String, value: String)], _ value: Double
    ) {
      let list = labels.map { "\($0.name)=\"\(PrometheusText.escaped($0.value))\"" }
      let set = list.isEmpty ? "" : "{\(list.joined(separator: ","))}"
      lines += "\(name)\(suffix)\(set) \(PrometheusText.number(value))\n"
    }
  }

  private(set) var text = ""

  /// A family without a sample is left out.
  mutating func family(
    _ name: String, _ kind: Kind, _ help: String, _ samples: (inout Family) -> Void
  ) {
    var family = Family(name: name)
    samples(&family)
    append(family, kind, help)
  }

  /// `counts` holds what fell into each bucket, one more than there are bounds: beyond them.
  mutating func histogram(
    _ name: String, _ help: String, bounds: [Double], counts: [UInt64], sum: Double
  ) {
    precondition(counts.count == bounds.count + 1)
    var family = Family(name: name)
    var total: UInt64 = 0
    for (bound, count) in zip(bounds, counts) {
      total += count
      family.append(suffix: "_bucket", [("le", Self.number(bound))], Double(total))
    }
    total += counts[bounds.count]
    family.append(suffix: "_bucket", [("le", "+Inf")], Double(total))
    family.append(suffix: "_sum", [], sum)
    family.append(suffix: "_count", [], Double(total))
    append(family, .histogram, help)
  }

  private mutating func append(_ family: Family, _ kind: Kind, _ help: String) {
    guard !family.lines.isEmpty else { return }
    text += "# HELP \(family.name) \(Self.escapedHelp(help))\n"
    text += "# TYPE \(family.name) \(kind.rawValue)\n"
    text += family.lines
  }

  /// Whole numbers without a fraction; what floats cannot say is named as Prometheus does.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
  }

  static func escaped(_ value: String) -> String {
    escapedHelp(value).replacing("\"", with: "\\\"")
  }

  private static func escapedHelp(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
  }
}
