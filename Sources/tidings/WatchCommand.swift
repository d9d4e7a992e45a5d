import ArgumentParser
import FileEvents
import FileWatching
import Foundation
import Synchronization
import Syscalls

/// `tidings watch DIR…`: changes on standard output, without a server.
struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Print what changes in directories or files, one change a line.",
    discussion: """
      Standard output carries changes alone; what the watcher has to say about itself goes to \
      standard error. With --json each line is a change object of the protocol, or a reset: what \
      must be looked at again. --format takes the directives of inotifywait: %w directory, %f name, \
      %e events (%:e with a colon between them), %T time, %c cookie, %0 NUL, %n line end, %% percent.

      Status: 0 after a change with --once, on SIGINT and SIGTERM, and when nobody reads its output \
      any more; 2 when --timeout has passed; 64 and above when it cannot watch (sysexits).

      tidings watch src --once && make
      tidings watch . --exclude .git/ --kinds create,modify --format '%T %e %w%f'
      """)

  @Argument(help: ArgumentHelp("Directories or files to watch.", valueName: "dir"))
  var roots: [String]

  @Flag(help: "Print each change as a JSON object.")
  var json = false

  @Option(help: ArgumentHelp("Print lines like inotifywait's.", valueName: "pattern"))
  var format: String?

  @Option(help: ArgumentHelp("What %T prints, as strftime has it.", valueName: "pattern"))
  var timefmt = "%Y-%m-%d %H:%M:%S"

  @Option(
    help: ArgumentHelp(
      "Only these, comma-separated: \(ChangeKind.allCases.map(\.name).joined(separator: " ")).",
      valueName: "kinds"))
  var kinds = ChangeKindsArgument(value: .standard)

  @Option(
    name: [.customLong("exclude"), .customLong("ignore")],
    help: ArgumentHelp(
      "gitignore pattern of what is not watched; repeatable.", valueName: "pattern"))
  var exclude: [String] = []

  @Option(
    help: ArgumentHelp("Only paths that match this glob; repeatable.", valueName: "glob"))
  var include: [String] = []

  @Flag(name: .customLong("no-recursive"), help: "Leave out what is below subdirectories.")
  var withoutSubdirectories = false

  @Flag(help: "End after the first change.")
  var once = false

  @Option(
    help: ArgumentHelp(
      "End with status 2 when nothing changes for so long.", valueName: "duration"))
  var timeout: DurationArgument?

  @Flag(name: .shortAndLong, help: "On standard error, say only what is wrong.")
  var quiet = false

  @Option(
    help: ArgumentHelp(
      "The quiet a path must have before its change is printed; 0 prints every record.",
      valueName: "duration"))
  var settle = DurationArgument(value: .milliseconds(20))

  @Flag(name: .customLong("no-index"), help: "Remember directories only, not files.")
  var withoutIndex = false

  @Option(
    help: ArgumentHelp(
      "How changes are found: inotify or fanotify ask the kernel, poll looks again and again; auto "
        + "polls remote filesystems and asks by inotify elsewhere.", valueName: "backend"))
  var backend = BackendChoice.auto

  @Option(
    help: ArgumentHelp(
      "How often what is polled is looked at, 100ms to 1h; a slow look makes it less often.",
      valueName: "duration"))
  var pollInterval = DurationArgument(value: .seconds(2))

  func validate() throws {
    if roots.isEmpty { throw ValidationError("name a directory to watch") }
    if json, format != nil { throw ValidationError("--json and --format exclude each other") }
    if let timeout, timeout.value <= .zero {
      throw ValidationError("--timeout must be longer than nothing; leave it out to wait for ever")
    }
    guard WatchSpec.pollIntervals.contains(pollInterval.value) else {
      throw ValidationError("--poll-interval must be from 100ms to 1h")
    }
    _ = try pattern()
  }

  /// What `--format` means; nil without it.
  private func pattern() throws -> LinePattern? {
    do {
      return try format.map { try LinePattern($0, timeFormat: timefmt) }
    } catch let malformed as LinePattern.Malformed {
      throw ValidationError(
        "--format: \(malformed.directive) is no directive; %% is a percent sign")
    }
  }

  func run() throws {
    let options = WatchServiceOptions()
    let format: ChangePrinter.Format =
      if let pattern = try pattern() { .pattern(pattern) } else {
        json ? .json(options.epoch) : .lines
      }
    let printer = ChangePrinter(format: format, once: once, patience: timeout?.value)
    var ending = ChangePrinter.Ending.asked
    try Failure.reported { () throws(Failure) in ending = try watch(options, printer) }
    if ending == .quiet { throw ExitCode(2) }
  }

  private func watch(
    _ options: WatchServiceOptions, _ printer: ChangePrinter
  ) throws(Failure) -> ChangePrinter.Ending {
    let signals = StopSignals()
    let service: WatchService
    do throws(WatchProblem) {
      service = try WatchService(options: options) { printer.post($0) }
    } catch {
      throw Failure(error)
    }
    let ending = Outcome()
    let notes = WatchNotes(service: service, printer: printer, isQuiet: quiet)
    printer.onState { notes.tell($0, is: $1) }
    let output: OwnThread
    do {
      output = try OwnThread(name: "tidings-output") {
        ending.value.withLock { $0 = printer.run() }
        // Whoever waits for a signal is told that there is nothing left to do.
        kill(getpid(), SIGTERM)
      }
    } catch {
      service.stop()
      throw .system("cannot start a thread: \(error)")
    }
    var refused: WatchProblem?
    for root in roots where refused == nil { refused = notes.add(spec(root), named: root) }
    if refused == nil { signals.wait() }
    service.stop()
    printer.end()
    output.join()
    if let refused { throw Failure(refused) }
    return ending.value.withLock { $0 }
  }

  private final class Outcome: Sendable {
    let value = Mutex(ChangePrinter.Ending.asked)
  }

  private func spec(_ root: String) -> WatchSpec {
    let directory = FileManager.default.currentDirectoryPath
    let absolute = root.hasPrefix("/") ? root : directory + "/" + root
    var bytes = Array(absolute.utf8)
    while bytes.count > 1, bytes.last == 0x2F { bytes.removeLast() }
    var spec = WatchSpec(root: bytes)
    spec.settle = settle.value
    spec.settleMax = max(spec.settleMax, settle.value)
    spec.index = !withoutIndex
    spec.kinds = kinds.value
    spec.ignore = exclude
    spec.include = include
    spec.recursive = !withoutSubdirectories
    spec.backend = backend
    spec.pollInterval = pollInterval.value
    return spec
  }
}

