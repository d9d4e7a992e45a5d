internal import DequeModule
internal import FileEvents
internal import Synchronization
internal import Syscalls
internal import SystemPackage

/// What has been published and not yet taken: where the watcher meets those who read. A door: any
/// thread. Holds `limit` changes; one more, and all of them give way to a single reset of the root,
/// so that a reader who lags knows it and costs no more memory.
final class ChangeBacklog: Sendable {
  private enum Item {
    /// A batch, and the index of its first record that is not taken.
    case batch(ChangeBatch, Int)
    case single(FileChange)
  }

  private struct State {
    var items: Deque<Item> = []
    /// Records held, counted whole for a batch until it has been taken.
    var held = 0
    var isFinished = false
    /// Tasks that wait, first come first served.
    var tasks: Deque<(id: UInt64, continuation: CheckedContinuation<FileChange?, Never>)> = []
    var nextTask: UInt64 = 0
    /// Threads that wait.
    var threads = 0

    /// The next change; nil when there is none.
    mutating func take(root: FilePath) -> FileChange? {
      while let item = items.popFirst() {
        switch item {
        case .single(let change):
          held -= 1
          return change
        case .batch(let batch, var index):
          while index < batch.records.count {
            let record = batch.records[index]
            index += 1
            guard let change = FileChange(record, in: batch, root: root) else { continue }
            if index < batch.records.count {
              items.prepend(.batch(batch, index))
            } else {
              held -= batch.records.count
            }
            return change
          }
          held -= batch.records.count
        }
      }
      return nil
    }
  }

  private let root: FilePath
  private let limit: Int
  private let state = Mutex(State())
  private let wakeup: WakeUp

  /// `limit` is at least 1. Throws EMFILE, ENFILE, ENOMEM.
  init(root: FilePath, limit: Int) throws(Errno) {
    self.root = root
    self.limit = max(1, limit)
    wakeup = try WakeUp()
  }

  /// Takes a batch in. One of the watcher's threads.
  func post(_ batch: ChangeBatch) {
    post(count: batch.records.count, time: batch.records.last?.time ?? 0) { .batch(batch, 0) }
  }

  /// Takes one change in that is in no batch.
  func post(_ change: FileChange) {
    post(count: 1, time: change.timeNanoseconds) { .single(change) }
  }

  private func post(count: Int, time: Int64, _ item: () -> Item) {
    state.withLock { state in
      guard !state.isFinished else { return }
      if state.held + count <= limit {
        state.items.append(item())
        state.held += count
      } else {
        let lagged = FileChange(
          reset: .lagged, root: root, relativePath: FilePath(), timeNanoseconds: time)
        state.items = [.single(lagged)]
        state.held = 1
      }
      while !state.tasks.isEmpty, let change = state.take(root: root) {
        state.tasks.removeFirst().continuation.resume(returning: change)
      }
      if state.threads > 0, !state.items.isEmpty { wakeup.signal() }
    }
  }

  /// Nothing comes any more: what is held can still be taken, then there is nil.
  func finish() {
    state.withLock { state in
      state.isFinished = true
      for task in state.tasks { task.continuation.resume(returning: nil) }
      state.tasks.removeAll()
      wakeup.signal()
    }
  }

  /// The next change, waited for; nil once finished, and when the task is cancelled.
  func next(isolation: isolated (any Actor)?) async -> FileChange? {
    let id = state.withLock { state in
      state.nextTask += 1
      return state.nextTask
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        // A cancellation that came before is seen here, one that comes later finds the entry.
        let answer: FileChange?? = state.withLock { state in
          if Task.isCancelled { return .some(nil) }
          if let change = state.take(root: root) { return change }
          if state.isFinished { return .some(nil) }
          state.tasks.append((id, continuation))
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      let waiting = state.withLock { state in
        state.tasks.firstIndex { $0.id == id }.map { state.tasks.remove(at: $0).continuation }
      }
      waiting?.resume(returning: nil)
    }
  }

  /// The next change, waited for at most `timeout` (nil: for ever) while the calling thread sleeps;
  /// nil once finished and when the time is up.
  func next(timeout: Duration?) -> FileChange? {
    let clock = ContinuousClock()
    let deadline = timeout.map { clock.now + $0 }
    state.withLock { $0.threads += 1 }
    defer { state.withLock { $0.threads -= 1 } }
    while true {
      let (change, isFinished) = state.withLock { state in
        let change = state.take(root: root)
        // Of several threads one may have taken the signal that was for all.
        if state.isFinished || (state.threads > 1 && !state.items.isEmpty) { wakeup.signal() }
        return (change, state.isFinished)
      }
      if change != nil || isFinished { return change }
      var milliseconds: Int32?
      if let deadline {
        let rest = (deadline - clock.now).inNanoseconds
        guard rest > 0 else { return nil }
        milliseconds = Int32(clamping: (rest + 999_999) / 1_000_000)
      }
      _ = waitReadable(wakeup.descriptor, timeoutMilliseconds: milliseconds)
      wakeup.clear()
    }
  }
}
