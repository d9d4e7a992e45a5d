internal import FileEvents
internal import Syscalls

/// Somebody waits until a watch has published every change made before the call.
package struct SyncRequest: Sendable {
  /// Id of the watch.
  package var id: String
  /// When to give up, on the monotonic clock, in nanoseconds.
  package var deadline: Int64
  /// On a tree thread, once.
  package var answer: @Sendable (SyncOutcome) -> Void

  package init(id: String, deadline: Int64, answer: @escaping @Sendable (SyncOutcome) -> Void) {
    self.id = id
    self.deadline = deadline
    self.answer = answer
  }
}

/// What came of waiting.
package enum SyncOutcome: Sendable, Equatable {
  /// Every change made before the call is published; the sequence number of the last change there is.
  case done(UInt64)
  /// The deadline came first.
  case late
  /// The same, and the first crawl has not ended.
  case crawling
  case noSuchWatch
}

/// The barrier. Nothing is written anywhere for it: the kernel queues its records before the call
/// that made them returns, so that once its queue has been seen empty, with the reader idle, every
/// record of an earlier change is in the inbox.
extension Watcher {
  /// What waits: a page of a listing as well, which shows a state no older than its request.
  struct Waiting {
    var watch: UInt32
    var deadline: Int64
    /// Whether it must know of what no record tells, too: then a round of `Polling` that begins after
    /// the call has to end.
    var wantsRound = false
    /// The number of that round, once the first crawl has ended; 0 where nothing is polled.
    var round: UInt64?
    /// Whether all that came before is published, or the deadline passed.
    var answer: (Bool) -> Void
  }

  /// How long the first page of a listing waits for the watch to catch up, in nanoseconds. Then it
  /// shows what is known: its cursor says exactly how old that is.
  static let listingPatience: Int64 = 500_000_000

  func sync(_ request: SyncRequest) {
    guard let watch = watch(called: request.id) else { return request.answer(.noSuchWatch) }
    waiting.append(
      Waiting(watch: watch.number, deadline: request.deadline, wantsRound: true) {
        [unowned self] isDone in
        guard isDone else { return request.answer(watch.isCrawling ? .crawling : .late) }
        publish()
        request.answer(.done(ground.journal.head))
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
    for index in waiting.indices where waiting[index].wantsRound && waiting[index].round == nil {
      guard let watch = watches[waiting[index].watch], !watch.isCrawling else { continue }
      waiting[index].round = watch.hasPolled ? watch.polling.hurry(ground.now) : 0
    }
    waiting.removeAll { one in
      let isDone = isDrained && isCaughtUp(one)
      guard isDone || one.deadline <= ground.now else { return false }
      answers.append((one.answer, isDone))
      return true
    }
    for (answer, isDone) in answers { answer(isDone) }
  }

  private func isCaughtUp(_ one: Waiting) -> Bool {
    guard let watch = watches[one.watch] else { return true }
    guard !watch.isCrawling, watch.polling.ended >= one.round ?? 0 else { return false }
    watch.refreshIgnores(hurried: true)
    watch.sendAll()
    return watch.isSettled
  }
}
