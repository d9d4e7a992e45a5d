/// Unsigned decimal numbers as protocols write them: digits, nothing else.
package enum DecimalNumber {
  /// The number `bytes` spell; nil when empty, when any byte is not a digit, or above `Int.max`.
  package static func parse(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard !bytes.isEmpty else { return nil }
    var number = 0
    for byte in bytes {
      guard ASCII.isDigit(byte) else { return nil }
      let (product, overflowed) = number.multipliedReportingOverflow(by: 10)
      let (sum, carried) = product.addingReportingOverflow(Int(byte &- 0x30))
      guard !overflowed, !carried else { return nil }
      number = sum
    }
    return number
  }

  /// The same from text.
  package static func parse(_ text: some StringProtocol) -> Int? {
    var text = String(text)
    return text.withUTF8 { parse(UnsafeRawBufferPointer($0)) }
  }
}
