internal import Bytes
package import HTTPTypes

/// A token presented as `Authorization: Bearer` (RFC 6750 §2.1).
package enum BearerToken {
  package enum Presented: Sendable, Equatable {
    /// No Authorization field.
    case none
    case token(String)
    /// Another scheme, several fields, or characters no token has.
    case malformed
  }

  // token68 (RFC 9110 §11.2) without its trailing equals signs.
  private static let characters = ASCIISet(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/")

  package static func presented(in fields: HTTPFields) -> Presented {
    let values = fields[values: .authorization]
    guard let value = values.first else { return .none }
    guard values.count == 1, let space = value.firstIndex(of: " "),
      ASCII.equalsIgnoringCase(value[..<space], "bearer")
    else { return .malformed }
    let token = value[space...].drop { $0 == " " }
    return isToken(token) ? .token(String(token)) : .malformed
  }

  /// Whether `text` could be presented: one or more characters of token68.
  package static func isToken(_ text: some StringProtocol) -> Bool {
    var rest = Substring(text).utf8[...]
    while rest.last == UInt8(ascii: "=") { rest.removeLast() }
    return !rest.isEmpty && rest.allSatisfy(characters.contains)
  }
}
