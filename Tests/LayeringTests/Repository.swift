import Foundation

/// The repository these tests stand in, as text.
enum Repository {
  struct SourceFile: Sendable {
    /// From the top, `Sources/HTTP1/RequestLine.swift`.
    let path: String
    /// The folder below Sources.
    let module: String
    let text: String
  }

  /// Three folders up from this file.
  static let top = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static func text(_ path: String) throws -> String {
    try String(contentsOf: top.appendingPathComponent(path), encoding: .utf8)
  }

  /// Names in a folder, sorted.
  static func names(in path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: top.appendingPathComponent(path).path)
      .sorted()
  }

  /// Every Swift file below Sources.
  static func sources() throws -> [SourceFile] {
    let folder = top.appendingPathComponent("Sources").path
    return try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
      .filter { $0.hasSuffix(".swift") }
      .map { path in
        SourceFile(
          path: "Sources/\(path)", module: String(path.prefix { $0 != "/" }),
          text: try text("Sources/\(path)"))
      }
  }
}
