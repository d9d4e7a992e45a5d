internal import HTTPSemantics
internal import HTTPTypes
internal import Syscalls

/// One form of one state of a file, as the head of an answer describes it (RFC 9110 §8). A value,
/// made from what was opened; says nothing of who asks.
struct Representation: Sendable {
  let contentType: String
  let entityTag: EntityTag
  let lastModified: HTTPDate
  /// With the entity tag, what a 304 repeats, and what is true of the content.
  let fields: HTTPFields
  /// `fields` as they are sent, where they are remembered.
  fileprivate(set) var prepared: PreparedFields?

  /// The file's own bytes.
  init(of file: OpenedFile, contentType: String) {
    self.init(contentType, EntityTag(Self.version(of: file)), file, takesRanges: true)
  }

  /// The page made of the file and the script: no range of it can be asked for.
  init(of file: OpenedFile, contentType: String, script: ScriptInjection) {
    let tag = EntityTag("\(Self.version(of: file))-\(script.version)", isWeak: true)
    self.init(contentType, tag, file, takesRanges: false)
  }

  private init(_ contentType: String, _ tag: EntityTag, _ file: OpenedFile, takesRanges: Bool) {
    self.contentType = contentType
    entityTag = tag
    lastModified = HTTPDate(secondsSince1970: Int(file.modified / second))
    fields = [
      // Kept, but asked about each time, so that a reload shows what is on disk and still costs
      // nothing when nothing changed.
      .cacheControl: "no-cache", .eTag: tag.text, .lastModified: lastModified.text,
      .vary: MediaType.isHTML(contentType) ? Self.varyOfPage : Self.varyOfFile,
      .contentType: contentType, .acceptRanges: takesRanges ? "bytes" : "none",
    ]
  }

  private init(_ plain: Representation, _ coding: ContentCoding, _ tag: EntityTag) {
    contentType = plain.contentType
    entityTag = tag
    lastModified = plain.lastModified
    var fields = plain.fields
    fields[.eTag] = tag.text
    fields[.contentEncoding] = coding.rawValue
    self.fields = fields
  }

  /// The same compressed, which is another representation with a tag of its own.
  func compressed(_ coding: ContentCoding, _ tag: EntityTag) -> Representation {
    Representation(self, coding, tag)
  }

  var validators: Preconditions.Validators {
    Preconditions.Validators(entityTag: entityTag, lastModified: lastModified)
  }

  /// What a 304 repeats (RFC 9110 §15.4.5).
  var notModifiedFields: HTTPFields {
    var repeated = fields
    for name in [HTTPField.Name.contentType, .contentEncoding, .acceptRanges] {
      repeated[name] = nil
    }
    return repeated
  }

  /// What an HTML file's answers differ by, and any other file's.
  static let varyOfPage = "Sec-Fetch-Dest, Accept-Encoding"
  private static let varyOfFile = "Accept-Encoding"

  /// Another one for each state of a file, as far as the kernel tells them apart.
  static func version(of file: OpenedFile) -> String {
    "\(hex(file.size))-\(hex(file.modified))-\(hex(file.inode))"
  }

  private static func hex(_ number: some BinaryInteger) -> String { String(number, radix: 16) }
}

/// What files were described as when they were last asked for, so that an answer is put together
/// once for each state of a file. Confined to its loop. Each file is opened and looked at all the
/// same: what is remembered of another state of it is not used.
struct KnownFiles {
  private struct Entry {
    let size: Int
    let modified: Int64
    let inode: UInt64
    let representation: Representation
  }

  /// About two kilobytes each.
  private static let limit = 512

  private var entries: [[UInt8]: Entry] = [:]

  /// `name` leads to the file.
  func representation(of file: OpenedFile, _ name: [UInt8]) -> Representation? {
    guard let entry = entries[name], entry.size == file.size, entry.modified == file.modified,
      entry.inode == file.inode
    else { return nil }
    return entry.representation
  }

  mutating func remember(_ representation: Representation, of file: OpenedFile, _ name: [UInt8]) {
    // A site with more files than that starts afresh: what is asked for often soon is here again.
    if entries.count >= Self.limit { entries.removeAll(keepingCapacity: true) }
    var representation = representation
    representation.prepared = PreparedFields(representation.fields)
    entries[name] = Entry(
      size: file.size, modified: file.modified, inode: file.inode, representation: representation)
  }
}
