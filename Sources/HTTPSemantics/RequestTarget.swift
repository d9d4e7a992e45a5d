package import Bytes

/// The path of a request as names to be looked up, and its query as text. Decoded once; never to
/// be decoded again.
package struct RequestTarget: Sendable, Equatable {
  package enum Problem: Error, Sendable, Equatable {
    /// Does not begin with a slash.
    case notAPath
    /// A percent sign without two hexadecimal digits, so many bytes into the target.
    case malformedPercent(offset: Int)
    /// An encoded NUL, which no name has.
    case nul
    /// An encoded slash: no name has one, and decoding it would make two names of one.
    case encodedSlash
    /// `.` or `..`, plain or encoded. Clients resolve them before they ask.
    case dotSegment
  }

  /// The names between the slashes, exact bytes, none empty: `//` counts as one slash. A backslash
  /// is a byte like any other.
  package var components: [[UInt8]]
  /// Whether the path ends in a slash, as `/` itself does.
  package var endsInSlash: Bool
  /// What follows the first question mark, still encoded; nil without one.
  package var query: String?

  /// What a target may be written with: visible ASCII but the fragment's sign and the delimiters of
  /// URLs. Browsers send some characters RFC 3986 wants encoded (`|`, `[`, `{`, `^`), so those pass.
  package static let characters = ASCIISet(
    "!$%&'()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~")

  /// Takes the origin form of a target apart.
  package init(_ target: String) throws(Problem) {
    let queryMark = target.utf8.firstIndex(of: UInt8(ascii: "?"))
    let path = target.utf8[..<(queryMark ?? target.utf8.endIndex)]
    guard path.first == UInt8(ascii: "/") else { throw .notAPath }
    query = queryMark.map { String(target[target.utf8.index(after: $0)...]) }
    endsInSlash = path.last == UInt8(ascii: "/")
    components = []
    for segment in path.split(separator: UInt8(ascii: "/")) {
      let before = target.utf8.distance(from: target.startIndex, to: segment.startIndex)
      components.append(try Self.name(segment, before: before))
    }
  }

  /// The name joined again, `/`-separated, without slashes at either end.
  package var relativePath: [UInt8] { Array(components.joined(separator: [UInt8(ascii: "/")])) }

  private static func name(
    _ segment: Substring.UTF8View, before: Int
  ) throws(Problem) -> [UInt8] {
    let name: [UInt8]
    do throws(PercentCoding.Malformed) {
      name = try PercentCoding.decode(segment)
    } catch {
      throw .malformedPercent(offset: before + error.offset)
    }
    guard !name.contains(0) else { throw .nul }
    guard !name.contains(UInt8(ascii: "/")) else { throw .encodedSlash }
    guard name != [UInt8(ascii: ".")], name != [UInt8(ascii: "."), UInt8(ascii: ".")] else {
      throw .dotSegment
    }
    return name
  }
}
