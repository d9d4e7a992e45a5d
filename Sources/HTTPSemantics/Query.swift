internal import Bytes

/// A query as forms write it: `name=value` joined by `&`, `+` for a space (WHATWG URL §5.1, but
/// what is malformed is refused instead of guessed).
package struct Query: Sendable, Equatable {
  package struct Item: Sendable, Equatable {
    package var name: String
    /// Exact bytes; empty where there is no `=`.
    package var value: [UInt8]
    /// Bytes of the query before this item, to say where an error is.
    package var offset: Int

    /// The value as text; nil when it is not UTF-8.
    package var text: String? { String(validating: value, as: UTF8.self) }
  }

  package enum Problem: Error, Sendable, Equatable {
    /// A percent sign without two hexadecimal digits, so many bytes into the query.
    case malformedPercent(offset: Int)
    /// A name that is not UTF-8, in the item so many bytes into the query.
    case nameIsNotUTF8(offset: Int)
    /// More items than any request of the API has.
    case tooManyItems
  }

  /// Items of one query. 256: subscriptions name watches, paths and ignores by repetition, and
  /// 8 KiB of request line hold not many more that mean something.
  package static let itemLimit = 256

  /// In the order of the query; empty items (`&&`) are passed over.
  package var items: [Item]

  /// Reads what follows the question mark; nil reads as nothing.
  package init(_ text: String?) throws(Problem) {
    items = []
    guard let bytes = text?.utf8 else { return }
    for part in bytes.split(separator: UInt8(ascii: "&")) {
      guard items.count < Self.itemLimit else { throw .tooManyItems }
      let offset = bytes.distance(from: bytes.startIndex, to: part.startIndex)
      let equals = part.firstIndex(of: UInt8(ascii: "="))
      let name = part[..<(equals ?? part.endIndex)]
      let value = equals.map { part[part.index(after: $0)...] } ?? part[part.endIndex...]
      let nameBytes = try Self.decode(name, offset: offset)
      guard let nameText = String(validating: nameBytes, as: UTF8.self) else {
        throw .nameIsNotUTF8(offset: offset)
      }
      let valueOffset = offset + part.count - value.count
      let valueBytes = try Self.decode(value, offset: valueOffset)
      items.append(Item(name: nameText, value: valueBytes, offset: offset))
    }
  }

  /// All items of one name, in order.
  package subscript(name: String) -> [Item] { items.filter { $0.name == name } }

  private static func decode(
    _ text: Substring.UTF8View, offset: Int
  ) throws(Problem) -> [UInt8] {
    do throws(PercentCoding.Malformed) {
      return try PercentCoding.decode(text.span, plusIsSpace: true)
    } catch {
      throw .malformedPercent(offset: offset + error.offset)
    }
  }
}
