import Foundation
import Testing

/// An example as it was built beside these tests, running: its lines as they come.
final class ExampleProgram {
  private let process = Process()
  private let output = Pipe()
  private var rest = Data()

  /// Starts the program and waits until it says that it is ready.
  init(_ name: String, _ arguments: [String]) throws {
    let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let program = tests.deletingLastPathComponent().appendingPathComponent(name)
    // What is printed into a pipe comes line by line that way, as it does on a terminal.
    process.executableURL = URL(fileURLWithPath: "/usr/bin/stdbuf")
    process.arguments = ["-oL", program.path] + arguments
    process.standardOutput = output
    try process.run()
    try #require(line() == "ready", "\(name) did not start")
  }

  deinit { end() }

  var isRunning: Bool { process.isRunning }

  /// Ends it, if it has not ended. Threads of a test block SIGTERM, and their children inherit that.
  func end() {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  /// The exit status, waited for.
  func status() -> Int32 {
    process.waitUntilExit()
    return process.terminationStatus
  }

  /// The next line; nil at the end, and when none has come for 30 s.
  func line() -> String? {
    while true {
      if let end = rest.firstIndex(of: 0x0A) {
        defer { rest = Data(rest[(end + 1)...]) }
        return String(decoding: rest[..<end], as: UTF8.self)
      }
      let reading = output.fileHandleForReading
      var polled = pollfd(fd: reading.fileDescriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&polled, 1, 30_000) > 0 else { return nil }
      let more = reading.availableData
      if more.isEmpty { return nil }
      rest += more
    }
  }

  /// Lines up to and with the one that is `last`; up to the end when that does not come.
  func lines(until last: String) -> [String] {
    var lines: [String] = []
    while let line = line() {
      lines.append(line)
      if line == last { break }
    }
    return lines
  }
}
