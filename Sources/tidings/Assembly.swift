import ArgumentParser
import Dispatch
import FileEvents
import FileWatching
import Foundation
import HTTP2
import HTTPSemantics
import Logging
import Server
import Synchronization
import Syscalls
import SystemPackage

/// Puts a server together from options, runs it until a signal, and takes it down: the one place
/// that knows all the parts.
struct Assembly {
  private let options: ServerOptions
  private let site: [UInt8]?
  private let roots: [[UInt8]]
  private let allowedRoots: [[UInt8]]
  private let log: Logger

  /// `site` is served at `/`; it is EX_NOINPUT when it is not there. `roots` are watched, and waited
  /// for where they are not there.
  init(_ options: ServerOptions, site: String?, roots: [String]) throws(Failure) {
    LoggingSystem.bootstrap { _ in TerminalLog() }
    log = Logger(label: "tidings")
    self.options = options
    self.site = try site.map { path throws(Failure) in try Self.canonical(path, directory: true) }
    var canonical: [[UInt8]] = []
    for root in roots { canonical.append(try Self.awaited(root)) }
    self.roots = canonical
    for root in options.allowRoot {
      if let hanging = Self.hanging(root) {
        canonical.append(hanging)
      } else {
        canonical.append(try Self.canonical(root, directory: true))
      }
    }
    allowedRoots = canonical
  }

  /// Serves until SIGINT or SIGTERM, then says goodbye to clients and returns.
  func run() throws(Failure) {
    guard HTTP2Library.isSupported else {
      throw .unavailable(
        "libnghttp2 \(HTTP2Library.version) is too old: \(HTTP2Library.oldest) or later is needed")
    }
    let signals = StopSignals()
    raiseDescriptorLimit()
    let tokens = try options.tokenFile.map { path throws(Failure) in try TokenFile.read(path) }
    let listening = try Listening.open(options, hasTokens: tokens != nil)
    defer { Listening.close(options) }
    var configuration = try configuration(tokens: tokens ?? [])
    let ticket = (tokens?.first { $0.mayWrite } ?? tokens?.first).map { LoginTicket(for: $0) }
    configuration.loginTicket = ticket
    let (server, watcher) = try start(configuration, listening)
    Banner(
      listening: listening.map(\.address), servesSite: site != nil, ticket: ticket?.text
    ).show()
    signals.wait()
    let options = options
    // A second signal means at once.
    Thread.detachNewThread {
      signals.wait()
      Listening.close(options)
      _exit(130)
    }
    server.stop()
    // A filesystem that hangs holds the thread that looks at it. By now every client has had its
    // goodbye, so that nothing is lost by not waiting for it.
    Thread.detachNewThread {
      Thread.sleep(forTimeInterval: 0.5)  // how long a stop waits at most for what may hang
      Listening.close(options)
      _exit(0)
    }
    watcher.stop()
  }

  /// The listeners are open: clients who come now wait in the kernel's queue until the loops run,
  /// and the loops do not wait for the crawl.
  private func start(
    _ configuration: ServerConfiguration, _ listening: [ListeningSocket]
  ) throws(Failure) -> (Server, WatchService) {
    do {
      let server = try Server(configuration, listening: listening, log: log)
      let report = StateReport(log: log)
      var kept = WatchServiceOptions()
      kept.historyEvents = options.history.records
      kept.historyBytes = options.history.bytes
      kept.historyAge = options.history.age
      let watcher = try WatchService(options: kept) { batch in
        server.publish(batch)
        report.note(batch)
      }
      report.follow(watcher)
      var siteWatch: String?
      // All at once: one that hangs takes its time, and the others theirs.
      let additions = roots.map { add($0, to: watcher) }
      for addition in additions {
        let id = try addition.wait()
        if addition.root == site { siteWatch = id }
      }
      try server.start(watcher: watcher, siteWatch: siteWatch)
      return (server, watcher)
    } catch let failure as Failure {
      throw failure
    } catch let problem as WatchProblem {
      throw .system(
        "cannot watch: \(problem.detail)" + (problem.hint.map { "; type: \($0)" } ?? ""))
    } catch {
      throw .system("cannot start: \(error)")
    }
  }

