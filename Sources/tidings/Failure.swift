import ArgumentParser
import Foundation
import SystemPackage

/// Why the program cannot go on: said once on standard error, with the exit status that
/// sysexits(3) has for it.
struct Failure: Error {
  let message: String
  let code: ExitCode

  /// EX_NOINPUT: a directory or file that is not there.
  static func noInput(_ message: String) -> Failure {
    Failure(message: message, code: ExitCode(66))
  }
  /// EX_UNAVAILABLE: an address that is taken.
  static func unavailable(_ message: String) -> Failure {
    Failure(message: message, code: ExitCode(69))
  }
  /// EX_OSERR: the system refuses what it should give.
  static func system(_ message: String) -> Failure { Failure(message: message, code: ExitCode(71)) }
  /// EX_NOPERM: not allowed to this user.
  static func noPermission(_ message: String) -> Failure {
    Failure(message: message, code: ExitCode(77))
  }
  /// EX_CONFIG: options that do not go together.
  static func configuration(_ message: String) -> Failure {
    Failure(message: message, code: ExitCode(78))
  }

  /// Runs `body`; says what failed and leaves with its status.
  static func reported(_ body: () throws(Failure) -> Void) throws {
    do throws(Failure) { try body() } catch {
      Terminal.say("tidings: \(error.message)")
      throw error.code
    }
  }
}

/// Standard error: for people. Standard output is for data.
enum Terminal {
  static func say(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
  }
}
