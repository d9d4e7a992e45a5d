import ArgumentParser

/// `tidings serve [DIR]`: a site with live reload.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve a directory and reload browsers when a file in it changes.",
    discussion: """
      Pages get a small script that follows the directory: a style sheet that changes is swapped in \
      place, anything else reloads the page once. The API and a dashboard are below /-/.
      """)

  @Argument(help: ArgumentHelp("Directory to serve.", valueName: "directory"))
  var directory = "."

  @OptionGroup var options: ServerOptions

  func run() throws {
    try Failure.reported { () throws(Failure) in
      try Assembly(options, site: directory, roots: [directory]).run()
    }
  }
}

/// `tidings daemon --root DIR…`: the API alone.
struct DaemonCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "daemon",
    abstract: "Watch directories and serve the API, without a site.",
    discussion:
      "Clients follow by Server-Sent Events, NDJSON or WebSocket; see /-/ for a dashboard.")

  @Option(
    help: ArgumentHelp(
      "Directory or file to watch; repeatable. Waited for when it is not there yet.",
      valueName: "directory"))
  var root: [String] = []

  @OptionGroup var options: ServerOptions

  func validate() throws {
    guard root.isEmpty, options.allowRoot.isEmpty else { return }
    throw ValidationError(
      "name a directory with --root, or where clients may add one with --allow-root")
  }

  func run() throws {
    try Failure.reported { () throws(Failure) in
      try Assembly(options, site: nil, roots: root).run()
    }
  }
}
