/// One life of the journal. Never comes back: 40 random bits drawn at start.
package struct Epoch: Sendable, Hashable {
  /// Eight characters of `[a-z2-7]`.
  package let text: String

  /// A fresh epoch from the system's random source.
  package static func random() -> Epoch {
    let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567")
    return Epoch(text: String((0..<8).map { _ in alphabet.randomElement()! }))
  }

  package init(text: String) { self.text = text }
}

/// A place in the journal: just after the record numbered `sequence`. `<epoch>-<seq>` on the wire,
/// opaque to clients. Sequence numbers start at 1, so 0 is the place before everything.
package struct Cursor: Sendable, Hashable {
  package let epoch: Epoch
  package let sequence: UInt64

  package init(epoch: Epoch, sequence: UInt64) {
    self.epoch = epoch
    self.sequence = sequence
  }

  /// Reads the wire form; nil when malformed: the epoch is 1 to 32 characters of `[a-z0-9]`, the
  /// number decimal without a leading zero.
  package init?(_ text: some StringProtocol) {
    guard let dash = text.lastIndex(of: "-") else { return nil }
    let epoch = text[..<dash]
    let digits = text[text.index(after: dash)...]
    guard (1...32).contains(epoch.utf8.count),
      epoch.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }),
      (1...20).contains(digits.utf8.count),
      digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      digits.utf8.count == 1 || digits.utf8.first != 0x30,
      let sequence = UInt64(digits)
    else { return nil }
    self.init(epoch: Epoch(text: String(epoch)), sequence: sequence)
  }

  /// The wire form.
  package var text: String { "\(epoch.text)-\(sequence)" }
}
