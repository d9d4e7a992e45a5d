import ArgumentParser
import Foundation
import Server
import Synchronization
import TidingsClient

/// `tidings tail URL`: what a server tells, on standard output.
struct TailCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tail",
    abstract: "Print what changes on a server, one change a line.",
    discussion: """
      Follows across lost connections without missing anything; where something was missed, or a \
      connection comes or goes, standard error says so, once. With --json each line is an event \
      exactly as the server sent it. Ends with status 0 on SIGINT and SIGTERM and when nobody reads \
      its output any more.
      """)

  @Argument(
    help: ArgumentHelp(
      "Where the server is: http://host:port, or unix:/path of its socket.", valueName: "url"))
  var address = "http://localhost:8434"

  @Option(
    help: ArgumentHelp(
      "Directory prefix (src/), exact path or glob (**/*.css); repeatable. (default: everything)",
      valueName: "pattern"))
  var path: [String] = []

  @Option(help: ArgumentHelp("Glob of what to leave out; repeatable.", valueName: "pattern"))
  var ignore: [String] = []

  @Option(help: ArgumentHelp("Id of a watch; repeatable. (default: all)", valueName: "id"))
  var watch: [String] = []

  @Option(help: ArgumentHelp("Kinds of changes: create,modify,delete.", valueName: "list"))
  var kinds: String?

  @Option(
    help: ArgumentHelp(
      "Where to start: a cursor, now, earliest, or an age (10m). (default: now)",
      valueName: "place"),
    transform: { text in
      guard let start = Start(text) else {
        throw ValidationError("\(text) is not a cursor, now, earliest or an age (10m)")
      }
      return start
    })
  var since = Start.now

  @Flag(help: "First print what exists.")
  var initial = false

  @Flag(help: "Print each event as the JSON object the server sent.")
  var json = false

  @Option(
    help: ArgumentHelp("File whose first token is presented, mode 0600.", valueName: "file"))
  var tokenFile: String?

  @Flag(help: "End after the first change.")
  var once = false

  @Option(
    help: ArgumentHelp(
      "End after this time; with --once and nothing changed, with status 1.", valueName: "duration")
  )
  var timeout: DurationArgument?

  func run() throws {
    try Failure.reported { () throws(Failure) in try follow() }
  }

  private var subscription: Subscription {
    var subscription = Subscription()
    subscription.paths = path
    subscription.ignore = ignore
    subscription.watches = watch
    subscription.kinds =
      kinds.map { $0.split(separator: ",").map { Change.Kind(String($0)) } } ?? []
    subscription.start = since
    subscription.initial = initial
    return subscription
  }

  private func follow() throws(Failure) {
    let signals = StopSignals()
    let token = try tokenFile.map { path throws(Failure) in
      String(decoding: try TokenFile.read(path)[0].secret, as: UTF8.self)
    }
    let client: Client
    do { client = try Client(address, token: token) } catch { throw Failure(error) }
    let output = TailOutput(
      events: client.changes(subscription), address: address, json: json, once: once)
    let outcome = Mutex(Result<Bool, ClientError>.success(false))
    let time = timeout
    let following = Task {
      let result = await output.run()
      outcome.withLock { $0 = result }
      kill(getpid(), SIGTERM)
    }
    if let time {
      Task {
        try await Task.sleep(for: time.value)
        kill(getpid(), SIGTERM)
      }
    }
    signals.wait()
    following.cancel()
    switch outcome.withLock({ $0 }) {
    case .failure(let error): throw Failure(error)
    case .success(let sawChange):
      guard once, time != nil, !sawChange else { return }
      throw Failure(message: "nothing changed in \(time!.defaultValueDescription)", code: .failure)
    }
  }
}

extension Failure {
  /// Why there is no stream, with the status sysexits(3) has for it.
  init(_ error: ClientError) {
    let code: Int32 =
      switch error {
      case .invalidAddress, .invalidToken: 64  // EX_USAGE
      case .refused(let problem):
        switch problem.status {
        case 401, 403, 421: 77  // EX_NOPERM
        case 404, 410: 66  // EX_NOINPUT
        case 400, 406, 422: 64
        default: 76  // EX_PROTOCOL
        }
      case .unexpectedAnswer, .malformedAnswer: 76
      case .removed, .unavailable, .unknownHost, .connection, .timedOut, .ended: 69
      }
    self.init(message: error.description, code: ExitCode(code))
  }
}
