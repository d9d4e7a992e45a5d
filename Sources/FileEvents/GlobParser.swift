internal import Bytes

/// One unit of a pattern.
enum GlobToken: Sendable {
  case byte(UInt8)
  case separator
  /// `?`
  case anyCharacter
  /// `*`
  case anyRun
  /// `[…]`
  case set(CharacterSet)
  /// `?` and `[…]` as git matches them: bytes, whatever the encoding.
  case anyByte
  case byteSet(CharacterSet)

  /// Whether it may begin at any byte; a byte of a pattern in UTF-8 finds where a character does.
  var isOfBytes: Bool {
    switch self {
    case .byte, .anyByte, .byteSet: true
    case .separator, .anyCharacter, .anyRun, .set: false
    }
  }
}

/// Whose patterns they are.
enum GlobDialect {
  /// Ours: braces, and characters are Unicode scalars.
  case tidings
  /// gitignore(5): no braces, and characters are bytes, whatever the encoding.
  case git
}

/// What a `[…]` accepts. Where characters are Unicode scalars, a byte that is not UTF-8 is in no range.
struct CharacterSet: Sendable {
  var ranges: [ClosedRange<UInt32>] = []
  var isNegated = false

  /// `scalar` nil: a byte that is not UTF-8. `/` is never accepted.
  func accepts(_ scalar: UInt32?) -> Bool {
    if scalar == UInt32(UInt8(ascii: "/")) { return false }
    let isListed = scalar.map { scalar in ranges.contains { $0.contains(scalar) } } ?? false
    return isListed != isNegated
  }
}

/// Reads a pattern into its alternatives. Recursive descent over bytes: a sequence is a product of
/// parts, a brace group the sum of its sequences.
struct GlobParser {
  private let pattern: [UInt8]
  private let dialect: GlobDialect
  private var offset = 0

  /// The alternatives `pattern` stands for, each a sequence of tokens; one when it has no braces.
  static func alternatives(
    of pattern: [UInt8], as dialect: GlobDialect
  ) throws(GlobError) -> [[GlobToken]] {
    guard !pattern.isEmpty else { throw GlobError(.empty, at: 0) }
    guard pattern.count <= GlobLimits.length else {
      throw GlobError(.tooLong, at: GlobLimits.length)
    }
    var parser = GlobParser(pattern: pattern, dialect: dialect)
    return try parser.sequence(depth: 0)
  }

  private init(pattern: [UInt8], dialect: GlobDialect) {
    self.pattern = pattern
    self.dialect = dialect
  }

  /// Up to the end of the pattern, or inside braces up to the `,` or `}` that ends the alternative.
  private mutating func sequence(depth: Int) throws(GlobError) -> [[GlobToken]] {
    var products: [[GlobToken]] = [[]]
    while offset < pattern.count {
      switch pattern[offset] {
      case UInt8(ascii: ",") where depth > 0: return products
      case UInt8(ascii: "}") where depth > 0: return products
      case UInt8(ascii: "}") where dialect == .tidings: throw GlobError(.unopenedBrace, at: offset)
      case UInt8(ascii: "{") where dialect == .tidings:
        let start = offset
        let choices = try group(depth: depth + 1)
        guard products.count * choices.count <= GlobLimits.alternatives else {
          throw GlobError(.tooManyAlternatives, at: start)
        }
        products = products.flatMap { product in choices.map { product + $0 } }
      default:
        let token = try token()
        for index in products.indices { products[index].append(token) }
      }
    }
    return products
  }

  /// A brace group, `offset` at its `{`.
  private mutating func group(depth: Int) throws(GlobError) -> [[GlobToken]] {
    let start = offset
    guard depth <= GlobLimits.nesting else { throw GlobError(.nestedTooDeep, at: start) }
    var choices: [[GlobToken]] = []
    repeat {
      offset += 1  // the { or the ,
      choices += try sequence(depth: depth)
      guard choices.count <= GlobLimits.alternatives else {
        throw GlobError(.tooManyAlternatives, at: start)
      }
      guard offset < pattern.count else { throw GlobError(.unclosedBrace, at: start) }
    } while pattern[offset] == UInt8(ascii: ",")
    offset += 1  // the }
    return choices
  }

