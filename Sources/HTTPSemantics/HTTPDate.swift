internal import Bytes

/// A point in time as HTTP tells it, in whole seconds of UTC (RFC 9110 §5.6.7).
package struct HTTPDate: Sendable, Hashable, Comparable {
  package let secondsSince1970: Int

  /// Years 0 to 9999 are all the forms can say; times beyond (a file may claim any) become the
  /// nearest one.
  package init(secondsSince1970: Int) {
    self.secondsSince1970 = min(max(secondsSince1970, -62_167_219_200), 253_402_300_799)
  }

  package static func < (a: HTTPDate, b: HTTPDate) -> Bool {
    a.secondsSince1970 < b.secondsSince1970
  }

  /// The preferred form, 29 bytes: `Sun, 06 Nov 1994 08:49:37 GMT`.
  package var text: String {
    let days = Self.floorDivide(secondsSince1970, by: 86_400)
    let second = secondsSince1970 - days * 86_400
    let date = Self.civil(daysSince1970: days)
    let weekday = Self.weekdays[(days % 7 + 11) % 7]  // 1970-01-01 was a Thursday
    let time = [second / 3600, second / 60 % 60, second % 60].map { Self.padded($0, to: 2) }
    return "\(weekday.prefix(3)), \(Self.padded(date.day, to: 2)) \(Self.months[date.month - 1]) "
      + "\(Self.padded(date.year, to: 4)) \(time.joined(separator: ":")) GMT"
  }

  /// Reads any of the three forms a recipient must accept; nil when malformed. `now` decides the
  /// century of the two digits of RFC 850's form: more than 50 years ahead means the last one.
  package init?(_ text: String, now: HTTPDate) {
    let scanner = Scanner(rest: text.utf8[...])
    guard let fields = scanner.fixdate() ?? scanner.rfc850(now: now) ?? scanner.asctime() else {
      return nil
    }
    self.init(fields)
  }

  private init?(_ fields: Fields) {
    guard (1...12).contains(fields.month), fields.hour < 24, fields.minute < 60,
      fields.second <= 60,  // a leap second
      (1...Self.daysInMonth(fields.month, of: fields.year)).contains(fields.day)
    else { return nil }
    let days = Self.daysSince1970(year: fields.year, month: fields.month, day: fields.day)
    self.init(
      secondsSince1970: days * 86_400 + fields.hour * 3600 + fields.minute * 60 + fields.second)
  }

  fileprivate struct Fields {
    var year = 0
    var month = 0
    var day = 0
    var hour = 0
    var minute = 0
    var second = 0
  }

  fileprivate static let weekdays = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]
  fileprivate static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  // MARK: The Gregorian calendar

  private static func floorDivide(_ number: Int, by divisor: Int) -> Int {
    number >= 0 ? number / divisor : -((divisor - 1 - number) / divisor)
  }

  private static func padded(_ number: Int, to digits: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  private static func isLeap(_ year: Int) -> Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  }

  private static func daysInMonth(_ month: Int, of year: Int) -> Int {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days from 0000-01-01 to January 1 of `year`, for years from 0.
  private static func daysBefore(_ year: Int) -> Int {
    guard year > 0 else { return 0 }
    let past = year - 1
    return 366 + past * 365 + past / 4 - past / 100 + past / 400
  }

  fileprivate static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
    let inYear = (1..<month).reduce(0) { $0 + daysInMonth($1, of: year) }
    return daysBefore(year) + inYear + day - 1 - daysBefore(1970)
  }

  private static func civil(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
    let total = days + daysBefore(1970)
    // 146,097 days are exactly 400 years; the estimate is at most a year late.
    var year = floorDivide(total * 400, by: 146_097)
    while daysBefore(year) > total { year -= 1 }
    while daysBefore(year + 1) <= total { year += 1 }
    var rest = total - daysBefore(year)
    var month = 1
    while rest >= daysInMonth(month, of: year) {
      rest -= daysInMonth(month, of: year)
      month += 1
    }
    return (year, month, rest + 1)
  }
}

/// Reads the three forms. Each begins at the start of the text and must reach its end.
private struct Scanner {
  var rest: Substring.UTF8View

  /// `Sun, 06 Nov 1994 08:49:37 GMT`
  func fixdate() -> HTTPDate.Fields? {
    var scan = self
    var fields = HTTPDate.Fields()
    guard scan.word(of: HTTPDate.weekdays.map { String($0.prefix(3)) }) != nil, scan.literal(", "),
      scan.number(2, into: &fields.day), scan.literal(" "), scan.month(into: &fields),
      scan.literal(" "), scan.number(4, into: &fields.year), scan.literal(" "),
      scan.time(into: &fields),
      scan.literal(" GMT"), scan.rest.isEmpty
    else { return nil }
    return fields
  }

  /// `Sunday, 06-Nov-94 08:49:37 GMT`
  func rfc850(now: HTTPDate) -> HTTPDate.Fields? {
    var scan = self
    var fields = HTTPDate.Fields()
    guard scan.word(of: HTTPDate.weekdays) != nil, scan.literal(", "),
      scan.number(2, into: &fields.day), scan.literal("-"), scan.month(into: &fields),
      scan.literal("-"), scan.number(2, into: &fields.year), scan.literal(" "),
      scan.time(into: &fields),
      scan.literal(" GMT"), scan.rest.isEmpty
    else { return nil }
    let thisYear = Int(now.text.dropFirst(12).prefix(4))!
    fields.year += thisYear - thisYear % 100
    if fields.year > thisYear + 50 { fields.year -= 100 }
    return fields
  }

  /// `Sun Nov  6 08:49:37 1994`
  func asctime() -> HTTPDate.Fields? {
    var scan = self
    var fields = HTTPDate.Fields()
    guard scan.word(of: HTTPDate.weekdays.map { String($0.prefix(3)) }) != nil, scan.literal(" "),
      scan.month(into: &fields), scan.literal(" "),
      scan.literal(" ") ? scan.number(1, into: &fields.day) : scan.number(2, into: &fields.day),
      scan.literal(" "), scan.time(into: &fields), scan.literal(" "),
      scan.number(4, into: &fields.year), scan.rest.isEmpty
    else { return nil }
    return fields
  }

  private mutating func literal(_ text: String) -> Bool {
    guard rest.starts(with: text.utf8) else { return false }
    rest = rest.dropFirst(text.utf8.count)
    return true
  }

  private mutating func word(of words: [String]) -> Int? {
    words.firstIndex { literal($0) }
  }

  private mutating func number(_ digits: Int, into number: inout Int) -> Bool {
    let text = rest.prefix(digits)
    guard text.count == digits, let value = DecimalNumber.parse(Substring(text)) else {
      return false
    }
    rest = rest.dropFirst(digits)
    number = value
    return true
  }

  private mutating func month(into fields: inout HTTPDate.Fields) -> Bool {
    guard let index = word(of: HTTPDate.months) else { return false }
    fields.month = index + 1
    return true
  }

  private mutating func time(into fields: inout HTTPDate.Fields) -> Bool {
    number(2, into: &fields.hour) && literal(":") && number(2, into: &fields.minute) && literal(":")
      && number(2, into: &fields.second)
  }
}
