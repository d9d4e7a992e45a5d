internal import Bytes
internal import HTTPSemantics
internal import HTTPTypes
internal import Syscalls
internal import SystemPackage

/// An opened file as an answer: the file's own bytes, or the page made from it, as it is or
/// compressed. Lives for one request.
///
/// The two, and what they are compressed to, are different representations with different entity
/// tags. Which one a request gets depends on `Sec-Fetch-Dest` and `Accept-Encoding`, and `Vary` says
/// so.
struct FileAnswer {
  private let file: OpenedFile
  /// Set when the answer is a page with the script.
  private let script: ScriptInjection?
  private var representation: Representation
  private var compressed: Compressed?

  private enum Compressed {
    case made(by: ContentCoding)
    /// A file that lies beside it, compressed by gzip.
    case file(OpenedFile)
  }

  /// `name` leads to the file. Only HTML that fits in memory becomes a page with the `script`.
  /// `known` remembers what files were last called, but for pages, whose type stands in their
  /// content. Errors: reading what the page says about its encoding.
  init(
    _ file: OpenedFile, name: [UInt8], script: ScriptInjection?, _ known: inout KnownFiles
  ) throws(Errno) {
    self.file = file
    if let representation = known.representation(of: file, name) {
      self.representation = representation
      self.script = nil
      return
    }
    let lastName = name[((name.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)...]
    let type = MediaType.of(fileName: lastName)
    guard MediaType.isHTML(type) else {
      representation = Representation(of: file, contentType: type)
      self.script = nil
      known.remember(representation, of: file, name)
      return
    }
    let contentType = HTMLEncoding.contentType(ofPageBeginning: try file.beginning())
    self.script = file.size <= Self.largestPage ? script : nil
    representation =
      self.script.map { Representation(of: file, contentType: contentType, script: $0) }
      ?? Representation(of: file, contentType: contentType)
  }

  /// Answers in `coding` if the file is worth it, or with `sibling`, the same file compressed, unless
  /// that is older.
  mutating func compress(by coding: ContentCoding, sibling: OpenedFile?) {
    if script == nil, coding == .gzip, let sibling, sibling.modified >= file.modified {
      compressed = .file(sibling)
      representation = representation.compressed(
        .gzip, EntityTag("\(Representation.version(of: sibling))-gz"))
    } else if Self.compressedSizes.contains(file.size),
      MediaType.isCompressible(representation.contentType)
    {
      let tag = representation.entityTag
      compressed = .made(by: coding)
      representation = representation.compressed(
        coding, EntityTag("\(tag.opaque)-\(coding.rawValue)", isWeak: tag.isWeak))
    }
  }

  /// A page is held in memory while its answer is sent; larger ones are served as they are.
  private static let largestPage = 16 << 20

  /// Compressing a mebibyte takes a loop some 20 ms, once for each state of a file.
  private static let compressedSizes = ContentCoding.least...(1 << 20)

  /// 200, 206, 304, 412 or 416, as the request's conditions and range have it.
  func response(
    to request: HTTPRequest, _ cache: inout CompressedFiles
  ) throws(Errno) -> Response {
    let now = HTTPDate(secondsSince1970: Int(Clock.realtime() / 1_000_000_000))
    let validators = representation.validators
    switch Preconditions.evaluate(request, current: validators, now: now) {
    case .proceed: break
    case .notModified:
      return Response(status: .notModified, fields: representation.notModifiedFields)
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
      var fields = representation.fields
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
        status: status, representation,
        body: .file(sibling.file, offset: 0, length: sibling.size))
    case .made(let coding):
      let compressed = try cache.content(representation.entityTag.opaque) { () throws(Errno) in
        coding.compressed(try content())
      }
      return Response(status: status, representation, body: .bytes(compressed))
    case nil: break
    }
    guard script != nil else {
      return Response(
        status: status, representation,
        body: .file(file.file, offset: 0, length: file.size))
    }
    return Response(status: status, representation, body: .bytes(try content()))
  }

  /// The file's own bytes, or the page made from them.
  private func content() throws(Errno) -> [UInt8] {
    let bytes = try file.file.read(count: file.size, at: 0)
    return script?.page(bytes) ?? bytes
  }
}

extension OpenedFile {
  /// As many bytes as browsers search for a declared encoding (HTML §13.2.3.2).
  fileprivate func beginning() throws(Errno) -> [UInt8] {
    try file.read(count: min(size, 1024), at: 0)
  }
}
