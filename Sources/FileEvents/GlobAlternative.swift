internal import Bytes

/// One pattern without braces, compiled: components to be matched one by one. Matching takes at most
/// (components of the pattern × of the path) component matches, each at most (tokens × bytes) steps:
/// a failed `**` or `*` only ever goes back to its latest forerunner.
struct GlobAlternative: Sendable {
  enum Component: Sendable {
    /// `**`: any number of directories; at the end, everything below.
    case anyDirectories
    case literal([UInt8])
    case tokens([GlobToken])
  }

  let components: [Component]
  /// The whole path, when the pattern has nothing to choose.
  let exactPath: [UInt8]?
  /// The directory below which everything matches, when that is all the pattern says.
  let wholeDirectory: [UInt8]?
  /// The longest directory that must stand above (or be part of) every match.
  let literalDirectory: [UInt8]

  /// A `/` at the end means everything below, as `/**` does.
  init(_ tokens: [GlobToken]) {
    var components: [Component] = []
    let parts = tokens.split(omittingEmptySubsequences: true) {
      if case .separator = $0 { true } else { false }
    }
    for part in parts { components.append(Component(Array(part))) }
    if case .separator? = tokens.last { components.append(.anyDirectories) }
    self.components = components.reduce(into: []) { kept, component in
      if case .anyDirectories = component, case .anyDirectories? = kept.last { return }
      kept.append(component)
    }
    let literals = self.components.prefix { if case .literal = $0 { true } else { false } }
      .map { component -> [UInt8] in
        if case .literal(let bytes) = component { bytes } else { [] }
      }
    let isExact = literals.count == self.components.count
    exactPath = isExact ? Self.path(literals[...]) : nil
    literalDirectory = Self.path(isExact ? literals.dropLast() : literals[...])
    if case .anyDirectories? = self.components.last, literals.count == self.components.count - 1 {
      wholeDirectory = literalDirectory
    } else {
      wholeDirectory = nil
    }
  }

  /// Whether it speaks of names alone, wherever they are: `**/name`, or `**`.
  var isFloating: Bool {
    guard case .anyDirectories? = components.first else { return false }
    return components.count <= 2
  }

  private static func path(_ components: ArraySlice<[UInt8]>) -> [UInt8] {
    Array(components.joined(separator: CollectionOfOne(UInt8(ascii: "/"))))
  }

  func matches(_ path: Span<UInt8>) -> Bool {
    if let exactPath { return path.equals(exactPath) }
    if let wholeDirectory { return path.isBelow(wholeDirectory) }
    guard path.count > 0 else { return false }
    var component = 0
    var start = 0
    var retry: (component: Int, start: Int)?
    while start <= path.count {
      let end = path.endOfComponent(from: start)
      if component < components.count {
        if case .anyDirectories = components[component] {
          if component == components.count - 1 { return true }
          component += 1
          retry = (component, start)
          continue
        }
        if components[component].matches(path, start..<end) {
          component += 1
          start = end + 1
          continue
        }
      }
      guard let last = retry else { return false }
      start = path.endOfComponent(from: last.start) + 1
      component = last.component
      retry = (component, start)
    }
    return component == components.count
  }

  /// Whether nothing at all matches: `**`, and `**/*`.
  var matchesNothing: Bool {
    components.indices.allSatisfy { index in
      switch components[index] {
      case .anyDirectories: true
      case .literal: false
      case .tokens(let tokens):
        index == components.count - 1
          && tokens.allSatisfy { if case .anyRun = $0 { true } else { false } }
      }
    }
  }

  /// Whether the pattern says no more than "below", and `directory` is there.
  func coversAllBelow(_ directory: Span<UInt8>) -> Bool {
    guard let wholeDirectory else { return false }
    return directory.equals(wholeDirectory) || directory.isBelow(wholeDirectory)
  }

  /// Whether some path below `directory` could match.
  func couldMatchBelow(_ directory: Span<UInt8>) -> Bool {
    var start = directory.count == 0 ? 1 : 0
    for component in components {
      if case .anyDirectories = component { return true }
      guard start <= directory.count else { return true }
      let end = directory.endOfComponent(from: start)
      guard component.matches(directory, start..<end) else { return false }
      start = end + 1
    }
    return false
  }
}

extension GlobAlternative.Component {
  fileprivate init(_ tokens: [GlobToken]) {
    let isRun = tokens.map { if case .anyRun = $0 { true } else { false } }
    // git takes any number of stars from two on for two.
    if isRun.count >= 2, isRun.allSatisfy({ $0 }) {
      self = .anyDirectories
      return
    }
    let bytes = tokens.compactMap { if case .byte(let byte) = $0 { byte } else { nil } }
    self = bytes.count == tokens.count ? .literal(bytes) : .tokens(tokens)
  }

  /// Whether the component of `path` at `range` matches.
  fileprivate func matches(_ path: Span<UInt8>, _ range: Range<Int>) -> Bool {
    switch self {
    case .anyDirectories: true
    case .literal(let bytes): path.extracting(range).equals(bytes)
    case .tokens(let tokens): Self.match(tokens, path.extracting(range))
    }
  }

  private static func match(_ tokens: [GlobToken], _ name: Span<UInt8>) -> Bool {
    var token = 0
    var index = 0
    var retry: (token: Int, index: Int)?
    while index < name.count || token < tokens.count {
      if token < tokens.count, case .anyRun = tokens[token] {
        token += 1
        retry = (token, index)
        continue
      }
      if token < tokens.count, index < name.count,
        let length = tokens[token].length(in: name, at: index)
      {
        token += 1
        index += length
        continue
      }
      guard let last = retry, last.index < name.count else { return false }
      let isOfBytes = last.token < tokens.count && tokens[last.token].isOfBytes
      index =
        last.index + (isOfBytes ? 1 : decodeUTF8(name, at: last.index).characterLength)
      token = last.token
      retry = (token, index)
    }
    return true
  }
}

extension GlobToken {
  /// Bytes of the character at `index` that this token takes, or nil.
  fileprivate func length(in name: Span<UInt8>, at index: Int) -> Int? {
    switch self {
    case .byte(let byte): return name[index] == byte ? 1 : nil
    case .anyCharacter: return decodeUTF8(name, at: index).characterLength
    case .anyByte: return 1
    case .byteSet(let set): return set.accepts(UInt32(name[index])) ? 1 : nil
    case .set(let set):
      let step = decodeUTF8(name, at: index)
      let scalar: UInt32? = if case .scalar(let scalar, _) = step { scalar } else { nil }
      return set.accepts(scalar) ? step.characterLength : nil
    case .separator, .anyRun: return nil
    }
  }
}

extension UTF8Step {
  /// A character is a scalar, or one byte of what is not UTF-8.
  fileprivate var characterLength: Int {
    if case .scalar(_, let length) = self { length } else { 1 }
  }
}

extension Span<UInt8> {
  /// Index of the `/` that ends the component starting at `start`, or the end.
  func endOfComponent(from start: Int) -> Int {
    var index = start
    while index < count, self[index] != UInt8(ascii: "/") { index += 1 }
    return index
  }

  func equals(_ bytes: [UInt8]) -> Bool {
    guard count == bytes.count else { return false }
    for index in indices where self[index] != bytes[index] { return false }
    return true
  }

  /// Whether this path is strictly below `directory` (empty: the root).
  func isBelow(_ directory: [UInt8]) -> Bool {
    if directory.isEmpty { return count > 0 }
    guard count > directory.count, self[directory.count] == UInt8(ascii: "/") else { return false }
    return extracting(..<directory.count).equals(directory)
  }
}