extension BackendChoice: ExpressibleByArgument {}

/// Kinds of changes as on the wire, comma-separated: create,modify.
struct ChangeKindsArgument: ExpressibleByArgument {
  let value: ChangeKinds

  init(value: ChangeKinds) { self.value = value }

  init?(argument: String) {
    var value: ChangeKinds = []
    for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
      guard let kind = ChangeKind(name: name) else { return nil }
      value.insert(ChangeKinds(kind))
    }
    self.value = value
  }

  var defaultValueDescription: String { value.kinds.map(\.name).joined(separator: ",") }
}

extension Failure {
  /// What a watch could not do, with the status sysexits(3) has for it.
  init(_ problem: WatchProblem) {
    let message = problem.detail + (problem.hint.map { "; try: \($0)" } ?? "")
    self =
      switch problem.code {
      case .noSuchPath, .rootGone: .noInput(message)
      case .permissionDenied, .pathNotAllowed: .noPermission(message)
      case .watchLimit, .instanceLimit, .notResponding, .internalError: .system(message)
      case .unsupported, .malformed, .watchConflict, .invalidGlob: .configuration(message)
      }
  }
}

/// What the watcher has to say about itself, on standard error.
private final class WatchNotes: Sendable {
  private let service: WatchService
  private let printer: ChangePrinter
  private let isQuiet: Bool

  init(service: WatchService, printer: ChangePrinter, isQuiet: Bool) {
    self.service = service
    self.printer = printer
    self.isQuiet = isQuiet
  }

  /// Adds a root and tells the printer what to call it; nil when that went well.
  func add(_ spec: WatchSpec, named name: String) -> WatchProblem? {
    let answered = DispatchSemaphore(value: 0)
    let answer = Answer()
    service.add(spec) { result in
      switch result {
      case .success(let addition):
        self.printer.name(addition.status.number, id: addition.status.id, shown: name)
      case .failure(let problem): answer.problem.withLock { $0 = problem }
      }
      answered.signal()
    }
    answered.wait()
    return answer.problem.withLock { $0 }
  }

  private final class Answer: Sendable {
    let problem = Mutex<WatchProblem?>(nil)
  }

  /// A watch has changed its state.
  func tell(_ number: UInt32, is state: WatchState) {
    guard [.live, .degraded, .gone, .failed].contains(state) else { return }
    service.statuses { statuses in
      guard let status = statuses.first(where: { $0.number == number }) else { return }
      let root = String(decoding: status.root, as: UTF8.self)
      switch state {
      case .live where self.isQuiet: break
      case .live:
        Terminal.say(
          "watching \(root) (directories: \(status.crawl.directories), "
            + "files: \(status.crawl.files))\(status.polledSuffix)")
      case .degraded:
        Terminal.say("watching \(root), but \(status.reason?.detail ?? "not all of it")")
        if let hint = status.reason?.hint { Terminal.say("  try: \(hint)") }
      case .gone: Terminal.say("\(root) is gone; waiting for it")
      case .failed: Terminal.say("\(root) cannot be watched: \(status.reason?.detail ?? "")")
      case .starting, .crawling, .removed, .unknown: break
      }
    }
  }
}
