/// Why a pattern is no glob: the byte offset where reading stopped making sense, and the reason.
package struct GlobError: Error, Sendable, Equatable {
  package enum Reason: String, Sendable {
    case empty = "a pattern needs at least one character"
    case tooLong = "a pattern has at most 1024 bytes"
    case danglingEscape = "a backslash needs a character after it"
    case unclosedSet = "[ without its ]"
    case reversedRange = "a range must go upwards"
    case unknownClass = "no such character class"
    case unclosedBrace = "{ without its }"
    case unopenedBrace = "} without its {"
    case nestedTooDeep = "braces nest at most 8 deep"
    case tooManyAlternatives = "braces may stand for at most 64 patterns"
  }

  package let reason: Reason
  /// In bytes from the pattern's start.
  package let offset: Int

  package init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }
}

/// What a pattern may cost.
enum GlobLimits {
  /// Longer than any path one would type; a path itself ends at 4,096 (PATH_MAX).
  static let length = 1_024
  /// Matching tries each alternative, so this bounds the factor braces add.
  static let alternatives = 64
  /// Bounds the parser's recursion.
  static let nesting = 8
}
