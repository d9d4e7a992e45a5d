import FileEvents
import FileWatching
import Foundation
import Synchronization
import Syscalls
import Testing

import struct SystemPackage.FilePath

/// A directory of its own with a watch service over it, and everything the service has published.
final class WatchedTree: Sendable {
  /// Those that this machine allows for directories of this kind.
  static let backends: [BackendChoice] = {
    guard let place = try? OpenFile.place(FilePath(FileManager.default.temporaryDirectory.path)),
      (try? FanotifyProbe.run(on: place.descriptor)) != nil
    else { return [.inotify, .poll] }
    return [.inotify, .fanotify, .poll]
  }()

  /// An empty directory whose parent is empty too, so that things can be moved out.
  let root: [UInt8]
  let service: WatchService
  private let published = Mutex<[ChangeBatch]>([])
  private let arrival: Arrival

  /// Wakes whoever waits for a batch.
  private final class Arrival: Sendable {
    let wakeup: WakeUp
    let receiver = Mutex<(@Sendable (ChangeBatch) -> Void)?>(nil)

    init() throws { wakeup = try WakeUp() }
  }

  init(
    in place: URL = FileManager.default.temporaryDirectory,
    options: WatchServiceOptions = WatchServiceOptions()
  ) throws {
    let outside = place.appendingPathComponent("tidings-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: outside.appendingPathComponent("root"), withIntermediateDirectories: true)
    root = Array(outside.appendingPathComponent("root").path.utf8)
    let arrival = try Arrival()
    self.arrival = arrival
    service = try WatchService(options: options) { batch in
      arrival.receiver.withLock { $0 }?(batch)
      arrival.wakeup.signal()
    }
    arrival.receiver.withLock { receiver in
      receiver = { [weak self] batch in self?.published.withLock { $0.append(batch) } }
    }
  }

  /// Ends the threads and removes the directory.
  func close() {
    service.stop()
    let outside = URL(filePath: String(decoding: root, as: UTF8.self)).deletingLastPathComponent()
    if let all = FileManager.default.enumerator(atPath: outside.path) {
      for case let path as String in all {
        _ = chmod(outside.appendingPathComponent(path).path, 0o755)
      }
    }
    try? FileManager.default.removeItem(at: outside)
  }

  /// Everything published so far.
  var batches: [ChangeBatch] { published.withLock { $0 } }

  /// All records so far with their batches, oldest first.
  var records: [(record: JournalRecord, batch: ChangeBatch)] {
    batches.flatMap { batch in batch.records.map { ($0, batch) } }
  }

  /// Waits until `condition` holds, looking again at each batch. Fails the test after 20 seconds.
  func wait(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
    until condition: () -> Bool
  ) {
    let deadline = Clock.monotonic() + 20_000_000_000
    while !condition() {
      guard Clock.monotonic() < deadline else {
        Issue.record("\(what) did not come within 20 s", sourceLocation: sourceLocation)
        return
      }
      _ = waitReadable(arrival.wakeup.descriptor, timeoutMilliseconds: 20)
      arrival.wakeup.clear()
    }
  }

  /// What `ask` is answered. Fails the test after 20 seconds.
  func answer<Value: Sendable>(
    _ ask: (@escaping @Sendable (Value) -> Void) -> Void
  ) throws -> Value {
    let semaphore = DispatchSemaphore(value: 0)
    let answer = Answer<Value>()
    ask { value in
      answer.value.withLock { $0 = value }
      semaphore.signal()
    }
    guard semaphore.wait(timeout: .now() + 20) == .success,
      let value = answer.value.withLock({ $0 })
    else { throw Silence() }
    return value
  }

  private final class Answer<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
  }

  struct Silence: Error {}

  /// Waits until everything done to the disk so far has been published.
  func settle() throws {
    let _: Bool = try answer { reply in service.settle { reply(true) } }
  }

  /// Adds a watch and waits for the end of its crawl.
  @discardableResult
  func watch(_ spec: WatchSpec) throws -> WatchStatus {
    let result: Result<WatchAddition, WatchProblem> = try answer { service.add(spec, reply: $0) }
    let status = try result.get().status
    try settle()
    return status
  }

  /// The watch's status now.
  func status(_ number: UInt32) throws -> WatchStatus? {
    let statuses: [WatchStatus] = try answer { service.statuses(reply: $0) }
    return statuses.first { $0.number == number }
  }

  /// Every entry of a listing, page by page.
  func listing(_ number: UInt32, limit: Int = 100) throws -> [[UInt8]: FileType] {
    var entries: [[UInt8]: FileType] = [:]
    var request = ListingRequest(watch: number, limit: limit)
    repeat {
      let result: Result<ListingPage, ListingError> = try answer {
        service.list(request, reply: $0)
      }
      let page = try result.get()
      for record in page.records {
        entries[Array(page.bytes[Int(record.pathStart)..<Int(record.pathEnd)])] = record.type
      }
      request.after = page.next
    } while request.after != nil
    return entries
  }
}