  /// Adds a watch. Once its root is open it exists, and the crawl goes on by itself.
  private func add(_ root: [UInt8], to watcher: WatchService) -> Addition {
    var spec = WatchSpec(root: root)
    spec.awaitsRoot = root != site
    spec.settle = options.settle.value
    spec.settleMax = max(spec.settleMax, spec.settle)
    spec.ignore = options.ignore
    let addition = Addition(root: root)
    watcher.add(spec) { addition.end($0) }
    return addition
  }

  /// A watch on its way. A door: the watcher's threads end it, the main thread waits.
  private final class Addition: Sendable {
    let root: [UInt8]
    private let outcome = Mutex<Result<WatchAddition, WatchProblem>?>(nil)
    private let answered = DispatchSemaphore(value: 0)

    init(root: [UInt8]) { self.root = root }

    func end(_ result: Result<WatchAddition, WatchProblem>) {
      outcome.withLock { $0 = result }
      answered.signal()
    }

    /// The id of the watch.
    func wait() throws(Failure) -> String {
      answered.wait()
      switch outcome.withLock({ $0 })! {
      case .success(let addition): return addition.status.id
      case .failure(let problem):
        let hint = problem.hint.map { "; type: \($0)" } ?? ""
        throw .noInput("\(String(decoding: root, as: UTF8.self)): \(problem.detail)\(hint)")
      }
    }
  }

  private func configuration(
    tokens: [AccessToken]
  ) throws(Failure) -> ServerConfiguration {
    let origins: OriginRule
    do throws(OriginRule.Malformed) {
      origins = try OriginRule(allowing: options.allowOrigin)
    } catch {
      throw .configuration(
        "--allow-origin \(error.origin) is not an origin; https://app.example:8443 is one")
    }
    var configuration = ServerConfiguration(
      loops: options.loops ?? ProcessInfo.processInfo.activeProcessorCount, site: site,
      allowedRoots: allowedRoots, allowedHosts: options.allowHost, origins: origins,
      allowsOtherOrigins: !options.allowOrigin.isEmpty, tokens: tokens,
      publicDirectory: options.publicDirectory, version: Version.text)
    configuration.history.records = options.history.records
    configuration.history.bytes = options.history.bytes
    configuration.history.age = options.history.age.inNanoseconds
    configuration.limits.stall = options.stall.value.inNanoseconds
    configuration.limits.drain = options.drain.value.inNanoseconds
    configuration.limits.connectionsPerAddress = options.maxConnectionsPerAddress
    configuration.limits.connections =
      options.maxConnections ?? max(1, ProcessUsage.now().maximumDescriptors / 5 * 4)
    return configuration
  }

  /// As `canonical`, of what may not be there yet: then of the nearest directory that is.
  private static func awaited(_ path: String) throws(Failure) -> [UInt8] {
    if let hanging = hanging(path) { return hanging }
    var above = FilePath(path)
    var missing: [FilePath.Component] = []
    while access(above.isEmpty ? "." : above.string, F_OK) != 0, errno == ENOENT,
      let last = above.lastComponent, last.kind == .regular
    {
      missing.append(last)
      above.removeLastComponent()
    }
    let found = try canonical(above.isEmpty ? "." : above.string, directory: false)
    return missing.reversed().reduce(found) { path, name in
      (path == [0x2F] ? path : path + [0x2F]) + Array(name.string.utf8)
    }
  }

  /// A path that leads to a filesystem which may hang: the rest of the server is not to wait for it.
  private static func hanging(_ path: String) -> [UInt8]? {
    let directory = FileManager.default.currentDirectoryPath
    let absolute = path.hasPrefix("/") ? path : directory + "/" + path
    return HangingRoot.name(of: Array(absolute.utf8))
  }

  /// Absolute, without symbolic links: what realpath(3) says.
  private static func canonical(_ path: String, directory: Bool) throws(Failure) -> [UInt8] {
    guard let resolved = realpath(path, nil) else {
      throw .noInput("\(path): \(String(cString: strerror(errno)))")
    }
    defer { free(resolved) }
    var status = stat()
    guard !directory || (stat(resolved, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR) else {
      throw .noInput("\(path) is not a directory")
    }
    return Array(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
  }

  /// As many descriptors as the system lets this user have: one for each client.
  private func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}

extension Duration {
  /// Whole nanoseconds.
  fileprivate var inNanoseconds: Int64 {
    components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
  }
}
