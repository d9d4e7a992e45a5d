import Compression
import Testing

private let second: Int64 = 1_000_000_000

/// A journal of texts as a server would send them.
private struct Journal {
  var texts: [[UInt8]] = []

  mutating func append() {
    let number = texts.count
    texts.append(
      Array(
        """
        event: change\nid: 01J-\(number)\ndata: {"event":"change","id":"01J-\(number)",\
        "watch":"site-4f2a","kind":"modify","path":"css/part-\(number % 7).css","size":\(number)}\n\n
        """.utf8))
  }

  /// What is said of the texts from `start` up to `end`.
  func text(_ start: Int, _ end: Int) -> SharedText {
    SharedText(range: UInt64(start)..<UInt64(end), bytes: Array(texts[start..<end].joined()))
  }
}

/// A client: what it is sent, and what zlib makes of it.
private final class Reader {
  var body: CompressedBody
  let group: SharedDeflate
  private let inflater: Inflater
  private(set) var sent = 0
  private(set) var read: [UInt8] = []
  private(set) var expected: [UInt8] = []
  private(set) var progress = Inflater.Progress.needsMore
  /// Texts of the journal it has been sent.
  var position = 0

  init(_ format: CompressionFormat, _ group: SharedDeflate, loose: Deflater) {
    body = CompressedBody(format, loose: loose)
    self.group = group
    inflater = Inflater(format)
    group.readers += 1
  }

  func follow(_ text: SharedText, now: Int64) throws {
    expected += text.bytes
    position = Int(text.range.upperBound)
    var output: [UInt8] = []
    body.append(text, by: group, now: now, into: &output)
    try take(output)
  }

  func hear(_ text: [UInt8]) throws {
    expected += text
    var output: [UInt8] = []
    body.append(text, into: &output)
    try take(output)
  }

  /// Of signs others may have been given some more since.
  func hearSign(now: Int64) throws {
    var output: [UInt8] = []
    body.append(sign: Array(":\n\n".utf8), by: group, now: now, into: &output)
    try take(output)
    #expect(read.suffix(3) == Array(":\n\n".utf8))
  }

  func end() throws {
    var output: [UInt8] = []
    body.appendEnd(into: &output)
    try take(output)
    #expect(progress == .ended(unused: 0))
    try hearNothing()
  }

  private func hearNothing() throws {
    var output: [UInt8] = []
    body.append(Array("more".utf8), into: &output)
    body.appendEnd(into: &output)
    #expect(output.isEmpty)
  }

  /// Everything that was sent can be read at once. (Signs come where they like.)
  private func take(_ output: [UInt8]) throws {
    sent += output.count
    progress = try inflater.decompress(output.span.bytes, into: &read, limit: 1 << 24)
    #expect(read.suffix(2) == [10, 10])
  }

  var hasReadAll: Bool { Self.withoutSigns(read) == expected }

  /// A sign is a line `:` and an empty one, and no other line begins so.
  private static func withoutSigns(_ text: [UInt8]) -> [UInt8] {
    var rest: [UInt8] = []
    var place = 0
    while place < text.count {
      let end = text[place...].firstIndex(of: 10)! + 1
      if text[place] == UInt8(ascii: ":") { place = end + 1 } else { rest += text[place..<end] }
      place = max(place, end)
    }
    return rest
  }
}

struct SharedDeflateTests {
  private static func group(_ format: CompressionFormat, loose: Deflater) -> SharedDeflate {
    SharedDeflate(format, loose: loose) { text, deflater, output in
      deflater.compress(text.span.bytes, .sync, into: &output)
    }
  }

  private let loose = Deflater(.raw(windowBits: SharedDeflate.smallWindowBits))

  private func readers(
    _ count: Int, _ format: CompressionFormat = .gzip
  ) -> (SharedDeflate, [Reader]) {
    let group = Self.group(format, loose: loose)
    return (group, (0..<count).map { _ in Reader(format, group, loose: loose) })
  }

  @Test("all who follow are sent the same bytes, a quarter of the text", arguments: [1, 8, 40])
  func savings(_ count: Int) throws {
    let (_, readers) = readers(count)
    var journal = Journal()
    for reader in readers { try reader.hear(Array("hello\n\n".utf8)) }
    for _ in 0..<200 {
      journal.append()
      for reader in readers {
        try reader.follow(journal.text(reader.position, journal.texts.count), now: 1)
      }
    }
    let sent = readers[0].sent
    for reader in readers {
      #expect(reader.hasReadAll)
      #expect(reader.sent == sent)
      #expect(reader.sent * (count < SharedDeflate.manyReaders ? 3 : 4) < reader.read.count)
      try reader.end()
    }
  }

