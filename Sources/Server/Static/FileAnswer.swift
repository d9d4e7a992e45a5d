internal import Bytes
internal import HTTPSemantics
internal import HTTPTypes
internal import Syscalls
internal import SystemPackage

/// An opened file as an answer: the file's own bytes, or the page made from it. Lives for one
/// request.
///
/// The two are different representations with different entity tags. Which one a request gets
/// depends on `Sec-Fetch-Dest`, and `Vary` says so.
struct FileAnswer {
  private let file: OpenedFile
  private let contentType: String
  /// Set when the answer is a page with the script.
  private let script: ScriptInjection?
  private let validators: Preconditions.Validators

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
    let version = "\(hex(file.size))-\(hex(file.modified))-\(hex(file.inode))"
    validators = Preconditions.Validators(
      entityTag: self.script.map { EntityTag("\(version)-\($0.version)", isWeak: true) }
        ?? EntityTag(version),
      lastModified: HTTPDate(secondsSince1970: Int(file.modified / 1_000_000_000)))
  }

  /// A page is held in memory while its answer is sent; larger ones are served as they are.
  private static let largestPage = 16 << 20

  /// What an HTML file's answers differ by.
  static let vary = "Sec-Fetch-Dest"

  /// 200, 206, 304, 412 or 416, as the request's conditions and range have it.
  func response(to request: HTTPRequest) throws(Errno) -> Response {
    let now = HTTPDate(secondsSince1970: Int(Clock.realtime() / 1_000_000_000))
    switch Preconditions.evaluate(request, current: validators, now: now) {
    case .proceed: break
    case .notModified: return Response(status: .notModified, fields: validatorFields)
    case .failed:
      return Problem(.preconditionFailed, "precondition-failed", "the file is another one").response
    }
    guard script == nil, Preconditions.allowRange(request, current: validators, now: now) else {
      return try response(status: .ok)
    }
    switch ByteRange(request.headerFields[values: .range], length: file.size) {
    case .whole: return try response(status: .ok)
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
  func response(status: HTTPResponse.Status) throws(Errno) -> Response {
    guard let script else {
      return Response(
        status: status, fields: representationFields,
        body: .file(file.file, offset: 0, length: file.size))
    }
    let html = try file.file.read(count: file.size, at: 0)
    return Response(
      status: status, fields: representationFields, body: .bytes(script.page(html) ?? html))
  }

  private var representationFields: HTTPFields {
    var fields = validatorFields
    fields[.contentType] = contentType
    fields[.acceptRanges] = script == nil ? "bytes" : "none"
    return fields
  }

  /// What a 304 repeats (RFC 9110 §15.4.5). `no-cache`: kept, but asked about each time, so that a
  /// reload shows what is on disk and still costs nothing when nothing changed.
  private var validatorFields: HTTPFields {
    var fields: HTTPFields = [.cacheControl: "no-cache"]
    fields[.eTag] = validators.entityTag?.text
    fields[.lastModified] = validators.lastModified?.text
    if MediaType.isHTML(contentType) { fields[.vary] = Self.vary }
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
