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
    let bytes = target.utf8.span
    let pathEnd = bytes.firstOffset(of: UInt8(ascii: "?"), from: 0)
    guard pathEnd > 0, bytes[0] == UInt8(ascii: "/") else { throw .notAPath }
    query =
      pathEnd < bytes.count
      ? String(decoding: target.utf8.dropFirst(pathEnd + 1), as: UTF8.self) : nil
    endsInSlash = bytes[pathEnd - 1] == UInt8(ascii: "/")
    components = []
    var start = 1
    while start < pathEnd {
      let end = min(bytes.firstOffset(of: UInt8(ascii: "/"), from: start), pathEnd)
      if end > start {
        components.append(try Self.name(bytes.extracting(start..<end), before: start))
      }
      start = end + 1
    }
  }

  /// The name joined again, `/`-separated, without slashes at either end.
  package var relativePath: [UInt8] { Array(components.joined(separator: [UInt8(ascii: "/")])) }

  private static func name(
    _ segment: Span<UInt8>, before: Int
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

extension Span<UInt8> {
  /// Offset of the first `byte` at or after `start`, or the end.
  fileprivate func firstOffset(of byte: UInt8, from start: Int) -> Int {
    var offset = start
    while offset < count, self[offset] != byte { offset += 1 }
    return offset
  }
}