  @Test("who comes later is sent texts that stand alone until the next start, then follows")
  func joining() throws {
    let (group, all) = readers(2)
    let (early, late) = (all[0], all[1])
    var journal = Journal()
    var sizes: [Int] = []
    for number in 0..<80 {
      journal.append()
      try early.follow(journal.text(number, number + 1), now: 1)
      guard number >= 10 else { continue }
      late.position = number
      let before = late.sent
      try late.follow(journal.text(number, number + 1), now: 1)
      sizes.append(late.sent - before)
    }
    #expect(early.hasReadAll)
    #expect(late.hasReadAll)
    // A start comes after 64 texts: number 64 is the 55th of these.
    let (alone, start, followed) = (sizes[5..<54].min()!, sizes[54], sizes[56...].max()!)
    #expect(alone > followed)
    #expect(start > followed)
    withExtendedLifetime(group) {}
  }

  @Test("a second later a start comes at once")
  func joiningLater() throws {
    let (_, all) = readers(2)
    var journal = Journal()
    for number in 0..<3 {
      journal.append()
      try all[0].follow(journal.text(number, number + 1), now: 1)
    }
    for number in 3..<12 {
      journal.append()
      for reader in all {
        reader.position = number
        try reader.follow(journal.text(number, number + 1), now: 2 * second)
      }
    }
    // All but the start are short for the one that came late.
    try all[1].end()
    #expect(all[1].hasReadAll)
    #expect(all[1].sent * 2 < all[1].read.count)
  }

  @Test("a sign of life takes nobody out of the stream")
  func signs() throws {
    let (_, all) = readers(3)
    var journal = Journal()
    for number in 0..<100 {
      journal.append()
      for reader in all { try reader.follow(journal.text(number, number + 1), now: 1) }
      // One is given more of them than the others.
      try all[0].hearSign(now: 1)
      if number % 3 == 0 { for reader in all { try reader.hearSign(now: 1) } }
    }
    for reader in all {
      #expect(reader.hasReadAll)
      #expect(reader.sent * 3 < reader.read.count)
      try reader.end()
    }
    #expect(all[1].sent == all[2].sent)
  }

  @Test("after a minute without a text nothing is held, and the next one can be read")
  func idle() throws {
    let (group, all) = readers(2)
    var journal = Journal()
    journal.append()
    for reader in all { try reader.follow(journal.text(0, 1), now: 1) }
    #expect(group.holdsState)
    for reader in all { try reader.hearSign(now: 30 * second) }
    #expect(group.holdsState)
    for reader in all { try reader.hearSign(now: 70 * second) }
    #expect(!group.holdsState)
    for number in 1..<5 {
      journal.append()
      for reader in all { try reader.follow(journal.text(number, number + 1), now: 71 * second) }
    }
    #expect(group.holdsState)
    for reader in all {
      try reader.end()
      #expect(reader.hasReadAll)
    }
  }

  @Test(
    "whoever stalls, skips, is told things alone, comes and goes: all read what they were told",
    arguments: [CompressionFormat.gzip, .zlib, .raw(windowBits: 9)], 0..<10)
  func model(_ format: CompressionFormat, _ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let loose = Deflater(.raw(windowBits: 9))
    let group = Self.group(format, loose: loose)
    var journal = Journal()
    var all: [Reader] = []
    var now: Int64 = 1
    for _ in 0..<800 {
      switch Int.random(in: 0..<100, using: &random) {
      case ..<3 where all.count < 12:
        let reader = Reader(format, group, loose: loose)
        reader.position = journal.texts.count
        try reader.hear(Array("event: hello\n\n".utf8))
        all.append(reader)
      case 3..<5 where !all.isEmpty:
        let reader = all.remove(at: .random(in: all.indices, using: &random))
        try reader.end()
        #expect(reader.hasReadAll)
        group.readers -= 1
      case 5..<35: journal.append()
      case 35..<38: now += [second / 100, second, 61 * second].randomElement(using: &random)!
      case 38..<45: try all.randomElement(using: &random)?.hearSign(now: now)
      case 45..<49: try all.randomElement(using: &random)?.hear(Array("event: reset\n\n".utf8))
      case 49..<52: all.randomElement(using: &random)?.position = journal.texts.count
      case 52..<72:
        // All who are at the head of what they know, as after a change.
        for reader in all.shuffled(using: &random) where reader.position + 1 == journal.texts.count
        {
          try reader.follow(journal.text(reader.position, journal.texts.count), now: now)
        }
      default:
        guard let reader = all.randomElement(using: &random),
          reader.position < journal.texts.count
        else { continue }
        // Some are sent several at once, or pieces that others were sent.
        let end = Int.random(
          in: (reader.position + 1)...min(journal.texts.count, reader.position + 4), using: &random)
        try reader.follow(journal.text(reader.position, end), now: now)
      }
    }
    for reader in all {
      try reader.end()
      #expect(reader.hasReadAll)
    }
  }

  private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }
}
