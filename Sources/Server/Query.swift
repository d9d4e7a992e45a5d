internal import Bytes
internal import HTTPSemantics

/// The parameters of a query, taken by name; what is left over is refused by name. Repeated
/// parameters keep their order.
struct QueryReader {
  private var left: [Query.Item] = []
  private var known: [String] = []

  /// Decodes the part of a target behind `?`; 400 names the offset or the parameter.
  init(_ query: Substring?) throws(Problem) {
    let items: [Query.Item]
    do throws(Query.Problem) { items = try Query(query.map(String.init)).items } catch {
      switch error {
      case .malformedPercent(let offset):
        throw .malformed("query", "a % without two hexadecimal digits at offset \(offset)")
      case .nameIsNotUTF8(let offset):
        throw .malformed("query", "a name that is not UTF-8 at offset \(offset)")
      case .tooManyItems: throw .malformed("query", "\(Query.itemLimit) parameters at most")
      }
    }
    left = items
  }

  /// The one value of a parameter that holds a name on disk: exact bytes.
  mutating func bytes(_ name: String) throws(Problem) -> [UInt8]? {
    let found = take(name)
    guard found.count < 2 else { throw .malformed(name, "may be given once") }
    return found.first?.value
  }

  mutating func all(_ name: String) throws(Problem) -> [String] {
    var texts: [String] = []
    for item in take(name) {
      guard let text = item.text else { throw .malformed(name, "is not UTF-8") }
      texts.append(text)
    }
    return texts
  }

  /// The one value of a parameter that may stand once.
  mutating func one(_ name: String) throws(Problem) -> String? {
    let found = try all(name)
    guard found.count < 2 else { throw .malformed(name, "may be given once") }
    return found.first
  }

  mutating func flag(_ name: String) throws(Problem) -> Bool? {
    switch try one(name) {
    case nil: nil
    case "1", "true": true
    case "0", "false": false
    case let other?: throw .malformed(name, "must be 1 or 0, not \(other)")
    }
  }

  mutating func integer(_ name: String, _ range: ClosedRange<Int>) throws(Problem) -> Int? {
    guard let text = try one(name) else { return nil }
    guard let value = Int(text), range.contains(value) else {
      throw .malformed(
        name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// A duration with its unit, in nanoseconds.
  mutating func duration(_ name: String, _ range: ClosedRange<Duration>) throws(Problem) -> Int64? {
    guard let text = try one(name) else { return nil }
    return try DurationField.nanoseconds(name, text, range)
  }

  private mutating func take(_ name: String) -> [Query.Item] {
    known.append(name)
    let found = left.filter { $0.name == name }
    left.removeAll { $0.name == name }
    return found
  }

  func finish() throws(Problem) {
    guard let stranger = left.first else { return }
    throw .unknownField(stranger.name, known: known)
  }
}

/// A field that holds a duration: `250ms`, `2s`, `10m`.
enum DurationField {
  static func parse(
    _ name: String, _ text: String, _ range: ClosedRange<Duration>
  ) throws(Problem) -> Duration {
    guard let value = DurationText.parse(text) else {
      throw .malformed(name, "must be a duration with a unit (250ms, 2s, 10m), not \(text)")
    }
    guard range.contains(value) else {
      throw .malformed(name, "must be from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  static func nanoseconds(
    _ name: String, _ text: String, _ range: ClosedRange<Duration>
  ) throws(Problem) -> Int64 {
    try parse(name, text, range).nanoseconds
  }
}

extension Duration {
  /// Whole nanoseconds.
  var nanoseconds: Int64 { components.seconds * second + components.attoseconds / second }
}
