import Bytes
import FileEvents
import FileWatching
import Logging
import Synchronization

/// Says each change of a watch's state once on standard error, with its numbers. A door: any thread.
final class StateReport: Sendable {
  private let log: Logger
  private let watcher = Mutex<WatchService?>(nil)

  init(log: Logger) { self.log = log }

  func follow(_ watcher: WatchService) { self.watcher.withLock { $0 = watcher } }

  /// Looks for records of watches. Called for every batch, on one of the watcher's threads at a time.
  func note(_ batch: ChangeBatch) {
    for record in batch.records where record.subject == .watch {
      let id = String(decoding: batch.path(of: record), as: UTF8.self)
      let state = record.state
      guard state == .live || state == .degraded || state == .failed || state == .gone else {
        continue
      }
      watcher.withLock { $0 }?.statuses { [log] statuses in
        guard let status = statuses.first(where: { $0.id == id }) else { return }
        log.log(level: state == .live ? .info : .warning, "\(Self.describe(status, state))")
      }
    }
  }

  private static func describe(_ status: WatchStatus, _ state: WatchState) -> String {
    let root = String(decoding: status.root, as: UTF8.self)
    let numbers =
      "\(status.crawl.directories) directories, \(status.crawl.files) files, \(status.backend)"
    let reason = status.reason.map { ": \($0.detail)" + ($0.hint.map { "; type: \($0)" } ?? "") }
    return "\(root) is \(state.name) (\(numbers))\(status.polledSuffix)\(reason ?? "")"
  }
}

extension WatchStatus {
  /// How often a polled watch is looked at and, where nobody asked for that, why; empty for others.
  var polledSuffix: String {
    guard backend == BackendChoice.poll.rawValue else { return "" }
    let why = spec.backend == .poll ? "" : ", since \(filesystemType) is remote"
    return "; polled every \(DurationText.text(spec.pollInterval))\(why)"
  }
}
