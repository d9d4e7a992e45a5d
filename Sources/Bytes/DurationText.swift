/// Durations as the wire contract and the command line write them: a whole number and a unit,
/// `250ms`, `2s`, `10m`, `1h`; zero may go without a unit.
package enum DurationText {
  private static let units: [(suffix: String, milliseconds: Int64)] = [
    ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000),
  ]

  /// The duration `text` says; nil when malformed, negative or beyond 2^63 milliseconds.
  package static func parse(_ text: some StringProtocol) -> Duration? {
    let digits = text.prefix { $0.utf8.count == 1 && ASCII.isDigit($0.utf8.first!) }
    let suffix = text.dropFirst(digits.count)
    guard let number = DecimalNumber.parse(digits) else { return nil }
    if suffix.isEmpty { return number == 0 ? .zero : nil }
    guard let unit = units.first(where: { $0.suffix == suffix }) else { return nil }
    let (milliseconds, overflowed) = Int64(number).multipliedReportingOverflow(
      by: unit.milliseconds)
    return overflowed ? nil : .milliseconds(milliseconds)
  }

  /// The shortest text that says `duration` exactly, in whole milliseconds: `parse` reads it back.
  package static func text(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
    let unit = units.last { milliseconds % $0.milliseconds == 0 && milliseconds != 0 } ?? units[0]
    return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
  }
}
