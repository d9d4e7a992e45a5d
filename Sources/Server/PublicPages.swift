internal import FileEvents
internal import Foundation
internal import HTTPSemantics
internal import HTTPTypes

/// The pages of `/-/`: built into the executable, or read from a directory while one works on them.
/// Confined to its loop.
final class PublicPages {
  private let directory: String?
  /// By name, the hash that its ETag begins with.
  private let tags: [String: String]
  /// By entity tag.
  private var compressed = CompressedFiles()

  /// Every page there is; the content type follows from the name.
  static let names: Set<String> = Set(contents.keys)

  private static let contents: [String: [UInt8]] = [
    "client.js": PackageResources.client_js,
    "dashboard.html": PackageResources.dashboard_html,
    "dashboard.css": PackageResources.dashboard_css,
    "dashboard.js": PackageResources.dashboard_js,
  ]

  init(directory: String?) {
    self.directory = directory
    tags = Self.contents.mapValues(Self.tag)
  }

  /// The page under `name`, or 304 when the client has it. Own scripts and styles only: a file name
  /// that got into the page could run nothing.
  func answer(_ name: String, _ request: HTTPRequest) -> Response {
    let content = content(name)
    let coding = request.coding
    let hash = directory == nil ? tags[name]! : Self.tag(content)
    let tag = "\"\(hash)\(coding.map { "-\($0.rawValue)" } ?? "")\""
    var fields: HTTPFields = [
      .contentType: MediaType.of(fileName: name.utf8), .eTag: tag, .cacheControl: "no-cache",
      .vary: "Accept-Encoding",
      .contentSecurityPolicy:
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      .referrerPolicy: "no-referrer",
    ]
    if request.headerFields[.ifNoneMatch] == tag {
      return Response(status: .notModified, fields: fields)
    }
    guard let coding else { return Response(status: .ok, fields: fields, body: .bytes(content)) }
    fields[.contentEncoding] = coding.rawValue
    return Response(
      status: .ok, fields: fields,
      body: .bytes(compressed.content(tag) { coding.compressed(content) }))
  }

  private func content(_ name: String) -> [UInt8] {
    if let directory,
      let data = FileManager.default.contents(atPath: "\(directory)/\(name)")
    {
      return Array(data)
    }
    return Self.contents[name]!
  }

  /// FNV-1a, 64 bits: tells two builds apart; nobody gains by forging it.
  private static func tag(_ content: [UInt8]) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in content { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }
}

extension HTTPField.Name {
  static let contentSecurityPolicy = Self("Content-Security-Policy")!
  static let referrerPolicy = Self("Referrer-Policy")!
}
