import Foundation
import HTTPSemantics
import Server

/// Reads the file of `--token-file`.
enum TokenFile {
  /// One token a line: `<token> [ro|rw]`; empty lines and lines that start with # are passed over.
  /// A file that others can read is refused: what is in it would be no secret.
  static func read(_ path: String) throws(Failure) -> [AccessToken] {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw .noInput("--token-file \(path): \(String(cString: strerror(errno)))")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw .noPermission("--token-file \(path) can be read by others; type: chmod 600 \(path)")
    }
    guard let data = FileManager.default.contents(atPath: path),
      let text = String(validating: data, as: UTF8.self)
    else { throw .noInput("--token-file \(path) cannot be read") }
    var tokens: [AccessToken] = []
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let words = line.split { $0 == " " || $0 == "\t" || $0 == "\r" }
      guard let secret = words.first, !secret.hasPrefix("#") else { continue }
      guard secret.utf8.count >= 16, BearerToken.isToken(secret) else {
        throw .configuration(
          "\(path):\(number + 1): a token is 16 or more of A-Z a-z 0-9 - . _ ~ + /")
      }
      tokens.append(
        AccessToken(
          secret: Array(secret.utf8), mayWrite: try mayWrite(words.dropFirst(), path, number + 1)))
    }
    guard !tokens.isEmpty else { throw .configuration("--token-file \(path) holds no token") }
    return tokens
  }

  private static func mayWrite(
    _ words: ArraySlice<Substring>, _ path: String, _ line: Int
  ) throws(Failure) -> Bool {
    switch (words.first, words.count) {
    case (nil, 0), ("rw", 1): return true
    case ("ro", 1): return false
    case let (word?, _):
      throw .configuration("\(path):\(line): after the token comes ro or rw, not \(word)")
    default: return true
    }
  }
}
