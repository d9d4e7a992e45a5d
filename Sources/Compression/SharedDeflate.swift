/// A text that many are sent alike: what a journal says of the numbers in `range`. Of one
/// `SharedDeflate`, equal ranges are equal texts.
package struct SharedText {
  package let range: Range<UInt64>
  package let bytes: [UInt8]

  package init(range: Range<UInt64>, bytes: [UInt8]) {
    self.range = range
    self.bytes = bytes
  }
}

/// One deflate stream for all who are sent the same texts: each is compressed once, by what the ones
/// before it have in common with it, and copied to every reader. Confined to whoever made it. Costs
/// 268 KB for `manyReaders` and more, 22 KB for fewer, from the first text until nobody has been told
/// anything for a minute; besides at most 64 KiB of the newest blocks.
///
/// A block refers back by distance in what its decoder has put out. So a reader can be given the next
/// block only if it was given all before it, from one that refers to nothing ("a start") on, and
/// nothing else in between. Who skips a text, or is sent something alone, leaves, is sent texts that
/// stand alone (`append(alone:)`), and comes back at the next start.
///
/// What can be guessed from the length of compressed bytes (as CRIME and BREACH do) is whether one
/// text repeats another of the same stream. All of these are for the eyes of each reader: names of
/// files that its filter sees. Nothing that belongs to one client (its token, its fields, what is said
/// to it alone) is ever compressed together with anything but itself.
package final class SharedDeflate {
  /// Compresses a text so that all of it can be read from what is appended, which ends at a byte.
  package typealias Writer = (
    _ text: [UInt8], _ deflater: Deflater, _ output: inout [UInt8]
  ) -> Void

  /// From so many readers on a larger window pays: each costs less than one of its own would.
  package static let manyReaders = 8
  /// Two to the power of it is how far those look back that are made for few, in bytes.
  package static let smallWindowBits = 11
  /// A start costs every reader some 70 bytes, so where there are several it waits until one of these
  /// has passed.
  static let textsBetweenStarts = 64
  static let nanosecondsBetweenStarts: Int64 = 1_000_000_000
  /// Without a text for so long the state is given back.
  static let idleNanoseconds: Int64 = 60_000_000_000
  /// What is kept for readers that are a little behind.
  private static let blocksKept = 16
  private static let bytesKept = 64 << 10
  private static let aloneKept = 4

  fileprivate struct Block {
    /// Nil for a sign of life.
    let range: Range<UInt64>?
    /// Whether it refers to nothing before it.
    let isStart: Bool
    let bytes: [UInt8]
    /// The stream's text up to it, and with it.
    let before: TextChecksum
    let after: TextChecksum
  }

  private struct Alone {
    let range: Range<UInt64>
    let bytes: [UInt8]
    let checksum: TextChecksum
  }

  /// Who is sent this stream, or would be.
  package var readers = 0

  private let format: CompressionFormat
  private let loose: Deflater
  private let write: Writer
  private var deflater: Deflater?
  private var windowBits = 0
  private var blocks: [Block] = []
  /// Number of the newest block.
  private var tail: UInt64 = 0
  /// Where the newest text ends.
  private var end: UInt64 = 0
  private var total: TextChecksum
  private var isStartWanted = false
  private var textsSinceStart = 0
  private var startedAt: Int64 = 0
  private var lastTextAt: Int64 = 0
  private var alone: [Alone] = []
  private var nextAlone = 0

  /// `format`: `.raw` says how far the readers' decoders look back. `loose` compresses what stands
  /// alone; its window may not be larger than theirs. Many may use it.
  package init(_ format: CompressionFormat, loose: Deflater, write: @escaping Writer) {
    self.format = format
    self.loose = loose
    self.write = write
    total = TextChecksum(for: format)
  }

  /// Appends what a decoder at `place` needs to read `text`, or appends nothing of it and returns false
  /// when it cannot follow: then send it something that stands alone, and say so
  /// (`DecoderPlace.leave`). `now` is monotonic nanoseconds.
  package func follow(
    _ text: SharedText, _ place: inout DecoderPlace, now: Int64, into output: inout [UInt8]
  ) -> Bool {
    if place.group === self {
      if catchUp(&place, to: text.range, into: &output) { return true }
      if place.serial == tail, text.range.lowerBound >= end {
        append(text.bytes, text.range, now: now)
        take(blocks.count - 1, &place, into: &output)
        return true
      }
      place.leave()
    }
    guard place.group == nil else { return false }
    if let index = blocks.lastIndex(where: { $0.isStart && $0.range == text.range }) {
      join(&place, at: index, into: &output)
      return true
    }
    isStartWanted = true
    guard text.range.lowerBound >= end, mayStart(now) else { return false }
    append(text.bytes, text.range, now: now)
    join(&place, at: blocks.count - 1, into: &output)
    return true
  }

  /// Appends a sign of life that all readers will be given; false when one that stands alone must do.
  package func followSign(
    _ sign: [UInt8], _ place: inout DecoderPlace, now: Int64, into output: inout [UInt8]
  ) -> Bool {
    releaseIfIdle(now: now)
    guard place.group === self else { return false }
    if place.serial == tail { append(sign, nil, now: now) }
    var isSaid = false
    while let index = indexOfNext(for: place), blocks[index].range == nil {
      take(index, &place, into: &output)
      isSaid = true
    }
    return isSaid
  }

  /// Appends `text` compressed by itself, once for all who ask for it. Returns its checksum.
  @discardableResult
  package func append(alone text: SharedText, into output: inout [UInt8]) -> TextChecksum {
    if let known = alone.first(where: { $0.range == text.range }) {
      output += known.bytes
      return known.checksum
    }
    var bytes: [UInt8] = []
    loose.reset()
    write(text.bytes, loose, &bytes)
    output += bytes
    let made = Alone(
      range: text.range, bytes: bytes, checksum: TextChecksum(of: text.bytes, for: format))
    if alone.count < Self.aloneKept {
      alone.append(made)
    } else {
      alone[nextAlone] = made
      nextAlone = (nextAlone + 1) % Self.aloneKept
    }
    return made.checksum
  }

  /// Gives the memory back when there has been no text for a minute. The next one is a start.
  package func releaseIfIdle(now: Int64) {
    guard now - lastTextAt >= Self.idleNanoseconds else { return }
    alone = []
    nextAlone = 0
    guard deflater != nil else { return }
    deflater = nil
    blocks = []
    // Nobody has been given this one: nobody goes on from here.
    tail += 1
  }

  /// Whether it holds the state of a compressor.
  package var holdsState: Bool { deflater != nil }

  /// Where the block is that comes next for a reader, if it is kept.
  private func indexOfNext(for place: borrowing DecoderPlace) -> Int? {
    let following = tail - place.serial
    return following > 0 && following <= blocks.count ? blocks.count - Int(following) : nil
  }

  /// Gives the reader what comes next, as far as the text it asks for.
  private func catchUp(
    _ place: inout DecoderPlace, to range: Range<UInt64>, into output: inout [UInt8]
  ) -> Bool {
    while let index = indexOfNext(for: place) {
      let isSign = blocks[index].range == nil
      guard isSign || blocks[index].range == range else { return false }
      take(index, &place, into: &output)
      if !isSign { return true }
    }
    return false
  }

  private func take(_ index: Int, _ place: inout DecoderPlace, into output: inout [UInt8]) {
    place.serial += 1
    place.seen = blocks[index].after
    output += blocks[index].bytes
  }

  private func join(_ place: inout DecoderPlace, at index: Int, into output: inout [UInt8]) {
    place.group = self
    place.serial = tail - UInt64(blocks.count - index)
    place.joined = blocks[index].before
    take(index, &place, into: &output)
  }

  private func mayStart(_ now: Int64) -> Bool {
    deflater == nil || readers <= 1 || textsSinceStart >= Self.textsBetweenStarts
      || now - startedAt >= Self.nanosecondsBetweenStarts
  }

  private func append(_ text: [UInt8], _ range: Range<UInt64>?, now: Int64) {
    let isStart = range != nil && (deflater == nil || (isStartWanted && mayStart(now)))
    if isStart { start(now) }
    var bytes: [UInt8] = []
    write(text, deflater!, &bytes)
    let before = total
    total.add(TextChecksum(of: text, for: format))
    blocks.append(
      Block(range: range, isStart: isStart, bytes: bytes, before: before, after: total))
    tail += 1
    if let range {
      end = range.upperBound
      lastTextAt = now
      textsSinceStart += 1
    }
    dropOldest()
  }

  /// What was compressed before ended at a byte, so a new stream may begin there as after a full flush.
  private func start(_ now: Int64) {
    let most = if case .raw(let bits) = format { bits } else { 15 }
    let bits = readers >= Self.manyReaders ? most : min(most, Self.smallWindowBits)
    if let deflater, windowBits == bits {
      deflater.reset()
    } else {
      deflater = Deflater(.raw(windowBits: bits))
      windowBits = bits
    }
    isStartWanted = false
    textsSinceStart = 0
    startedAt = now
  }

  private func dropOldest() {
    var bytes = blocks.reduce(0) { $0 + $1.bytes.count }
    var dropped = 0
    while blocks.count - dropped > 1,
      blocks.count - dropped > Self.blocksKept || bytes > Self.bytesKept
    {
      bytes -= blocks[dropped].bytes.count
      dropped += 1
    }
    blocks.removeFirst(dropped)
  }
}

