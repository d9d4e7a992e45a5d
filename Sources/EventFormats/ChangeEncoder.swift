package import FileEvents

/// Writes journal records as the bare objects of the wire contract, for who reads the journal itself
/// (`tidings watch --json`): a change, a `reset` or a `watch`, without a line's end.
package struct ChangeEncoder {
  private var encoder: EventEncoder?
  private var epoch: Epoch?

  package init() {}

  /// Appends the object of `record`, which has the number `sequence` in `batch`.
  package mutating func appendJSON(
    _ record: JournalRecord, in batch: ChangeBatch, sequence: UInt64, epoch: Epoch,
    watchID: String, into output: inout [UInt8]
  ) {
    if encoder == nil || self.epoch != epoch {
      encoder = EventEncoder(epoch: epoch, framing: .ndjson)
      self.epoch = epoch
    }
    switch record.subject {
    case .change:
      encoder?.appendChange(
        record, bytes: batch.bytes, watch: watchID, id: sequence, into: &output)
    case .reset:
      let scope = ResetScope(watch: watchID, path: Array(batch.path(of: record)))
      encoder?.appendReset(
        id: sequence, reason: record.reason, scope: [scope],
        lostAfter: Cursor(epoch: epoch, sequence: sequence - 1), oldest: batch.oldest - 1,
        into: &output)
    case .watch:
      encoder?.appendWatch(watchID, state: record.state, id: sequence, into: &output)
    }
    output.removeLast()  // the newline of the framing
  }
}
