/// The rules of the house as questions on one file. Each answers with the offences it sees, worded
/// for the person who has to mend them.
struct Rules {
  let manifest: Manifest

  /// C, one Swift verb a call, is touched in one place each.
  static let cModules: [String: Set<String>] = [
    "CLinux": ["Syscalls", "Inotify"], "CNghttp2": ["HTTP2"], "CZlib": ["Compression"],
  ]
  /// What comes with the system, and where it has a place.
  static let systemModules: [String: Set<String>] = [
    // memchr in Bytes, signals where the program is put together.
    "Glibc": ["Syscalls", "Inotify", "Bytes", "tidings"],
    // Never on the way of an event.
    "Foundation": ["Syscalls", "Server", "TidingsClient", "tidings"],
    "FoundationEssentials": [],
    // Threads are ours; waiting for one at the start is not worth a type.
    "Dispatch": ["tidings"],
  ]
  /// Part of the toolchain, free to all.
  static let toolchain: Set<String> = ["Swift", "Synchronization", "RegexBuilder"]

  /// Files that may break `proofRules`, each line with its proof right below. Short, or wrong.
  static let exceptions: Set<String> = []

  static let topLevel: Set<String> = [
    "Package.swift", "Package.resolved", "Sources", "Tests", "Public", "deploy", "README.md",
    "LICENSE",
  ]

  func offences(in file: Repository.SourceFile) -> [String] {
    let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false).map(\.trimmed)
    return lines.indices.flatMap { index in
      (importOffences(lines[index], in: file.module)
        + proofOffences(lines[index], next: lines.dropFirst(index + 1).first, in: file.path)
        + nioOffences(lines[index]))
        .map { "\(file.path):\(index + 1): \($0)" }
    }
  }

  /// A file imports what the manifest says its module stands on, and nothing else.
  func importOffences(_ line: Substring, in module: String) -> [String] {
    guard line.contains("import ") else { return [] }
    let pattern =
      #/^(?:@\w+ )*(?:(public|package|internal|fileprivate|private) )?import (?:(?:struct|class|enum|protocol|func|var|let|typealias) )?(\w+)/#
    guard let match = line.firstMatch(of: pattern) else { return [] }
    let name = String(match.2)
    if let places = Self.systemModules[name] {
      return places.contains(module) ? [] : ["\(name) has no place in \(module)"]
    }
    guard let entry = manifest[module] else { return ["\(module) is not in the manifest"] }
    if let users = Self.cModules[name] {
      guard users.contains(module) else { return ["\(name) has no place in \(module)"] }
      guard match.1 == "internal" else { return ["\(name) must be an internal import"] }
    }
    let allowed = Self.toolchain.union(entry.standsOn).union(entry.packages)
    return allowed.contains(name) ? [] : ["\(module) does not stand on \(name)"]
  }

  /// Promises the compiler cannot check need a proof on the next line and a place in the list.
  func proofOffences(_ line: Substring, next: Substring?, in path: String) -> [String] {
    guard !line.hasPrefix("//"),
      let escape = ["@unchecked Sendable", "nonisolated(unsafe)", "-Ounchecked", "unsafeFlags"]
        .first(where: line.contains)
    else { return [] }
    guard Self.exceptions.contains(path) else { return ["\(escape) is not used here"] }
    guard let next, next.hasPrefix("//") else { return ["\(escape) without its proof below"] }
    return []
  }

  /// What the project exists to do without.
  func nioOffences(_ line: Substring) -> [String] {
    guard line.contains("NIO") || line.contains("swift-nio") else { return [] }
    return line.contains(#/\b_?NIO|swift-nio/#) ? ["SwiftNIO is not mentioned here"] : []
  }
}
