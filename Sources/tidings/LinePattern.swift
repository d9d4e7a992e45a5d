import FileEvents
import Foundation

/// A line as `--format` draws it, in the words of inotifywait(1), so that a script that reads its
/// output reads ours. A move is two lines there, and here: MOVED_FROM and MOVED_TO with one cookie.
struct LinePattern: Sendable {
  /// Why a pattern is none: the directive that nobody knows.
  struct Malformed: Error, Equatable { let directive: String }

  private enum Piece: Equatable {
    case text([UInt8])
    /// `%w`: the directory it happened in, with a `/` at the end; a root that is a file itself.
    case directory
    /// `%f`: the entry's name; nothing when it happened to the root itself.
    case name
    /// `%e`, `%:e`: what happened, words with a comma or another character between them.
    case events(separator: UInt8)
    /// `%T`: when.
    case time
    /// `%c`: what joins the two lines of a move, in hexadecimal; 0 for everything else.
    case cookie
  }

  private let pieces: [Piece]
  /// For strftime(3).
  private let timeFormat: String

  /// `%w %f %e %Xe %T %c`, `%0` a NUL, `%n` a line's end, `%%` a percent sign; anything else stands
  /// for itself. A line's end follows each line, unless the pattern ends with `%0` or `%n`.
  init(_ text: String, timeFormat: String) throws(Malformed) {
    self.timeFormat = timeFormat
    var pieces: [Piece] = []
    var literal: [UInt8] = []
    var rest = Array(text.utf8)[...]
    var endsItself = false
    while let byte = rest.popFirst() {
      endsItself = false
      guard byte == UInt8(ascii: "%") else {
        literal.append(byte)
        continue
      }
      var piece: Piece?
      switch rest.popFirst() {
      case UInt8(ascii: "w"): piece = .directory
      case UInt8(ascii: "f"): piece = .name
      case UInt8(ascii: "e"): piece = .events(separator: UInt8(ascii: ","))
      case UInt8(ascii: "T"): piece = .time
      case UInt8(ascii: "c"): piece = .cookie
      case UInt8(ascii: "%"): literal.append(UInt8(ascii: "%"))
      case UInt8(ascii: "0"):
        literal.append(0)
        endsItself = true
      case UInt8(ascii: "n"):
        literal.append(0x0A)
        endsItself = true
      case let separator? where rest.first == UInt8(ascii: "e") && separator < 0x80:
        rest.removeFirst()
        piece = .events(separator: separator)
      case let unknown:
        throw Malformed(
          directive: "%" + String(decoding: unknown.map { [$0] } ?? [], as: UTF8.self))
      }
      guard let piece else { continue }
      if !literal.isEmpty { pieces.append(.text(literal)) }
      literal = []
      pieces.append(piece)
    }
    if !endsItself { literal.append(0x0A) }
    pieces.append(.text(literal))
    self.pieces = pieces
  }

  /// Appends the lines of one change. `sequence` is its number in the journal, `root` what its watch
  /// was called on the command line.
  func append(
    _ record: JournalRecord, in batch: ChangeBatch, sequence: UInt64, root: String,
    to output: inout [UInt8]
  ) {
    let path = batch.path(of: record)
    let from = batch.from(of: record)
    let cookie = UInt32(truncatingIfNeeded: sequence)
    func line(_ events: [String], _ path: ArraySlice<UInt8>, cookie: UInt32 = 0) {
      let events = record.type == .directory ? events + ["ISDIR"] : events
      append(events, path, cookie: cookie, record, root: root, to: &output)
    }
    let closed = record.flags.contains(.closed) ? ["CLOSE_WRITE", "CLOSE"] : []
    let isMoved = record.flags.contains(.moved)
    switch record.kind {
    case .create where isMoved: line(["MOVED_TO"] + closed, path, cookie: cookie)
    case .create: line(["CREATE"] + closed, path)
    case .modify: line(["MODIFY"] + closed, path)
    case .attrib: line(["ATTRIB"], path)
    case .delete where isMoved: line(["MOVED_FROM"], path, cookie: cookie)
    case .delete: line([path.isEmpty ? "DELETE_SELF" : "DELETE"], path)
    case .move:
      line(["MOVED_FROM"], from, cookie: cookie)
      line(["MOVED_TO"], path, cookie: cookie)
      guard record.flags.contains(.exchange) else { return }
      line(["MOVED_FROM"], path, cookie: cookie | 0x8000_0000)
      line(["MOVED_TO"], from, cookie: cookie | 0x8000_0000)
    case .open: line(["OPEN"], path)
    case .access: line(["ACCESS"], path)
    case .close:
      line([record.flags.contains(.written) ? "CLOSE_WRITE" : "CLOSE_NOWRITE", "CLOSE"], path)
    }
  }

  private func append(
    _ events: [String], _ path: ArraySlice<UInt8>, cookie: UInt32, _ record: JournalRecord,
    root: String, to output: inout [UInt8]
  ) {
    let nameStart = (path.lastIndex(of: 0x2F) ?? path.startIndex - 1) + 1
    for piece in pieces {
      switch piece {
      case .text(let bytes): output += bytes
      case .directory:
        output += root.utf8
        guard !path.isEmpty || record.type == .directory else { continue }
        if root.utf8.last != 0x2F { output.append(0x2F) }
        output += path[..<nameStart]
      case .name: output += path[nameStart...]
      case .events(let separator):
        output += events.joined(separator: String(UnicodeScalar(separator))).utf8
      case .time: appendTime(record.time, to: &output)
      case .cookie: output += String(cookie, radix: 16).utf8
      }
    }
  }

  private func appendTime(_ nanoseconds: Int64, to output: inout [UInt8]) {
    var seconds = time_t(nanoseconds / 1_000_000_000)
    var local = tm()
    localtime_r(&seconds, &local)
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1_024) { text in
      let count = strftime(text.baseAddress, text.count, timeFormat, &local)
      output += text[..<count].map { UInt8(bitPattern: $0) }
    }
  }
}
