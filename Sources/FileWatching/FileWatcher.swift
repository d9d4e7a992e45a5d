public import SystemPackage

/// Follows a directory and everything below it, or a single file, and tells what changes. Any thread
/// and any task may read; each change goes to one of those who wait.
///
/// ```swift
/// let watcher = try await FileWatcher.watching("Sources")
/// for await change in watcher {
///   print(change)
/// }
/// ```
///
/// Once a watcher has been made, every change is told, or a ``FileChange/Kind/reset`` says what must
/// be looked at again: when records were lost, a directory could not be read or the reader lagged
/// behind. Nothing is lost in silence. Where the kernel tells nothing, on a remote filesystem and in
/// directories beyond the number of watches it gives, changes are found by looking, every 2 seconds if
/// ``Options/pollInterval`` does not say otherwise.
public final class FileWatcher: Sendable {
  /// The watched directory or file, as it was named.
  public let root: FilePath

  private let backlog: ChangeBacklog
  private let service: WatchService

  /// Watches `root` with threads of its own, which end when the watcher is let go or stopped. Blocks
  /// until all that is there has been listed, some 20 µs a directory: every change made after that is
  /// told. A single directory that cannot be read is told as a ``FileChange/Kind/reset`` of it;
  /// this throws when the root itself cannot be, or when the options are not to be had. A filesystem that
  /// hangs for 3 s is not waited for: a reset says so, and another that it could be listed after all.
  public convenience init(
    _ root: FilePath, options: Options = Options()
  ) throws(FileWatcherError) {
    let start = try WatchStart(root, options)
    try start.beginAndWait()
    self.init(root, start.backlog, try start.finish())
  }

  /// What ``init(_:options:)`` makes, for tasks: waits without blocking a thread.
  public static func watching(
    _ root: FilePath, options: Options = Options()
  ) async throws(FileWatcherError) -> FileWatcher {
    let start = try WatchStart(root, options)
    await withCheckedContinuation { continuation in
      start.begin { continuation.resume() }
    }
    return FileWatcher(root, start.backlog, try start.finish())
  }

  private init(_ root: FilePath, _ backlog: ChangeBacklog, _ service: WatchService) {
    self.root = root
    self.backlog = backlog
    self.service = service
  }

  deinit { stop() }

  /// Ends the watching and its threads, and waits for them: a few milliseconds. What has been found
  /// until then can still be read; after that there is nil.
  public func stop() {
    service.stop()
    backlog.finish()
  }

  /// The next change, while the calling thread sleeps: at most `timeout` (nil: for ever). Nil when
  /// the time is up, and once the watcher has been stopped and all is read. Not for tasks, whose
  /// threads are not theirs to block: those iterate.
  @available(*, noasync, message: "iterate with for await instead")
  public func next(timeout: Duration? = nil) -> FileChange? {
    backlog.next(timeout: timeout)
  }
}

extension FileWatcher: AsyncSequence {
  /// Takes changes one by one.
  public struct Iterator: AsyncIteratorProtocol {
    private let watcher: FileWatcher

    fileprivate init(_ watcher: FileWatcher) { self.watcher = watcher }

    /// The next change, waited for. Nil once the watcher has been stopped and all is read, and when
    /// the task is cancelled.
    public mutating func next(
      isolation actor: isolated (any Actor)? = #isolation
    ) async -> FileChange? {
      await watcher.backlog.next(isolation: actor)
    }
  }

  /// An iterator that keeps the watcher alive. Several share what comes.
  public func makeAsyncIterator() -> Iterator { Iterator(self) }
}
