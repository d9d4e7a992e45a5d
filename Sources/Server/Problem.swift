package import FileEvents
package import HTTPTypes

/// A refusal as RFC 9457 has it: what was wrong, which field, and what to do about it.
package struct Problem: Error, Sendable {
  package var status: HTTPResponse.Status
  /// Stable word for programs; also the last part of `type`.
  package var code: String
  /// One sentence that names the field or the numbers.
  package var detail: String
  /// Something that can be pasted.
  package var hint: String?
  /// The field of the request it is about.
  package var field: String?
  /// The kernel's errno, 0 when none.
  package var errno: Int32 = 0
  /// Fields of the answer besides the body: `Allow`, `Retry-After`.
  package var fields: HTTPFields = [:]
  /// More members of the document, as text.
  package var extra: [(name: String, value: String)] = []

  package init(
    _ status: HTTPResponse.Status, _ code: String, _ detail: String, hint: String? = nil,
    field: String? = nil
  ) {
    self.status = status
    self.code = code
    self.detail = detail
    self.hint = hint
    self.field = field
  }

  /// A field that cannot be read: 400.
  package static func malformed(_ field: String, _ detail: String) -> Problem {
    Problem(.badRequest, "malformed", "\(field): \(detail)", field: field)
  }

  /// A field nobody knows: 400, by name, so that a typing mistake is never silently ignored.
  package static func unknownField(_ field: String, known: [String]) -> Problem {
    Problem(
      .badRequest, "unknown-field", "\(field) is not known here",
      hint: known.joined(separator: " "),
      field: field)
  }

  package static func notFound(_ detail: String) -> Problem {
    Problem(.notFound, "not-found", detail)
  }

  package static func methodNotAllowed(_ allowed: [HTTPRequest.Method]) -> Problem {
    let list = allowed.map(\.rawValue).joined(separator: ", ")
    var problem = Problem(.methodNotAllowed, "method-not-allowed", "here: \(list)")
    problem.fields[.allow] = list
    return problem
  }

  package static func retryLater(
    _ status: HTTPResponse.Status, _ code: String, _ detail: String, seconds: Int
  ) -> Problem {
    var problem = Problem(status, code, detail)
    problem.fields[.retryAfter] = String(seconds)
    return problem
  }

  /// What went wrong while watching, with the status that says whose turn it is.
  package init(_ problem: WatchProblem) {
    let status: HTTPResponse.Status =
      switch problem.code {
      case .noSuchPath, .rootGone: .notFound
      case .pathNotAllowed, .permissionDenied: .forbidden
      case .watchLimit, .instanceLimit: .init(code: 507, reasonPhrase: "Insufficient Storage")
      case .watchConflict: .conflict
      case .malformed: .badRequest
      case .invalidGlob, .unsupported: .unprocessableContent
      case .notResponding: .serviceUnavailable
      case .internalError: .internalServerError
      }
    self.init(status, problem.code.rawValue, problem.detail, hint: problem.hint)
    errno = problem.errno
    if problem.code == .notResponding { fields[.retryAfter] = "10" }
  }

  /// The answer: `application/problem+json`.
  package var response: Response {
    var json = JSONText()
    json.object { describe(into: &$0) }
    var fields = fields
    fields[.contentType] = "application/problem+json"
    fields[.cacheControl] = "no-store"
    return Response(status: status, fields: fields, body: .bytes(json.bytes))
  }

  /// The members of the document, also part of a WebSocket's `error`.
  func describe(into json: inout JSONText) {
    json.field("type", "/-/problems/\(code)")
    json.field("title", Self.title(of: code))
    json.field("status", status.code)
    json.field("code", code)
    if errno != 0 { json.field("errno", ErrnoName.of(errno)) }
    json.field("recoverable", recoverable)
    json.field("detail", detail)
    if let hint { json.field("hint", hint) }
    if let field { json.field("field", field) }
    for member in extra { json.field(member.name, member.value) }
  }

  /// Whether the same request may succeed later without anybody mending anything.
  private var recoverable: Bool { status.code == 503 || status.code == 429 || status.code == 504 }

  /// `inotify-watch-limit` → `Inotify watch limit`.
  private static func title(of code: String) -> String {
    let words = code.replacing("-", with: " ")
    return words.prefix(1).uppercased() + words.dropFirst()
  }
}
