/// Compressed forms of files, so that each is made once while it does not change. Confined to its
/// loop. 8 MiB at most; what was not asked for the longest goes first.
struct CompressedFiles {
  private struct Entry {
    let content: [UInt8]
    var lastUse: UInt64
  }

  private static let limit = 8 << 20

  private var entries: [String: Entry] = [:]
  private var size = 0
  private var uses: UInt64 = 0

  /// What is kept under `key`, which names one form of one state of a file, or what `make` gives.
  mutating func content<Failure: Error>(
    _ key: String, make: () throws(Failure) -> [UInt8]
  ) throws(Failure) -> [UInt8] {
    uses += 1
    if let entry = entries[key] {
      entries[key]!.lastUse = uses
      return entry.content
    }
    let content = try make()
    guard content.count <= Self.limit / 4 else { return content }
    entries[key] = Entry(content: content, lastUse: uses)
    size += content.count
    while size > Self.limit, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
      entries[oldest.key] = nil
      size -= oldest.value.content.count
    }
    return content
  }
}
