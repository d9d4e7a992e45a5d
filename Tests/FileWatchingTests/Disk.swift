import CLinux
import FileEvents
import Foundation

/// What the scenarios and the random operations do to a directory. Paths are bytes relative to it.
struct Disk {
  let root: [UInt8]

  struct Failure: Error, CustomStringConvertible {
    let call: String
    let code: Int32
    var description: String { "\(call): \(String(cString: strerror(code)))" }
  }

  func absolute(_ path: [UInt8]) -> [CChar] {
    (root + [0x2F] + path + [0]).map { CChar(bitPattern: $0) }
  }

  private func check(_ outcome: Int32, _ call: String) throws {
    guard outcome == 0 else { throw Failure(call: call, code: errno) }
  }

  func makeDirectory(_ path: [UInt8]) throws { try check(mkdir(absolute(path), 0o755), "mkdir") }

  func makeDirectories(_ path: [UInt8]) throws {
    var sofar: [UInt8] = []
    for component in path.split(separator: 0x2F) {
      sofar += (sofar.isEmpty ? [] : [0x2F]) + component
      if mkdir(absolute(sofar), 0o755) != 0, errno != EEXIST {
        throw Failure(call: "mkdir -p", code: errno)
      }
    }
  }

  func open(_ path: [UInt8], _ flags: Int32) throws -> Int32 {
    let file = Foundation.open(absolute(path), flags | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw Failure(call: "open", code: errno) }
    return file
  }

  func put(_ file: Int32, _ text: [UInt8]) throws {
    guard Foundation.write(file, text, text.count) == text.count else {
      throw Failure(call: "write", code: errno)
    }
  }

  func write(_ path: [UInt8], _ text: [UInt8]) throws {
    let file = try open(path, O_WRONLY | O_CREAT | O_TRUNC)
    defer { close(file) }
    try put(file, text)
  }

  func append(_ path: [UInt8], _ text: [UInt8]) throws {
    let file = try open(path, O_WRONLY | O_CREAT | O_APPEND)
    defer { close(file) }
    try put(file, text)
  }

  func touch(_ path: [UInt8]) throws {
    close(try open(path, O_WRONLY | O_CREAT))
  }

  func read(_ path: [UInt8]) throws {
    let file = try open(path, O_RDONLY)
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 64)
    _ = Foundation.read(file, &buffer, 64)
  }

  /// A store into a shared mapping, then msync; the file must not be empty.
  func storeByMapping(_ path: [UInt8], _ byte: UInt8) throws {
    let file = try open(path, O_RDWR)
    defer { close(file) }
    guard let memory = mmap(nil, 1, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
      memory != MAP_FAILED
    else { throw Failure(call: "mmap", code: errno) }
    memory.storeBytes(of: byte, as: UInt8.self)
    msync(memory, 1, Int32(MS_SYNC))
    munmap(memory, 1)
  }

  /// Stores until the file's time has changed, which the kernel tells nobody of for as long as the
  /// file stays open; it is returned open.
  func storeSilently(_ path: [UInt8]) throws -> Int32 {
    let file = try open(path, O_RDWR)
    guard let memory = mmap(nil, 1, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
      memory != MAP_FAILED
    else { throw Failure(call: "mmap", code: errno) }
    defer { munmap(memory, 1) }
    let before = status(path)?.st_mtim.tv_nsec
    // The filesystem's clock is coarse.
    while status(path)?.st_mtim.tv_nsec == before {
      memory.storeBytes(of: UInt8(ascii: "z"), as: UInt8.self)
      msync(memory, 1, Int32(MS_SYNC))
    }
    return file
  }

  func remove(_ path: [UInt8]) throws {
    if isDirectory(path) {
      try check(rmdir(absolute(path)), "rmdir")
    } else {
      try check(unlink(absolute(path)), "unlink")
    }
  }

  func removeAll(_ path: [UInt8]) throws {
    for name in names(in: path) where isDirectory(path) {
      try removeAll(path + [0x2F] + name)
    }
    try remove(path)
  }

  func move(_ from: [UInt8], _ to: [UInt8]) throws {
    try check(rename(absolute(from), absolute(to)), "rename")
  }

  func exchange(_ one: [UInt8], _ other: [UInt8]) throws {
    try check(
      tidings_renameat2(
        AT_FDCWD, absolute(one), AT_FDCWD, absolute(other), tidings_rename_exchange),
      "renameat2")
  }

  func link(to target: [UInt8], _ path: [UInt8]) throws {
    try check(symlink((target + [0]).map { CChar(bitPattern: $0) }, absolute(path)), "symlink")
  }

  func hardLink(_ old: [UInt8], _ new: [UInt8]) throws {
    try check(Foundation.link(absolute(old), absolute(new)), "link")
  }

  func changeMode(_ path: [UInt8], _ mode: mode_t) throws {
    try check(chmod(absolute(path), mode), "chmod")
  }

  func setTimes(_ path: [UInt8], seconds: Int) throws {
    var times = [timeval(tv_sec: seconds, tv_usec: 0), timeval(tv_sec: seconds, tv_usec: 0)]
    try check(utimes(absolute(path), &times), "utimes")
  }

  /// Renames a file beside the root so many times, each time to another name, and removes it.
  func walkOutside(_ steps: Int) throws {
    func name(_ step: Int) -> [UInt8] { Array("../walk-\(step)".utf8) }
    try touch(name(0))
    for step in 0..<steps { try move(name(step), name(step + 1)) }
    try remove(name(steps))
  }

  // MARK: Looking

  func status(_ path: [UInt8]) -> stat? {
    var found = stat()
    return lstat(absolute(path), &found) == 0 ? found : nil
  }

  func type(_ path: [UInt8]) -> FileType {
    switch status(path).map({ $0.st_mode & S_IFMT }) {
    case S_IFREG: .file
    case S_IFDIR: .directory
    case S_IFLNK: .symlink
    case nil: .unknown
    default: .other
    }
  }

  func size(_ path: [UInt8]) -> UInt64? { status(path).map { UInt64($0.st_size) } }

  func isDirectory(_ path: [UInt8]) -> Bool { type(path) == .directory }

  func names(in path: [UInt8]) -> [[UInt8]] {
    guard let directory = opendir(absolute(path)) else { return [] }
    defer { closedir(directory) }
    var names: [[UInt8]] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        Array(bytes.prefix { $0 != 0 })
      }
      if name != [0x2E], name != [0x2E, 0x2E] { names.append(name) }
    }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// Every path below the root with its type; links are not followed.
  func everything(below path: [UInt8] = []) -> [[UInt8]: FileType] {
    var found: [[UInt8]: FileType] = [:]
    for name in names(in: path) {
      let below = path.isEmpty ? name : path + [0x2F] + name
      let type = type(below)
      found[below] = type
      if type == .directory { found.merge(everything(below: below)) { old, _ in old } }
    }
    return found
  }
}
