internal import FileEvents
internal import Syscalls

/// A scanner's side: one root, opened before it is a watch.
extension Watcher {
  /// A root that has been opened and may become a watch.
  struct Candidate {
    var opened: OpenedRoot
    var ground: Ground
    var visibility: Visibility
  }

  /// Opens the root this thread is for.
  func open(_ spec: WatchSpec) -> Result<FoundRoot, WatchProblem> {
    Result { () throws(WatchProblem) in
      let found = try candidate(spec, try OpenedRoot(orAwaited: spec))
      candidate = found
      return FoundRoot(
        path: found.opened.path, filesystem: found.opened.filesystem, backend: found.ground.kind)
    }
  }

  private func candidate(
    _ spec: WatchSpec, _ opened: OpenedRoot
  ) throws(WatchProblem) -> Candidate {
    Candidate(
      opened: opened, ground: try ground(for: spec, on: opened),
      visibility: try Visibility(spec: spec, soleName: opened.soleName))
  }

  /// What was opened is a watch now. True when it cannot be, and the thread is to end.
  func begin(
    _ commission: Commission,
    _ reply: @Sendable (Result<WatchAddition, WatchProblem>) -> Void
  ) -> Bool {
    do throws(WatchProblem) {
      let found = if let candidate { candidate } else { try awaited(commission.spec) }
      candidate = nil
      // The state that is told next is news in any case.
      _ = ground.link?.takeSilence()
      let watch = Watch(
        number: commission.number, id: commission.id, spec: commission.spec, opened: found.opened,
        visibility: found.visibility, hasHistory: commission.hasHistory, ground: found.ground)
      watches[watch.number] = watch
      if found.opened.isAwaited { watch.awaitFirst() } else { watch.begin() }
      publish()
      reply(.success(WatchAddition(status: watch.status, created: true)))
      return false
    } catch {
      ground.journal.addState(
        .removed, of: commission.number, commission.id, time: ground.moment.time)
      publish()
      reply(.failure(error))
      return true
    }
  }

  /// Nothing is known of the root: it is polled for.
  private func awaited(_ spec: WatchSpec) throws(WatchProblem) -> Candidate {
    Candidate(
      opened: try OpenedRoot(awaiting: spec), ground: ground,
      visibility: try Visibility(spec: spec, soleName: nil))
  }

  /// The filesystem has not responded for so long that somebody was told, or went on without; now it
  /// does.
  func tellOwnSilence() {
    guard let link = ground.link else { return }
    let (wasSilent, hasRefused) = (link.takeSilence(), link.takeRefusal())
    guard wasSilent || hasRefused else { return }
    for watch in watches.values { watch.respondAgain(wasSilent, hasRefused) }
  }
}