/// How far one decoder has followed which stream, and what it has read. A value of its reader; holds
/// the stream it follows.
package struct DecoderPlace {
  fileprivate var group: SharedDeflate?
  /// Of the block it was given last.
  fileprivate var serial: UInt64 = 0
  /// The stream's text when it came, and with the block it was given last.
  fileprivate var joined: TextChecksum
  fileprivate var seen: TextChecksum
  /// What it had read before.
  private var read: TextChecksum

  package init(_ format: CompressionFormat) {
    let nothing = TextChecksum(for: format)
    (joined, seen, read) = (nothing, nothing, nothing)
  }

  /// Whether it follows a stream.
  package var isFollowing: Bool { group != nil }

  package func isFollowing(_ group: SharedDeflate) -> Bool { self.group === group }

  /// The decoder was given what the others were not, or will be: it follows nothing any more.
  package mutating func leave() {
    guard group != nil else { return }
    read = checksum
    group = nil
  }

  /// The same; what it was given says a text with this checksum.
  package mutating func leave(reading alone: TextChecksum) {
    leave()
    read.add(alone)
  }

  /// Of all that the decoder has put out.
  var checksum: TextChecksum {
    guard group != nil else { return read }
    var all = read
    all.add(seen.since(joined))
    return all
  }
}
