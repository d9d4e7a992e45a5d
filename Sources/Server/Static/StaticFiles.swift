internal import HTTPSemantics
internal import HTTPTypes
internal import Syscalls
internal import SystemPackage

/// A directory served as a site. Confined to its loop; holds the root open, so that the site stays
/// the same directory whatever is renamed above it.
///
/// What is served is decided on the opened file, never on the text of the target: regular files
/// beneath the root, no name that begins with a dot.
final class StaticFiles {
  private let root: BeneathDirectory
  private let script: ScriptInjection
  private var compressed = CompressedFiles()
  private var known = KnownFiles()

  /// Opens `root` (exact bytes of its path). Pages get the live-reload script, which follows the
  /// watch `watchID`, or all watches. Errors: those of `BeneathDirectory`.
  init(root: [UInt8], watchID: String?) throws(Errno) {
    self.root = try BeneathDirectory(path: root)
    script = ScriptInjection(watchID: watchID)
  }

  /// The answer to GET and HEAD of a target outside `/-/`; to any other method 405. For HEAD it is
  /// the answer to GET: the driver sends its fields, with the length, and leaves out the body.
  ///
  /// Blocks for no longer than the disk needs to open a file and, for a page, to read it. The
  /// length of a `.file` body is what the file had when it was opened: if it shrinks while it is
  /// sent, the connection cannot be kept.
  func answer(_ request: HTTPRequest) -> Response {
    guard request.method == .get || request.method == .head else {
      return Problem.methodNotAllowed([.get, .head]).response
    }
    let target: RequestTarget
    do throws(RequestTarget.Problem) {
      target = try RequestTarget(request.path ?? "")
    } catch {
      return refusal(of: error, request)
    }
    guard Self.isPublic(target) else { return notFound(request) }
    let name = Self.name(target.endsInSlash ? target.components + [Self.index] : target.components)
    do throws(Errno) {
      return switch try root.open(name) {
      case .file(let file): try self.file(file, name, request)
      case .directory where !target.endsInSlash: redirect(to: target)
      case .directory, .special, .missing: notFound(request)
      case .forbidden:
        Problem(.forbidden, "permission-denied", "the server may not read this file").response
      }
    } catch {
      return failure(error)
    }
  }

  private func file(
    _ file: OpenedFile, _ name: [UInt8], _ request: HTTPRequest
  ) throws(Errno) -> Response {
    var answer = try FileAnswer(file, name: name, script: script(for: request), &known)
    if let coding = request.coding {
      answer.compress(by: coding, sibling: coding == .gzip ? sibling(of: name) : nil)
    }
    return try answer.response(to: request, &compressed)
  }

  /// What a build has compressed already: the same name with `.gz` behind it.
  private func sibling(of name: [UInt8]) -> OpenedFile? {
    guard case .file(let file)? = try? root.open(name + Array(".gz".utf8)) else { return nil }
    return file
  }

  /// The path below the root; the root itself where there are no names.
  private static func name(_ components: [[UInt8]]) -> [UInt8] {
    switch components.count {
    case 0: [UInt8(ascii: ".")]
    case 1: components[0]
    default: Array(components.joined(separator: [UInt8(ascii: "/")]))
    }
  }

  private static let index = Array("index.html".utf8)

  /// Names that begin with a dot hold what was never meant for visitors (`.git`, `.env`), but for
  /// the one directory that was (RFC 8615).
  private static func isPublic(_ target: RequestTarget) -> Bool {
    let isHidden = { (name: [UInt8]) in name.first == UInt8(ascii: ".") }
    guard let first = target.components.firstIndex(where: isHidden) else { return true }
    return first == 0 && target.components[0] == wellKnown
      && !target.components.dropFirst().contains(where: isHidden)
  }

  private static let wellKnown = Array(".well-known".utf8)

  /// The script goes into what is shown as a page, not into what a script of the page fetches: a
  /// browser says which (`Sec-Fetch-Dest`, where it trusts the connection); a client that says
  /// nothing gets the page as a person would.
  private func script(for request: HTTPRequest) -> ScriptInjection? {
    switch request.headerFields[.secFetchDest] {
    case nil, "document", "iframe", "frame": script
    default: nil
    }
  }

  /// Built from the decoded names, so it begins with exactly one slash and never names another
  /// host (`//evil.example`). A browser keeps a permanent redirect for ever unless told otherwise,
  /// and a directory under development may become a file.
  private func redirect(to target: RequestTarget) -> Response {
    let query = target.query.map { "?\($0)" } ?? ""
    let location = "/\(PercentCoding.encode(path: target.relativePath))/\(query)"
    return Response(
      status: .permanentRedirect, fields: [.location: location, .cacheControl: "no-cache"])
  }

  /// What cannot be a name is a mistake; what could only be a way out of the site is not there.
  private func refusal(of problem: RequestTarget.Problem, _ request: HTTPRequest) -> Response {
    switch problem {
    case .notAPath:
      Problem.malformed("target", "it must begin with a slash").response
    case .malformedPercent(let offset):
      Problem.malformed("target", "no two hexadecimal digits after the % at \(offset)").response
    case .nul, .encodedSlash, .dotSegment: notFound(request)
    }
  }

  /// The site's own `/404.html` when there is one, with the script, so that the page comes by
  /// itself once the missing file is written.
  private func notFound(_ request: HTTPRequest) -> Response {
    let script = script(for: request)
    let name = Array("404.html".utf8)
    do throws(Errno) {
      if case .file(let file) = try root.open(name) {
        return try FileAnswer(file, name: name, script: script, &known)
          .response(status: .notFound, &compressed)
      }
    } catch {
      return failure(error)
    }
    let page = Array(Self.plainNotFound.utf8)
    return Response(
      status: .notFound,
      fields: [
        .contentType: "text/html; charset=utf-8", .cacheControl: "no-cache",
        .vary: Representation.varyOfPage,
      ], body: .bytes(script?.page(page) ?? page))
  }

  private static let plainNotFound = """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <meta name="color-scheme" content="light dark">
    <title>Not found</title>
    </head>
    <body>
    <h1>Not found</h1>
    <p>This site has no such file. The page will show it as soon as there is one.</p>
    </body>
    </html>

    """

  /// Descriptors or memory ran out, or the disk failed: only the first two pass by themselves.
  private func failure(_ error: Errno) -> Response {
    switch error {
    case .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory:
      Problem.retryLater(
        .serviceUnavailable, "out-of-resources", "opening the file failed: \(error)", seconds: 1
      ).response
    default:
      Problem(.internalServerError, "read-failed", "reading the file failed: \(error)").response
    }
  }
}

extension HTTPField.Name {
  /// Fetch Metadata §2.1.
  static let secFetchDest = HTTPField.Name("Sec-Fetch-Dest")!
}
