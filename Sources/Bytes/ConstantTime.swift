/// Comparison of secrets.
package enum ConstantTime {
  /// Whether both are equal, in a time that depends on their lengths alone, so that a guess learns
  /// nothing of how near it came.
  package static func areEqual(_ secret: [UInt8], _ guess: [UInt8]) -> Bool {
    guard secret.count == guess.count else { return false }
    var difference: UInt8 = 0
    for index in secret.indices { difference |= secret[index] ^ guess[index] }
    return difference == 0
  }
}
