import ArgumentParser
import Bytes

/// Options that `serve` and `daemon` share, as typed. `Plan` is what they mean.
struct ServerOptions: ParsableArguments {
  @Option(
    help: "Port to listen on; 0 lets the system choose. (default: 8434, or one of the next ten)")
  var port: UInt16?

  @Option(
    help: ArgumentHelp(
      "IP address to listen on instead of 127.0.0.1 and ::1; repeatable. One that others can reach needs --token-file or --insecure.",
      valueName: "address"))
  var host: [String] = []

  @Option(help: ArgumentHelp("Also listen on a Unix-domain socket (mode 0600).", valueName: "path"))
  var unix: String?

  @Option(help: "Event loops, each with a thread. (default: as many as processors)")
  var loops: Int?

  @Option(
    help: ArgumentHelp(
      "File of access tokens, mode 0600, one a line: <token> [ro|rw].", valueName: "file"))
  var tokenFile: String?

  @Flag(help: "Let anybody in who can reach an address that is not loopback.")
  var insecure = false

  @Option(
    help: ArgumentHelp(
      "Name besides IP addresses and localhost that clients may call this server by; repeatable.",
      valueName: "name"))
  var allowHost: [String] = []

  @Option(
    help: ArgumentHelp(
      "Origin whose pages may use this server, as browsers write it (https://app.example); repeatable.",
      valueName: "origin"))
  var allowOrigin: [String] = []

  @Option(
    help: ArgumentHelp(
      "Directory below which clients may add watches; repeatable. (default: what is named on the command line)",
      valueName: "directory"))
  var allowRoot: [String] = []

  @Option(
    help: ArgumentHelp(
      "Quiet a path must have before its change is sent; 0 sends every record at once.",
      valueName: "duration"))
  var settle: DurationArgument = DurationArgument(value: .milliseconds(20))

  @Option(
    help: ArgumentHelp(
      "gitignore pattern of what is not watched; repeatable.", valueName: "pattern"))
  var ignore: [String] = []

  @Option(
    help: ArgumentHelp(
      "How much is kept for clients that resume or lag: changes, bytes and age, each as far as given.",
      valueName: "changes,size,age"))
  var history = HistoryArgument()

  @Option(
    help: ArgumentHelp(
      "Close a client that takes no byte of its stream for so long, although it is there.",
      valueName: "duration"))
  var stall = DurationArgument(value: .seconds(600))

  @Option(
    help: ArgumentHelp(
      "Spread the goodbyes of a stop over this time, for a server behind a balancer.",
      valueName: "duration"))
  var drain = DurationArgument(value: .zero)

  @Option(
    help: ArgumentHelp(
      "Connections at a time; one more is answered 503. (default: four fifths of ulimit -n)",
      valueName: "count"))
  var maxConnections: Int?

  @Option(
    help: ArgumentHelp(
      "Connections at a time from one address (one /64 of IPv6) that is not this machine's; 0: no limit. A proxy that all clients come through needs more.",
      valueName: "count"))
  var maxConnectionsPerAddress = 256

  @Option(
    name: .customLong("public"),
    help: ArgumentHelp(
      "Read the pages of /-/ from this directory instead of the built-in ones.",
      valueName: "directory"))
  var publicDirectory: String?

  func validate() throws {
    if let loops, !(1...256).contains(loops) {
      throw ValidationError("--loops must be from 1 to 256, not \(loops)")
    }
    if let maxConnections, maxConnections < 1 {
      throw ValidationError("--max-connections must be at least 1, not \(maxConnections)")
    }
    if maxConnectionsPerAddress < 0 {
      throw ValidationError("--max-connections-per-address cannot be \(maxConnectionsPerAddress)")
    }
    if !(.milliseconds(100)...(.seconds(86_400))).contains(stall.value) {
      throw ValidationError("--stall must be from 100ms to 24h")
    }
    if !(.zero...(.seconds(3_600))).contains(drain.value) {
      throw ValidationError("--drain must be from 0s to 1h")
    }
  }
}

/// A duration with its unit, as on the wire: 20ms, 2s, 10m.
struct DurationArgument: ExpressibleByArgument {
  let value: Duration

  init(value: Duration) { self.value = value }

  init?(argument: String) {
    guard let value = DurationText.parse(argument) else { return nil }
    self.value = value
  }

  var defaultValueDescription: String { DurationText.text(value) }
}
