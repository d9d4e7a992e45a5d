import FileEvents
import Foundation

/// One change for people: time, kind, path and what else there is to know.
enum ChangeLine {
  static func append(
    _ record: JournalRecord, in batch: ChangeBatch, root: String, to output: inout [UInt8]
  ) {
    var seconds = time_t(record.time / 1_000_000_000)
    var local = tm()
    localtime_r(&seconds, &local)
    appendNumber(Int(local.tm_hour), digits: 2, to: &output)
    output.append(UInt8(ascii: ":"))
    appendNumber(Int(local.tm_min), digits: 2, to: &output)
    output.append(UInt8(ascii: ":"))
    appendNumber(Int(local.tm_sec), digits: 2, to: &output)
    output.append(UInt8(ascii: "."))
    appendNumber(Int(record.time / 1_000_000 % 1_000), digits: 3, to: &output)
    let kind = record.kind.name
    output.append(contentsOf: "  \(kind)".utf8)
    output.append(contentsOf: repeatElement(0x20, count: 8 - kind.utf8.count))
    if record.kind == .move {
      appendPath(batch.from(of: record), root, to: &output)
      if record.type == .directory { output.append(UInt8(ascii: "/")) }
      output.append(contentsOf: (record.flags.contains(.exchange) ? " <-> " : " -> ").utf8)
    }
    appendPath(batch.path(of: record), root, to: &output)
    if record.type == .directory { output.append(UInt8(ascii: "/")) }
    var notes = words.filter { record.flags.contains($0.0) }.map(\.1)
    if record.count > 1 { notes.append("\(record.count) records") }
    if !notes.isEmpty {
      output.append(contentsOf: "  (\(notes.joined(separator: ", ")))".utf8)
    }
    output.append(0x0A)
  }

  private static let words: [(ChangeFlags, String)] = [
    (.closed, "closed"), (.replaced, "replaced"), (.moved, "moved"), (.written, "written"),
    (.rescan, "rescan"),
  ]

  private static func appendNumber(_ number: Int, digits: Int, to output: inout [UInt8]) {
    let text = String(number)
    output.append(contentsOf: repeatElement(0x30, count: max(0, digits - text.utf8.count)))
    output.append(contentsOf: text.utf8)
  }

  /// The path as the root was named; what a terminal would obey is shown as `\xNN`.
  private static func appendPath(
    _ path: ArraySlice<UInt8>, _ root: String, to output: inout [UInt8]
  ) {
    let isBare = root == "." || root == "./"
    if !isBare || path.isEmpty { output.append(contentsOf: root.utf8) }
    if !path.isEmpty, !isBare, root.last != "/" { output.append(0x2F) }
    guard path.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
      output.append(contentsOf: path)
      return
    }
    let digits = Array("0123456789abcdef".utf8)
    for byte in path {
      if byte < 0x20 || byte == 0x7F {
        output += [0x5C, 0x78, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      } else {
        output.append(byte)
      }
    }
  }
}
