internal import FileEvents
internal import Syscalls
internal import SystemPackage

/// No records at all: the watches that stand on this look for themselves (`Polling`).
struct PollBackend: Backend {
  var kind: BackendKind { .poll }
  var queue: RecordQueue? { nil }

  /// Throws ENOTSUP: there are no marks.
  func arm(_ descriptor: Int32, _ purpose: MarkPurpose) throws(Errno) -> Int32 {
    throw .notSupported
  }

  func disarm(_ mark: Int32, _ directory: () -> OpenFile?) {}

  func records(in bytes: UnsafeRawBufferPointer, _ body: (BackendRecord) -> Void) {}

  func explain(_ error: Errno, marksInUse: Int, path: [UInt8]) -> WatchProblem {
    Limits.watchProblem(error, marksInUse: marksInUse, path: path)
  }
}
