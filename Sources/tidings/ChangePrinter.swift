import EventFormats
import FileEvents
import Foundation
import Synchronization
import Syscalls

/// Writes changes to standard output, a batch at a time: a small one at once, on the thread that tells
/// of it, since waking another takes longer than all the rest; what standard output might not take, and
/// what comes after that, on a thread of its own. When the reader of standard output stops, the tree
/// threads wait once `limit` records are held: what the kernel's queue then loses is found by comparing
/// the disk, and told.
final class ChangePrinter: Sendable {
  enum Format: Sendable {
    /// For people.
    case lines
    /// A change object a line, and a `reset` where there is one.
    case json(Epoch)
    /// As `--format` draws it.
    case pattern(LinePattern)
  }

  /// Why the printing ended.
  enum Ending: Sendable {
    /// `end` was called, and everything is printed.
    case asked
    /// Nobody reads standard output any more.
    case unread
    /// One change was asked for, and it is printed.
    case once
    /// Nothing happened for as long as was allowed.
    case quiet
  }

  private struct State {
    var batches: [ChangeBatch] = []
    var records = 0
    /// What of a batch standard output did not take at once.
    var rest: [UInt8] = []
    /// The thread is printing what it has taken.
    var isPrinting = false
    /// For what is written at once.
    var encoder = ChangeEncoder()
    var output: [UInt8] = []
    var isEnding = false
    /// Nobody reads: whatever comes is dropped.
    var isClosed = false
    var names: [UInt32: (id: String, shown: String)] = [:]
    var onState: (@Sendable (UInt32, WatchState) -> Void)?
  }

  /// Records held for a reader of standard output that does not read.
  private static let limit = 65_536
  /// What is written at once: bytes a pipe takes whole when it takes any (PIPE_BUF, pipe(7)), and
  /// records that make no more of them as a rule.
  private static let smallBytes = 4_096
  private static let smallRecords = 16

  private let format: Format
  private let once: Bool
  private let patience: Duration?
  private let state = Mutex(State())
  private let changed = DispatchSemaphore(value: 0)
  private let room = DispatchSemaphore(value: 0)

  /// `once`: the first change is the last. `patience`: how long nothing may happen; counted from the
  /// last change, or from when a watch was last ready or not.
  init(format: Format, once: Bool, patience: Duration?) {
    self.format = format
    self.once = once
    self.patience = patience
  }

  /// What to call a watch.
  func name(_ number: UInt32, id: String, shown: String) {
    state.withLock { $0.names[number] = (id, shown) }
  }

  /// Who is told that a watch has changed its state.
  func onState(_ told: @escaping @Sendable (UInt32, WatchState) -> Void) {
    state.withLock { $0.onState = told }
  }

  /// Takes a batch to print. One of the watcher's threads.
  func post(_ batch: ChangeBatch) {
    let (isWritten, isFull) = state.withLock { state in
      if state.isClosed || writeAtOnce(batch, &state) { return (true, false) }
      state.batches.append(batch)
      state.records += batch.records.count
      return (false, state.records > Self.limit)
    }
    if isWritten { return }
    changed.signal()
    if isFull { room.wait() }
  }

  /// Whether that was possible without waiting for anybody.
  private func writeAtOnce(_ batch: ChangeBatch, _ state: inout State) -> Bool {
    // The thread has a deadline to put off, or an end to come to.
    guard !once, patience == nil, !state.isPrinting, state.batches.isEmpty, state.rest.isEmpty,
      batch.records.count <= Self.smallRecords,
      batch.records.allSatisfy({ $0.subject == .change })
    else { return false }
    state.output.removeAll(keepingCapacity: state.output.capacity <= 2 * Self.smallBytes)
    for (index, record) in batch.records.enumerated() {
      append(
        record, in: batch, batch.first + UInt64(index), state.names[record.watch], &state.encoder,
        to: &state.output)
    }
    guard state.output.count <= Self.smallBytes, isWritable(1) else { return false }
    let count = state.output.withUnsafeBytes { Foundation.write(1, $0.baseAddress!, $0.count) }
    guard count >= 0 else { return false }
    if count < state.output.count {
      state.rest = Array(state.output[count...])
      changed.signal()
    }
    return true
  }

  /// Lets `run` return once everything has been printed.
  func end() {
    state.withLock { $0.isEnding = true }
    changed.signal()
  }

  /// Prints until there is a reason to end.
  func run() -> Ending {
    var encoder = ChangeEncoder()
    var deadline = nextDeadline
    while true {
      guard changed.wait(timeout: deadline) == .success else { return close(.quiet) }
      let (taken, wasFull) = state.withLock { state in
        defer {
          state.rest = []
          state.batches = []
          state.records = 0
          state.isPrinting = true
        }
        return (state, state.records > Self.limit)
      }
      defer { state.withLock { $0.isPrinting = false } }
      if wasFull { room.signal() }
      guard write(taken.rest) else { return close(.unread) }
      for batch in taken.batches {
        var output: [UInt8] = []
        for (index, record) in batch.records.enumerated() {
          let sequence = batch.first + UInt64(index)
          if record.subject == .watch { taken.onState?(record.watch, record.state) }
          append(record, in: batch, sequence, taken.names[record.watch], &encoder, to: &output)
          if once, record.subject == .change {
            return close(write(output) ? .once : .unread)
          }
        }
        guard write(output) else { return close(.unread) }
        deadline = nextDeadline
      }
      if taken.isEnding, taken.batches.isEmpty { return .asked }
      if taken.isEnding { changed.signal() }
    }
  }

  private var nextDeadline: DispatchTime {
    guard let patience else { return .distantFuture }
    return .now() + min(patience / .seconds(1), 1e9)
  }

  private func append(
    _ record: JournalRecord, in batch: ChangeBatch, _ sequence: UInt64,
    _ name: (id: String, shown: String)?, _ encoder: inout ChangeEncoder, to output: inout [UInt8]
  ) {
    let name = name ?? ("", "")
    switch (record.subject, format) {
    case (.watch, _): break
    case (_, .json(let epoch)):
      encoder.appendJSON(
        record, in: batch, sequence: sequence, epoch: epoch, watchID: name.id, into: &output)
      output.append(0x0A)
    case (.reset, _): sayReset(record, in: batch, name.shown)
    case (.change, .lines): ChangeLine.append(record, in: batch, root: name.shown, to: &output)
    case (.change, .pattern(let pattern)):
      pattern.append(record, in: batch, sequence: sequence, root: name.shown, to: &output)
    }
  }

  /// What comes after this is dropped, and waited for by nobody.
  private func close(_ ending: Ending) -> Ending {
    let wasFull = state.withLock { state in
      state.isClosed = true
      state.batches = []
      return state.records > Self.limit
    }
    if wasFull { room.signal() }
    return ending
  }

  private func sayReset(_ record: JournalRecord, in batch: ChangeBatch, _ root: String) {
    let path = String(decoding: batch.path(of: record), as: UTF8.self)
    Terminal.say(
      "reset (\(record.reason.name)): look again at \(path.isEmpty ? root : root + "/" + path)")
  }

  /// False when nobody reads any more.
  private func write(_ output: [UInt8]) -> Bool {
    var rest = output[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(1, $0.baseAddress!, $0.count) }
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
