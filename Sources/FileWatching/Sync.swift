internal import FileEvents
internal import Syscalls

/// Somebody waits until a watch has published every change made before the call.
package struct SyncRequest: Sendable {
  /// Number of the watch.
  package var watch: UInt32
  /// When to give up, on the monotonic clock, in nanoseconds.
  package var deadline: Int64
  /// On the tree thread: the sequence number of the last change published, or nil when the deadline
  /// came first. A watch that does not exist has nothing to publish.
  package var answer: @Sendable (UInt64?) -> Void

  package init(watch: UInt32, deadline: Int64, answer: @escaping @Sendable (UInt64?) -> Void) {
    self.watch = watch
    self.deadline = deadline
    self.answer = answer
  }
}

/// The barrier. Nothing is written anywhere for it: the kernel queues its records before the call
/// that made them returns, so that once its queue has been seen empty, with the reader idle, every
/// record of an earlier change is in the inbox.
extension Watcher {
  /// What waits: a page of a listing as well, which shows a state no older than its request.
  struct Waiting {
    var watch: UInt32
    var deadline: Int64
    /// Whether all that came before is published, or the deadline passed.
    var answer: (Bool) -> Void
  }

  /// How long the first page of a listing waits for the watch to catch up, in nanoseconds. Then it
  /// shows what is known: its cursor says exactly how old that is.
  static let listingPatience: Int64 = 500_000_000

  func sync(_ request: SyncRequest) {
    let journal = ground.journal
    waiting.append(
      Waiting(watch: request.watch, deadline: request.deadline) { [ground] isDone in
        journal.flush(now: ground.moment.time)
        request.answer(isDone ? journal.sequence : nil)
      })
  }

  /// A first page waits; the ones that follow belong to it.
  func listWhenCaughtUp(
    _ request: ListingRequest,
    _ reply: @escaping @Sendable (Result<ListingPage, ListingError>) -> Void
  ) {
    guard request.after == nil, let watch = watches[request.watch], watch.isTelling else {
      return reply(list(request))
    }
    waiting.append(
      Waiting(watch: request.watch, deadline: ground.now + Self.listingPatience) {
        [unowned self] _ in
        reply(list(request))
      })
  }

  /// Answers those whose watch has nothing left to find out, and those who have waited long enough.
  /// `isDrained`: every record made before this turn has been applied.
  func answerWaiting(isDrained: Bool) {
    guard !waiting.isEmpty else { return }
    var answers: [(answer: (Bool) -> Void, isDone: Bool)] = []
    waiting.removeAll { one in
      let isDone = isDrained && isCaughtUp(one.watch)
      guard isDone || one.deadline <= ground.now else { return false }
      answers.append((one.answer, isDone))
      return true
    }
    for (answer, isDone) in answers { answer(isDone) }
  }

  private func isCaughtUp(_ number: UInt32) -> Bool {
    guard let watch = watches[number] else { return true }
    guard watch.state != .crawling, watch.state != .starting else { return false }
    watch.sendAll()
    return watch.isSettled
  }
}
