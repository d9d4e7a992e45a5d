import ArgumentParser
import Bytes

/// Bounds of the journal as typed: `65536,64MiB,10m`, each part known by its unit, in any order; what
/// is left out keeps its default.
struct HistoryArgument: ExpressibleByArgument, Equatable {
  /// A number without a unit: changes, at least 1.
  var records = 65_536
  var bytes = 64 << 20
  var age = Duration.seconds(600)

  private static let units: [(suffix: String, bytes: Int)] = [
    ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30),
  ]

  init() {}

  init?(argument: String) {
    var given: Set<Int> = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let kind: Int
      if let number = DecimalNumber.parse(part), number > 0 {
        records = number
        kind = 0
      } else if let size = Self.size(part) {
        bytes = size
        kind = 1
      } else if let duration = DurationText.parse(part), duration > .zero {
        age = duration
        kind = 2
      } else {
        return nil
      }
      guard given.insert(kind).inserted else { return nil }
    }
  }

  private static func size(_ text: Substring) -> Int? {
    guard let unit = units.first(where: { text.hasSuffix($0.suffix) }),
      let number = DecimalNumber.parse(text.dropLast(unit.suffix.count)), number > 0
    else { return nil }
    let (size, overflowed) = number.multipliedReportingOverflow(by: unit.bytes)
    return overflowed ? nil : size
  }

  var defaultValueDescription: String {
    "\(records),\(bytes >> 20)MiB,\(DurationText.text(age))"
  }
}
