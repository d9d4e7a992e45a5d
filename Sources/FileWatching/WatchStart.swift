internal import FileEvents
internal import Synchronization
internal import Syscalls
internal import SystemPackage

/// A `FileWatcher` on its way: its service runs, its root is being opened and listed. Afterwards it
/// stays between the service and the backlog, held by the tree thread until that ends. Any thread.
final class WatchStart: Sendable {
  let backlog: ChangeBacklog

  private struct State {
    /// Held until `finish` has handed it out.
    var service: WatchService?
    /// The same, for as long as its owner keeps it: what it still has in its inbox may hold this.
    weak var running: WatchService?
    var problem: WatchProblem?
    /// Called once, when the root has been listed or will not be.
    var onEnd: (@Sendable () -> Void)?
  }

  private let root: FilePath
  private let spec: WatchSpec
  private let state = Mutex(State())

  init(_ root: FilePath, _ options: FileWatcher.Options) throws(FileWatcherError) {
    self.root = root
    spec = try options.spec(for: root)
    do throws(Errno) {
      backlog = try ChangeBacklog(root: root, limit: options.backlog)
    } catch {
      throw FileWatcherError(Self.problem(error), root: root)
    }
  }

  /// Starts the threads; `onEnd` is called once, on one of them or on the caller's.
  func begin(_ onEnd: @escaping @Sendable () -> Void) {
    state.withLock { $0.onEnd = onEnd }
    do throws(WatchProblem) {
      let service = try WatchService(options: WatchServiceOptions()) { self.take($0) }
      state.withLock { state in
        state.service = service
        state.running = service
      }
      service.add(spec) { result in
        if case .failure(let problem) = result { self.end(problem) }
      }
    } catch {
      end(error)
    }
  }

  /// The same, and the calling thread sleeps until the end.
  func beginAndWait() throws(FileWatcherError) {
    let ended: Gate
    do throws(Errno) { ended = try Gate() } catch {
      throw FileWatcherError(Self.problem(error), root: root)
    }
    begin { ended.open() }
    ended.wait()
  }

  /// The running service, or why there is none. Once.
  func finish() throws(FileWatcherError) -> WatchService {
    let (service, problem) = state.withLock { state in
      defer { state.service = nil }
      return (state.service, state.problem)
    }
    if let problem {
      service?.stop()
      throw FileWatcherError(problem, root: root)
    }
    guard let service else { preconditionFailure("neither a service nor a problem") }
    return service
  }

  /// What is published, on one of the watcher's threads at a time.
  private func take(_ batch: ChangeBatch) {
    backlog.post(batch)
    for record in batch.records where record.subject == .watch {
      switch record.state {
      case .live, .failed, .gone: end()
      case .degraded:
        tellWhatIsUnwatched(time: record.time)
        end()
      case .starting, .crawling, .removed, .unknown: break
      }
    }
  }

  private func tellWhatIsUnwatched(time: Int64) {
    state.withLock { $0.running }?.statuses { statuses in
      // What a limit leaves unwatched is polled: late, but told.
      guard let problem = statuses.first?.reason, problem.code != .watchLimit else { return }
      self.backlog.post(
        FileChange(
          reset: .unwatchable, root: self.root, relativePath: FilePath(bytes: problem.path),
          timeNanoseconds: time, error: FileWatcherError(problem, root: self.root)))
    }
  }

  private func end(_ problem: WatchProblem? = nil) {
    let told = state.withLock { state in
      defer { state.onEnd = nil }
      if state.onEnd != nil { state.problem = problem }
      return state.onEnd
    }
    told?()
  }

  private static func problem(_ error: Errno) -> WatchProblem {
    WatchProblem(
      .instanceLimit, errno: error.rawValue, detail: "no descriptor is to be had: \(error)")
  }
}

/// One thread waits for another, once.
private final class Gate: Sendable {
  private let wakeup: WakeUp

  init() throws(Errno) { wakeup = try WakeUp() }

  func open() { wakeup.signal() }

  func wait() {
    while !waitReadable(wakeup.descriptor, timeoutMilliseconds: nil) {}
  }
}
