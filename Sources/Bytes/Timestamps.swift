/// Writes moments as RFC 3339 in UTC with milliseconds: `2026-11-20T09:00:00.123Z`. Remembers the
/// second it wrote last, since most events share it.
package struct TimestampWriter: Sendable {
  private var second = Int64.min
  /// `2026-11-20T09:00:00.` of `second`.
  private var prefix: [UInt8] = []

  package init() {}

  /// Appends the moment `nanoseconds` after 1970 (UTC), rounded down to the millisecond. Every Int64
  /// has a place: the years 1677 to 2262.
  package mutating func append(nanoseconds: Int64, to output: inout [UInt8]) {
    let (quotient, remainder) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    let wanted = remainder < 0 ? quotient - 1 : quotient
    let fraction = remainder < 0 ? remainder + 1_000_000_000 : remainder
    if wanted != second { remember(wanted) }
    output.append(contentsOf: prefix)
    output.append(zeroPadded: UInt64(fraction / 1_000_000), digits: 3)
    output.append(UInt8(ascii: "Z"))
  }

  private mutating func remember(_ wanted: Int64) {
    second = wanted
    prefix.removeAll(keepingCapacity: true)
    let (days, time) = wanted.flooredDivision(by: 86_400)
    let date = civilDate(daysSince1970: days)
    prefix.append(zeroPadded: UInt64(date.year), digits: 4)
    prefix.append(UInt8(ascii: "-"))
    prefix.append(zeroPadded: UInt64(date.month), digits: 2)
    prefix.append(UInt8(ascii: "-"))
    prefix.append(zeroPadded: UInt64(date.day), digits: 2)
    prefix.append(UInt8(ascii: "T"))
    prefix.append(zeroPadded: UInt64(time / 3_600), digits: 2)
    prefix.append(UInt8(ascii: ":"))
    prefix.append(zeroPadded: UInt64(time / 60 % 60), digits: 2)
    prefix.append(UInt8(ascii: ":"))
    prefix.append(zeroPadded: UInt64(time % 60), digits: 2)
    prefix.append(UInt8(ascii: "."))
  }
}

extension [UInt8] {
  /// Appends exactly the last `digits` decimal digits of `number`.
  package mutating func append(zeroPadded number: UInt64, digits: Int) {
    let start = count
    append(contentsOf: repeatElement(UInt8(ascii: "0"), count: digits))
    var rest = number
    for index in stride(from: start + digits - 1, through: start, by: -1) {
      self[index] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
  }
}

extension Int64 {
  fileprivate func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}

/// The proleptic Gregorian date of a day counted from 1970-01-01. Years are counted from March, so
/// that the leap day is the last of its year; 400 years have 146,097 days.
private func civilDate(daysSince1970: Int64) -> (year: Int64, month: Int64, day: Int64) {
  let (era, dayOfEra) = (daysSince1970 + 719_468).flooredDivision(by: 146_097)
  let yearOfEra =
    (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
  let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  let marchMonth = (5 * dayOfYear + 2) / 153
  let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
  let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
  return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
}
