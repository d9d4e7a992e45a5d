internal import Bytes

/// Preferences a client states with `Prefer` (RFC 7240).
package enum Preference {
  /// Seconds of `wait=`, how long the client would hold on (§4.3); nil when absent or malformed,
  /// since a preference may be ignored. The first one counts (§2).
  package static func waitSeconds(_ values: [String]) -> Int? {
    for word in HTTPList.words(values) {
      let preference = word.prefix { $0 != ";" }
      guard let equals = preference.firstIndex(of: "=") else { continue }
      let name = HTTPList.trimmed(preference[..<equals].utf8)
      guard name.elementsEqual("wait".utf8) else { continue }
      let value = HTTPList.trimmed(preference[preference.index(after: equals)...].utf8)
      return DecimalNumber.parse(Substring(value))
    }
    return nil
  }
}
