internal import Bytes

/// A JSON document being written. For answers of the API, where clarity outweighs nanoseconds;
/// events are written by EventFormats.
struct JSONText {
  private(set) var bytes: [UInt8] = []
  /// Whether a comma must precede the next value at this depth.
  private var needsComma = false

  mutating func object(_ body: (inout JSONText) -> Void) { nested("{", "}", body) }

  mutating func array<Elements: Sequence>(
    _ elements: Elements, _ body: (inout JSONText, Elements.Element) -> Void
  ) {
    nested("[", "]") { json in
      for element in elements { body(&json, element) }
    }
  }

  mutating func field(_ name: String, _ value: String) {
    key(name)
    self.value(value)
  }

  mutating func field(_ name: String, _ value: Bool) {
    key(name)
    raw(value ? "true" : "false")
  }

  mutating func field(_ name: String, _ value: some BinaryInteger) {
    key(name)
    raw(String(value))
  }

  /// Three decimals: seconds to the millisecond.
  mutating func field(_ name: String, seconds value: Double) {
    key(name)
    let thousandths = Int((value * 1000).rounded())
    let fraction = String(thousandths % 1000 + 1000).dropFirst()
    raw("\(thousandths / 1000).\(fraction)")
  }

  mutating func field(_ name: String, _ values: [String]) {
    key(name)
    array(values) { $0.value($1) }
  }

  mutating func field(_ name: String, object body: (inout JSONText) -> Void) {
    key(name)
    object(body)
  }

  mutating func field<Elements: Sequence>(
    _ name: String, _ elements: Elements, _ body: (inout JSONText, Elements.Element) -> Void
  ) {
    key(name)
    array(elements, body)
  }

  /// Names as they are on disk: `name` in UTF-8 with U+FFFD where it is not, and then the exact
  /// bytes in `nameBytes`.
  mutating func field(_ name: String, path: some Collection<UInt8>) {
    let path = Array(path)
    key(name)
    separate()
    bytes.append(jsonString: path.span)
    needsComma = true
    if !isValidUTF8(path.span) {
      key(name + "Bytes")
      separate()
      bytes.append(UInt8(ascii: "\""))
      bytes.append(base64: path.span)
      bytes.append(UInt8(ascii: "\""))
      needsComma = true
    }
  }

  mutating func value(_ value: String) {
    separate()
    bytes.append(jsonString: value)
    needsComma = true
  }

  /// Nanoseconds since 1970 as RFC 3339 in UTC, to the millisecond.
  mutating func field(_ name: String, timestamp nanoseconds: Int64) {
    key(name)
    separate()
    var writer = TimestampWriter()
    bytes.append(UInt8(ascii: "\""))
    writer.append(nanoseconds: nanoseconds, to: &bytes)
    bytes.append(UInt8(ascii: "\""))
    needsComma = true
  }

  /// A document that is already JSON.
  mutating func field(_ name: String, json value: [UInt8]) {
    key(name)
    separate()
    bytes += value
    needsComma = true
  }

  mutating func element(json value: [UInt8]) {
    separate()
    bytes += value
    needsComma = true
  }

  private mutating func key(_ name: String) {
    separate()
    bytes.append(jsonString: name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  private mutating func raw(_ text: String) {
    separate()
    bytes += text.utf8
    needsComma = true
  }

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = false
  }

  private mutating func nested(
    _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ body: (inout JSONText) -> Void
  ) {
    separate()
    bytes.append(UInt8(ascii: open))
    body(&self)
    bytes.append(UInt8(ascii: close))
    needsComma = true
  }
}
