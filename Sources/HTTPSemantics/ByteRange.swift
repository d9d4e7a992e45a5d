internal import Bytes

/// What a Range field asks of a representation (RFC 9110 §14).
package enum ByteRange: Sendable, Equatable {
  /// No range, or one that is ignored: another unit, several ranges, malformed.
  case whole
  /// 206 with these bytes; never empty.
  case part(Range<Int>)
  /// 416 with `Content-Range: bytes */length`.
  case unsatisfiable

  /// Reads the field's lines for `length` bytes. A server may ignore Range (§14.2); several ranges
  /// are, since they are either a client that could ask twice or an attack.
  package init(_ values: [String], length: Int) {
    self = .whole
    guard values.count == 1 else { return }
    let value = values[0]
    guard let equals = value.firstIndex(of: "="),
      ASCII.equalsIgnoringCase(value[..<equals], "bytes")
    else { return }
    let spec = Substring(HTTPList.trimmed(value[value.index(after: equals)...].utf8))
    guard !spec.contains(","), let dash = spec.firstIndex(of: "-") else { return }
    let first = spec[..<dash]
    let last = spec[spec.index(after: dash)...]
    if first.isEmpty {
      guard let suffix = Self.number(last) else { return }
      self = suffix == 0 || length == 0 ? .unsatisfiable : .part(max(0, length - suffix)..<length)
      return
    }
    guard let start = Self.number(first), let end = last.isEmpty ? Int.max : Self.number(last),
      start <= end
    else { return }
    self = start < length ? .part(start..<min(end, length - 1) + 1) : .unsatisfiable
  }

  /// Value of Content-Range for a 206; for a 416 pass nil.
  package static func contentRange(_ part: Range<Int>?, of length: Int) -> String {
    guard let part else { return "bytes */\(length)" }
    return "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(length)"
  }

  /// A number beyond `Int` means "the end" all the same.
  private static func number(_ digits: Substring) -> Int? {
    guard !digits.isEmpty, digits.utf8.allSatisfy(ASCII.isDigit) else { return nil }
    return DecimalNumber.parse(digits) ?? Int.max
  }
}
