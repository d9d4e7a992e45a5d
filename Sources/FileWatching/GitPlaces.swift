internal import Syscalls
internal import SystemPackage

/// Where git keeps the ignore files that concern a directory and do not lie in it: gitignore(5),
/// git-config(1), gitrepository-layout(5).
struct GitPlaces {
  /// The one that counts most comes first. `prefix`: how the directory is called from where the
  /// file's patterns start, with a `/` at its end.
  private(set) var files: [(path: [UInt8], prefix: [UInt8])] = []

  /// `root` is canonical. Outside of a work tree only the person's own file counts.
  init(root: [UInt8]) {
    var prefix: [UInt8] = []
    var above: [(path: [UInt8], prefix: [UInt8])] = []
    var directory = root
    var topPrefix: [UInt8] = []
    var configs = [Array("/etc/gitconfig".utf8)]
    let home = Environment.value("HOME")
    let settings = Environment.value("XDG_CONFIG_HOME") ?? home.map { $0 + Array("/.config".utf8) }
    if let settings { configs.append(settings + Array("/git/config".utf8)) }
    if let home { configs.append(home + Array("/.gitconfig".utf8)) }
    while true {
      let base = directory == [0x2F] ? [] : directory
      if let git = Self.gitDirectory(of: base) {
        topPrefix = prefix
        files = above + [(git + Array("/info/exclude".utf8), prefix)]
        configs.append(git + Array("/config".utf8))
        break
      }
      guard let slash = directory.lastIndex(of: 0x2F), directory.count > 1 else { break }
      prefix = directory[(slash + 1)...] + [0x2F] + prefix
      directory = slash == 0 ? [0x2F] : Array(directory[..<slash])
      let parent = slash == 0 ? [] : directory
      above.append((parent + [0x2F] + GitIgnores.fileName, prefix))
    }
    var excludes = settings.map { $0 + Array("/git/ignore".utf8) }
    for config in configs {
      guard let text = Self.read(config), let named = Self.excludesFile(in: text) else { continue }
      let isBelowHome = named.starts(with: Array("~/".utf8))
      excludes = isBelowHome ? home.map { $0 + named.dropFirst() } : named
    }
    if let excludes { files.append((excludes, topPrefix)) }
  }

  /// The directory with what all work trees of a repository share, when `directory` is the top of
  /// one: a `.git` that is a file names the place.
  private static func gitDirectory(of directory: [UInt8]) -> [UInt8]? {
    let git = directory + Array("/.git".utf8)
    guard let place = try? OpenFile.place(FilePath(bytes: git)),
      let status = try? FileStatus.of(place.descriptor)
    else { return nil }
    guard status.kind == .file else { return git }
    guard let line = read(git), line.starts(with: Array("gitdir: ".utf8)) else { return nil }
    let own = join(directory, trimmed(line.dropFirst(8)))
    guard let common = read(own + Array("/commondir".utf8)) else { return own }
    return join(own, trimmed(common[...]))
  }

  private static func read(_ path: [UInt8]) -> [UInt8]? {
    try? OpenFile.content(of: FilePath(bytes: path), limit: GitIgnores.fileLimit)
  }

  private static func join(_ directory: [UInt8], _ path: [UInt8]) -> [UInt8] {
    path.first == 0x2F ? path : directory + [0x2F] + path
  }

  private static func trimmed(_ text: ArraySlice<UInt8>) -> [UInt8] {
    let isBlank = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
    let rest = text.drop(while: isBlank)
    return Array(rest[..<(rest.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? rest.startIndex)])
  }

  /// The last `excludesFile` of the section `core`, without its quotes; the rest of git's
  /// configuration language is not understood.
  static func excludesFile(in text: [UInt8]) -> [UInt8]? {
    var isCore = false
    var found: [UInt8]?
    for line in text.split(separator: 0x0A) {
      let line = trimmed(line)
      if line.first == UInt8(ascii: "[") {
        isCore = lowercased(line) == Array("[core]".utf8)
        continue
      }
      guard isCore, let equals = line.firstIndex(of: UInt8(ascii: "=")),
        lowercased(trimmed(line[..<equals])) == Array("excludesfile".utf8)
      else { continue }
      let value = trimmed(line[(equals + 1)...])
      let isQuoted = value.count > 1 && value.first == 0x22 && value.last == 0x22
      found = isQuoted ? Array(value.dropFirst().dropLast()) : value
    }
    return found.flatMap { $0.isEmpty ? nil : $0 }
  }

  private static func lowercased(_ text: [UInt8]) -> [UInt8] {
    text.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
  }
}
