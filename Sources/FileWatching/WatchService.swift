package import FileEvents
internal import Synchronization
internal import Syscalls
internal import SystemPackage

/// Bounds of the journal, and which life of it this is.
package struct WatchServiceOptions: Sendable {
  package var epoch = Epoch.random()
  /// Records kept at most.
  package var historyEvents = 65_536
  /// Bytes kept at most, records and names.
  package var historyBytes = 64 << 20
  /// How long a record is kept at most; looked at when the next batch is published.
  package var historyAge = Duration.seconds(600)

  package init() {}
}

/// What became of a spec.
package struct WatchAddition: Sendable {
  package var status: WatchStatus
  /// False when there was a watch of the same root and options already.
  package var created: Bool
}

/// The door to the watcher's threads: one, and one for each root whose filesystem may hang. All methods
/// may be called from any thread and return at once; each reply is called exactly once, on one of
/// those threads, and must not block.
package final class WatchService: Sendable {
  /// Which life of the journal this is.
  package let epoch: Epoch

  private let inbox: Inbox
  private let journal: ChangeJournal
  private let thread: OwnThread

  /// Starts the thread of all watches ("tidings-tree"). `publish` is called on one of the watcher's
  /// threads at a time with each batch, in order, and must not block. Throws `.instanceLimit` when the
  /// kernel gives no inotify instance (EMFILE), `.internalError` when it gives no thread or descriptor.
  package init(
    options: WatchServiceOptions, publish: @escaping @Sendable (ChangeBatch) -> Void
  ) throws(WatchProblem) {
    let backend = try InotifyBackend()
    let journal = ChangeJournal(options: options, publish: publish)
    do throws(Errno) {
      let inbox = try Inbox()
      thread = try OwnThread(name: "tidings-tree") {
        let ground = Ground(backend: backend, journal: JournalWriter(journal))
        Watcher(inbox: inbox, journal: journal, ground: ground).run()
      }
      self.inbox = inbox
    } catch {
      throw WatchProblem(
        .internalError, errno: error.rawValue, detail: "the watcher cannot be started: \(error)")
    }
    self.journal = journal
    epoch = options.epoch
  }

  /// The number of the last record stamped; stored before `publish` gets its batch. 0 before the
  /// first.
  package var head: UInt64 { journal.head }

  /// Begins a watch, or finds the one that is the same. Answers once the root is opened and the watch
  /// exists (state `crawling`), before the crawl; or when opening it has not come back for 3 s: then the
  /// watch exists, too (state `degraded`, `.notResponding`), and begins when it can. Fails with `.noSuchPath`, `.permissionDenied`,
  /// `.pathNotAllowed`, `.watchConflict` (the id has another root), `.invalidGlob`, `.unsupported`.
  package func add(
    _ spec: WatchSpec, reply: @escaping @Sendable (Result<WatchAddition, WatchProblem>) -> Void
  ) {
    inbox.post(.add(spec, reply))
  }

  /// Ends a watch, after what is pending about it. False when there is none of that id.
  package func remove(id: String, reply: @escaping @Sendable (Bool) -> Void) {
    inbox.post(.remove(id, reply))
  }

  /// All watches, in the order they were added.
  package func statuses(reply: @escaping @Sendable ([WatchStatus]) -> Void) {
    inbox.post(.statuses(reply))
  }

  /// One page of what a watch holds, after publishing what is pending. A first page shows every change
  /// made before the call, or what is known after 500 ms of a watch that does not come to rest. Fails
  /// with `.notResponding` when the watch's filesystem does not.
  package func list(
    _ request: ListingRequest,
    reply: @escaping @Sendable (Result<ListingPage, ListingError>) -> Void
  ) {
    inbox.post(.list(request, reply))
  }

  /// Answers once every change that was made before the call has been published. Nothing is written
  /// anywhere: the kernel queues its records before the call that made them returns, and what is
  /// polled is looked at once more. A filesystem that does not respond is not waited for.
  package func settle(reply: @escaping @Sendable () -> Void) { inbox.post(.settle(reply)) }

  /// As `settle`, of one watch and without waiting for its `settle` to pass: what is pending is
  /// published at once.
  package func sync(_ request: SyncRequest) { inbox.post(.sync(request)) }

  /// Goes on with another spec, after what is pending; what appears or disappears by it is told as
  /// found by a rescan, which this only begins. Answers nil when there is no such watch. Fails with
  /// `.malformed`, `.invalidGlob`, `.unsupported`, `.notResponding`; then nothing has changed.
  package func patch(
    id: String, _ patch: WatchPatch,
    reply: @escaping @Sendable (Result<WatchStatus, WatchProblem>?) -> Void
  ) {
    inbox.post(.patch(id, patch, reply))
  }

  /// Compares what is known at and below `path` (exact bytes, relative to the root; empty: all) with
  /// the disk and tells what differs; without an index clients are told to look for themselves.
  /// Answers before it is done.
  package func rescan(
    id: String, path: [UInt8], reply: @escaping @Sendable (RescanOutcome) -> Void
  ) {
    inbox.post(.rescan(id, path, reply))
  }

  /// Sends what is pending, ends the threads and waits for them; not for one that a filesystem holds,
  /// which ends by itself and publishes nothing any more. Not from one of them.
  package func stop() {
    inbox.post(.stop)
    thread.join()
  }

  /// Lets the kernel's queue fill, so that a test can make it overflow or outrun the tree.
  package func pauseReading() { inbox.isPaused = true }

  /// Ends `pauseReading`.
  package func resumeReading() { inbox.isPaused = false }
}
