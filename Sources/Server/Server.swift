internal import EventLoop
package import FileEvents
package import FileWatching
package import Logging
internal import Synchronization
internal import Syscalls
package import SystemPackage

/// What all loops share: immutable, or a door.
final class Shared: Sendable {
  let configuration: ServerConfiguration
  let watcher: WatchService
  /// The id of the watch over the site: what its pages follow.
  let siteWatch: String?
  let mailboxes: [WorkerMailbox]
  let listening: [ListeningSocket]
  let access: AccessPolicy
  let census: ConnectionCensus
  let removals = Removals()
  let log: Logger
  /// Monotonic nanoseconds.
  let startedAt = Clock.monotonic()

  init(
    configuration: ServerConfiguration, watcher: WatchService, siteWatch: String?,
    mailboxes: [WorkerMailbox],
    listening: [ListeningSocket], log: Logger
  ) {
    self.configuration = configuration
    self.watcher = watcher
    self.siteWatch = siteWatch
    self.mailboxes = mailboxes
    self.listening = listening
    self.log = log
    access = AccessPolicy(configuration)
    census = ConnectionCensus(
      limit: configuration.limits.connections,
      addressLimit: configuration.limits.connectionsPerAddress)
  }
}

/// The server: listeners, loops with a thread each, and the way in for changes. A door: any thread.
package final class Server: Sendable {
  private let configuration: ServerConfiguration
  private let mailboxes: [WorkerMailbox]
  private let listening: [ListeningSocket]
  private let log: Logger
  private let threads = Mutex<[OwnThread]>([])

  /// Makes the loops' mailboxes; `listening` is open already, so that clients who come early wait in
  /// the kernel's queue. EMFILE or ENFILE when there is no descriptor left.
  package init(
    _ configuration: ServerConfiguration, listening: [ListeningSocket], log: Logger
  ) throws(Errno) {
    self.configuration = configuration
    self.listening = listening
    self.log = log
    var mailboxes: [WorkerMailbox] = []
    for _ in 0..<configuration.loops { mailboxes.append(try WorkerMailbox()) }
    self.mailboxes = mailboxes
  }

  /// Hands a batch to every loop. Called on one of the watcher's threads at a time, in the journal's
  /// order.
  package func publish(_ batch: ChangeBatch) {
    for mailbox in mailboxes { mailbox.post(.batch(batch)) }
  }

  /// Starts the loops. Pages of the site follow the watch `siteWatch`. Errors of pthread_create(3).
  package func start(watcher: WatchService, siteWatch: String?) throws(Errno) {
    let shared = Shared(
      configuration: configuration, watcher: watcher, siteWatch: siteWatch,
      mailboxes: mailboxes, listening: listening,
      log: log)
    for index in 0..<configuration.loops {
      let thread = try OwnThread(name: "tidings-loop-\(index)") {
        do { try Worker(index: index, shared: shared).run() } catch {
          shared.log.critical("loop \(index): \(error)")
        }
      }
      threads.withLock { $0.append(thread) }
    }
  }

  /// Says goodbye to every client and ends the loops; returns when they have ended, within the
  /// drain time.
  package func stop() {
    for mailbox in mailboxes { mailbox.post(.work { $0.stop() }) }
    let ending = threads.withLock { threads in
      let all = threads
      threads = []
      return all
    }
    for thread in ending { thread.join() }
  }
}