  private mutating func token() throws(GlobError) -> GlobToken {
    let byte = pattern[offset]
    if byte == UInt8(ascii: "[") {
      let set = try set()
      return dialect == .git ? .byteSet(set) : .set(set)
    }
    offset += 1
    switch byte {
    case UInt8(ascii: "/"): return .separator
    case UInt8(ascii: "?"): return dialect == .git ? .anyByte : .anyCharacter
    case UInt8(ascii: "*"): return .anyRun
    case UInt8(ascii: "\\"):
      guard offset < pattern.count else { throw GlobError(.danglingEscape, at: offset - 1) }
      offset += 1
      let escaped = pattern[offset - 1]
      return escaped == UInt8(ascii: "/") ? .separator : .byte(escaped)
    default: return .byte(byte)
    }
  }

  /// A `[…]`, `offset` at its `[`. A `]` directly after the opening (and `!` or `^`) is a member, and
  /// so is a `-` at either end.
  private mutating func set() throws(GlobError) -> CharacterSet {
    let start = offset
    offset += 1
    var set = CharacterSet()
    if offset < pattern.count,
      pattern[offset] == UInt8(ascii: "!") || pattern[offset] == UInt8(ascii: "^")
    {
      set.isNegated = true
      offset += 1
    }
    let first = offset
    while true {
      guard offset < pattern.count else { throw GlobError(.unclosedSet, at: start) }
      if pattern[offset] == UInt8(ascii: "]"), offset > first {
        offset += 1
        return set
      }
      if pattern[offset] == UInt8(ascii: "["), offset + 1 < pattern.count,
        pattern[offset + 1] == UInt8(ascii: ":")
      {
        set.ranges += try characterClass()
        continue
      }
      let memberStart = offset
      let low = try member(of: start)
      guard offset + 1 < pattern.count, pattern[offset] == UInt8(ascii: "-"),
        pattern[offset + 1] != UInt8(ascii: "]")
      else {
        set.ranges.append(low...low)
        continue
      }
      offset += 1
      let high = try member(of: start)
      guard low <= high else { throw GlobError(.reversedRange, at: memberStart) }
      set.ranges.append(low...high)
    }
  }

  /// One character of a set, escapes resolved.
  private mutating func member(of setStart: Int) throws(GlobError) -> UInt32 {
    if pattern[offset] == UInt8(ascii: "\\") { offset += 1 }
    guard offset < pattern.count else { throw GlobError(.unclosedSet, at: setStart) }
    if dialect == .git {
      offset += 1
      return UInt32(pattern[offset - 1])
    }
    let step = decodeUTF8(pattern.span, at: offset)
    offset += step.length
    guard case .scalar(let scalar, _) = step else { return 0xFFFD }
    return scalar
  }

  /// `[:name:]`, ASCII as in git's wildmatch.
  private mutating func characterClass() throws(GlobError) -> [ClosedRange<UInt32>] {
    let start = offset
    offset += 2
    let nameStart = offset
    while offset < pattern.count, pattern[offset] != UInt8(ascii: ":") { offset += 1 }
    guard offset + 1 < pattern.count, pattern[offset + 1] == UInt8(ascii: "]") else {
      throw GlobError(.unclosedSet, at: start)
    }
    let name = String(decoding: pattern[nameStart..<offset], as: UTF8.self)
    offset += 2
    switch name {
    case "alnum": return [0x30...0x39, 0x41...0x5A, 0x61...0x7A]
    case "alpha": return [0x41...0x5A, 0x61...0x7A]
    case "blank": return [0x09...0x09, 0x20...0x20]
    case "cntrl": return [0x00...0x1F, 0x7F...0x7F]
    case "digit": return [0x30...0x39]
    case "graph": return [0x21...0x7E]
    case "lower": return [0x61...0x7A]
    case "print": return [0x20...0x7E]
    case "punct": return [0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E]
    case "space": return [0x09...0x0D, 0x20...0x20]
    case "upper": return [0x41...0x5A]
    case "xdigit": return [0x30...0x39, 0x41...0x46, 0x61...0x66]
    default: throw GlobError(.unknownClass, at: start)
    }
  }
}
