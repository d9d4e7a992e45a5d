internal import FileEvents

/// Gathers the records of one thread's watches until they are handed out as a batch. Confined to that
/// thread.
final class JournalWriter {
  /// Records in one batch at most, so that history is dropped in small pieces.
  private static let batchLimit = 4_096

  private let journal: ChangeJournal
  /// Of a scanner's thread.
  private let link: ScannerLink?
  private var records: [JournalRecord] = []
  /// Names of the records being gathered; the next record's are appended before `add`.
  var bytes: [UInt8] = []

  init(_ journal: ChangeJournal, link: ScannerLink? = nil) {
    self.journal = journal
    self.link = link
  }

  /// The number of the last record published, whoever wrote it.
  var head: UInt64 { journal.head }

  /// Adds a record whose names are already at the end of `bytes`.
  func add(_ record: JournalRecord) {
    records.append(record)
    if records.count >= Self.batchLimit { flush(now: record.time) }
  }

  /// Adds the word that a watch is in another state.
  func addState(_ state: WatchState, of watch: UInt32, _ id: String, time: Int64) {
    var record = JournalRecord(subject: .watch, watch: watch, time: time)
    record.state = state
    record.pathStart = UInt32(bytes.count)
    bytes.append(contentsOf: id.utf8)
    record.pathEnd = UInt32(bytes.count)
    add(record)
  }

  /// Publishes what has been gathered; nothing when there is nothing. `now` is the wall clock. Where
  /// `isDue` says no, once nobody else publishes, it is dropped.
  func flush(now: Int64, if isDue: () -> Bool = { true }) {
    guard !records.isEmpty else { return }
    if let link {
      link.publishing { journal.publish(records, bytes, now: now) { !link.isRevoked && isDue() } }
    } else {
      journal.publish(records, bytes, now: now, if: isDue)
    }
    // New storage, not the old emptied: a small batch must not hold the room of a large one.
    records = []
    bytes = []
  }
}
