internal import Bytes
internal import HTTPSemantics
internal import HTTPTypes
internal import Syscalls
internal import SystemPackage

/// An opened file as an answer: the file's own bytes, or the page made from it. Lives for one
/// request.
///
/// The two, and what they are compressed to, are different representations with different entity
/// tags. Which one a request gets depends on `Sec-Fetch-Dest` and `Accept-Encoding`, and `Vary` says
/// so.
struct FileAnswer {
  private let file: OpenedFile
  private let contentType: String
  /// Set when the answer is a page with the script.
  private let script: ScriptInjection?
  private var validators: Preconditions.Validators
  private var compressed: Compressed?

  private enum Compressed {
    case made(by: ContentCoding)
    /// A file that lies beside it, compressed by gzip.
    case file(OpenedFile)

    var coding: ContentCoding {
      switch self {
      case .made(let coding): coding
      case .file: .gzip
      }
    }
  }

  /// `name` is the file's last component. Only HTML that fits in memory becomes a page with the
  /// `script`. Errors: reading what the page says about its encoding.
  init(_ file: OpenedFile, name: [UInt8], script: ScriptInjection?) throws(Errno) {
    self.file = file
    let type = MediaType.of(fileName: name)
    let isPage = MediaType.isHTML(type)
    let injects = isPage && file.size <= Self.largestPage
    self.script = injects ? script : nil
    contentType =
      isPage ? HTMLEncoding.contentType(ofPageBeginning: try file.beginning()) : type
    let version = Self.version(file)
    validators = Preconditions.Validators(
      entityTag: self.script.map { EntityTag("\(version)-\($0.version)", isWeak: true) }
        ?? EntityTag(version),
      lastModified: HTTPDate(secondsSince1970: Int(file.modified / 1_000_000_000)))
  }

  private static func version(_ file: OpenedFile) -> String {
    "\(hex(file.size))-\(hex(file.modified))-\(hex(file.inode))"
  }

  /// Answers in `coding` if the file is worth it, or with `sibling`, the same file compressed, unless
  /// that is older.
  mutating func compress(by coding: ContentCoding, sibling: OpenedFile?) {
    if script == nil, coding == .gzip, let sibling, sibling.modified >= file.modified {
      compressed = .file(sibling)
      validators.entityTag = EntityTag("\(Self.version(sibling))-gz")
    } else if Self.compressedSizes.contains(file.size), MediaType.isCompressible(contentType),
      let tag = validators.entityTag
    {
      compressed = .made(by: coding)
      validators.entityTag = EntityTag("\(tag.opaque)-\(coding.rawValue)", isWeak: tag.isWeak)
    }
  }

  /// A page is held in memory while its answer is sent; larger ones are served as they are.
  private static let largestPage = 16 << 20

  /// Compressing a mebibyte takes a loop some 20 ms, once for each state of a file.
  private static let compressedSizes = ContentCoding.least...(1 << 20)

  /// What an HTML file's answers differ by, and any file's.
  static let vary = "Sec-Fetch-Dest, Accept-Encoding"
  private static let varyOfFile = "Accept-Encoding"

  /// 200, 206, 304, 412 or 416, as the request's conditions and range have it.
  func response(
    to request: HTTPRequest, _ cache: inout CompressedFiles
  ) throws(Errno) -> Response {
    let now = HTTPDate(secondsSince1970: Int(Clock.realtime() / 1_000_000_000))
    switch Preconditions.evaluate(request, current: validators, now: now) {
    case .proceed: break
    case .notModified: return Response(status: .notModified, fields: validatorFields)
    case .failed:
      return Problem(.preconditionFailed, "precondition-failed", "the file is another one").response
    }
    guard script == nil, compressed == nil,
      Preconditions.allowRange(request, current: validators, now: now)
    else {
      return try response(status: .ok, &cache)
    }
    switch ByteRange(request.headerFields[values: .range], length: file.size) {
    case .whole: return try response(status: .ok, &cache)
    case .part(let part):
      var fields = representationFields
      fields[.contentRange] = ByteRange.contentRange(part, of: file.size)
      return Response(
        status: .partialContent, fields: fields,
        body: .file(file.file, offset: part.lowerBound, length: part.count))
    case .unsatisfiable:
      var problem = Problem(
        .rangeNotSatisfiable, "range-not-satisfiable", "the file has \(file.size) bytes")
      problem.fields[.contentRange] = ByteRange.contentRange(nil, of: file.size)
      return problem.response
    }
  }

  /// The whole representation under `status`, whatever the request's conditions.
  func response(
    status: HTTPResponse.Status, _ cache: inout CompressedFiles
  ) throws(Errno) -> Response {
    switch compressed {
    case .file(let sibling):
      return Response(
        status: status, fields: representationFields,
        body: .file(sibling.file, offset: 0, length: sibling.size))
    case .made(let coding):
      let compressed = try cache.content(validators.entityTag?.opaque ?? "") { () throws(Errno) in
        coding.compressed(try content())
      }
      return Response(status: status, fields: representationFields, body: .bytes(compressed))
    case nil: break
    }
    guard script != nil else {
      return Response(
        status: status, fields: representationFields,
        body: .file(file.file, offset: 0, length: file.size))
    }
    return Response(status: status, fields: representationFields, body: .bytes(try content()))
  }

  /// The file's own bytes, or the page made from them.
  private func content() throws(Errno) -> [UInt8] {
    let bytes = try file.file.read(count: file.size, at: 0)
    return script?.page(bytes) ?? bytes
  }

  private var representationFields: HTTPFields {
    var fields = validatorFields
    fields[.contentType] = contentType
    fields[.contentEncoding] = compressed?.coding.rawValue
    fields[.acceptRanges] = script == nil ? "bytes" : "none"
    return fields
  }

  /// What a 304 repeats (RFC 9110 §15.4.5). `no-cache`: kept, but asked about each time, so that a
  /// reload shows what is on disk and still costs nothing when nothing changed.
  private var validatorFields: HTTPFields {
    var fields: HTTPFields = [.cacheControl: "no-cache"]
    fields[.eTag] = validators.entityTag?.text
    fields[.lastModified] = validators.lastModified?.text
    fields[.vary] = MediaType.isHTML(contentType) ? Self.vary : Self.varyOfFile
    return fields
  }
}

extension OpenedFile {
  /// As many bytes as browsers search for a declared encoding (HTML §13.2.3.2).
  fileprivate func beginning() throws(Errno) -> [UInt8] {
    try file.read(count: min(size, 1024), at: 0)
  }
}

private func hex(_ number: some BinaryInteger) -> String { String(number, radix: 16) }
