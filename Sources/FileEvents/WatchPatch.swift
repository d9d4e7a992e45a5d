/// What a watch is to be instead of what it is: every member that is nil stays (wire contract,
/// section 3, PATCH).
package struct WatchPatch: Sendable {
  package var ignore: [String]?
  package var include: [String]?
  package var hidden: Bool?
  package var kinds: ChangeKinds?
  package var settle: Duration?
  /// Nil: raised to `settle` where it would be shorter.
  package var settleMax: Duration?
  /// `.some(nil)`: no label any more.
  package var label: String??

  package init() {}
}

extension WatchSpec {
  package func patched(by patch: WatchPatch) -> WatchSpec {
    var spec = self
    spec.ignore = patch.ignore ?? ignore
    spec.include = patch.include ?? include
    spec.hidden = patch.hidden ?? hidden
    spec.kinds = patch.kinds ?? kinds
    spec.settle = patch.settle ?? settle
    spec.settleMax = patch.settleMax ?? max(settleMax, spec.settle)
    spec.label = patch.label ?? label
    return spec
  }
}
