internal import FileEvents
internal import Syscalls

extension Watch {
  /// Goes on with another spec. What appears or disappears by it is told by the scan this begins.
  /// Throws `.malformed`, `.invalidGlob`, `.unsupported`; then all is as it was.
  func patch(_ patch: WatchPatch) throws(WatchProblem) {
    let old = spec
    let new = old.patched(by: patch)
    guard new.settleMax >= new.settle else {
      throw WatchProblem(.malformed, detail: "settleMax: must not be shorter than settle")
    }
    try ground.kind.check(new, on: filesystem)
    let newVisibility = try Visibility(spec: new, soleName: soleName)
    sendAll()
    spec = new
    visibility = newVisibility
    coalescer.settle = new.settle.inNanoseconds
    coalescer.settleMax = new.settleMax.inNanoseconds
    let seesOtherNames =
      old.ignore != new.ignore || old.include != new.include || old.hidden != new.hidden
    let asksForMore = !EntryEvents(for: old.kinds, index: old.index)
      .isSuperset(of: EntryEvents(for: new.kinds, index: new.index))
    guard seesOtherNames || asksForMore, state != .gone else { return }
    // Nobody remembers which files were seen.
    if seesOtherNames, !spec.index, isTelling { tellReset(.rescan, path: []) }
    enqueueScan(
      Node.root, deep: true, forNames: !asksForMore, flags: .rescan, told: spec.index)
  }
}
