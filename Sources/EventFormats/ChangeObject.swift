internal import Bytes
internal import FileEvents

/// Writes the members that say what a change or an entry is (wire contract, section 2). The only
/// place that knows which of them are present when.
struct ChangeObject {
  private var timestamps = TimestampWriter()

  /// Appends `,"watch":…` to the last member of a change. `bytes` holds the record's names.
  mutating func appendMembers(
    _ record: JournalRecord, bytes: [UInt8], watch: String, isEntry: Bool,
    into output: inout [UInt8]
  ) {
    output.append(",\"watch\":")
    output.append(jsonString: watch)
    if !isEntry { output.append(word: ",\"kind\":\"", record.kind.name) }
    output.append(path: bytes.span.extracting(record.pathRange), as: "path")
    if record.kind == .move {
      output.append(path: bytes.span.extracting(record.fromRange), as: "from")
    }
    if let type = record.type.name { output.append(word: ",\"type\":\"", type) }
    if !isEntry || record.time != 0 { append(time: record.time, as: ",\"time\":\"", to: &output) }
    if !isEntry { appendFlags(of: record, into: &output) }
    if record.flags.contains(.indexed) {
      output.append(",\"size\":")
      output.append(decimal: record.size)
      append(time: record.mtime, as: ",\"mtime\":\"", to: &output)
    }
    if record.count > 1, !isEntry {
      output.append(",\"count\":")
      output.append(decimal: UInt64(record.count))
    }
    if record.flags.contains(.rescan), !isEntry { output.append(",\"cause\":\"rescan\"") }
    if record.process > 0, !isEntry {
      output.append(",\"pid\":")
      output.append(decimal: UInt64(record.process))
    }
  }

  private func appendFlags(of record: JournalRecord, into output: inout [UInt8]) {
    let flags = record.flags
    switch record.kind {
    case .create:
      if flags.contains(.moved) { output.append(",\"moved\":true") }
      if flags.contains(.closed) { output.append(",\"closed\":true") }
    case .modify:
      if flags.contains(.replaced) { output.append(",\"replaced\":true") }
      if flags.contains(.closed) { output.append(",\"closed\":true") }
    case .delete:
      if flags.contains(.moved) { output.append(",\"moved\":true") }
    case .move:
      if flags.contains(.exchange) { output.append(",\"exchange\":true") }
      if flags.contains(.replaced) { output.append(",\"replaced\":true") }
    case .close:
      output.append(flags.contains(.written) ? ",\"written\":true" : ",\"written\":false")
    case .attrib, .open, .access: break
    }
  }

  private mutating func append(
    time nanoseconds: Int64, as member: StaticString, to output: inout [UInt8]
  ) {
    output.append(member)
    timestamps.append(nanoseconds: nanoseconds, to: &output)
    output.append("\"")
  }
}

extension [UInt8] {
  /// Appends `,"name":"…"`, and `,"nameBytes":"…"` when the path is not UTF-8.
  mutating func append(path: Span<UInt8>, as name: StaticString) {
    append(",\"")
    append(name)
    append("\":")
    append(jsonString: path)
    if isValidUTF8(path) { return }
    append(",\"")
    append(name)
    append("Bytes\":\"")
    append(base64: path)
    append("\"")
  }

  /// Appends a member whose value is one of the contract's words.
  mutating func append(word member: StaticString, _ word: String) {
    append(member)
    append(copying: word.utf8.span)
    append("\"")
  }
}
