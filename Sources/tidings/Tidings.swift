import ArgumentParser

/// The command line: which subcommands there are.
@main
struct Tidings: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tidings",
    abstract: "Tells browsers and programs what changed in a directory tree.",
    discussion: """
      tidings serve ./site          a web site that reloads in the browser when a file changes
      tidings daemon --root /srv    the API alone: Server-Sent Events, WebSocket, REST
      tidings watch .               changes on standard output, without a server
      tidings tail http://host:8434 changes on standard output, from a server
      tidings doctor .              what this machine lets be watched, and what to type if not
      """,
    version: Version.text,
    subcommands: [
      ServeCommand.self, DaemonCommand.self, WatchCommand.self, TailCommand.self,
      DoctorCommand.self,
    ])
}

/// The release.
enum Version {
  static let text = "0.1.0"
}
