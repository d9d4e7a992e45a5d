import Syscalls
import SystemPackage
import Testing

@testable import FileWatching

@Suite("What a kernel's queue has told")
struct RecordBacklogTests {
  /// A kernel's queue that gives what it is told to.
  private final class Queue {
    /// Bytes of each read to come; none left: the queue is empty.
    var reads: [Int] = []
    var error: Errno?
    private(set) var count = 0

    var queue: RecordQueue {
      RecordQueue(kind: .inotify, descriptor: -1, longestRecord: 272) { buffer throws(Errno) in
        if let error = self.error { throw error }
        guard !self.reads.isEmpty else { return 0 }
        let size = min(self.reads.removeFirst(), buffer.count)
        self.count += 1
        for index in 0..<min(size, 96) { buffer[index] = UInt8(truncatingIfNeeded: self.count) }
        return size
      }
    }
  }

  private let queue = Queue()

  /// The first byte of all that is waiting, in order, and how much there is of each.
  private func take(_ backlog: RecordBacklog) -> [(first: UInt8, count: Int, since: Int64)] {
    var taken: [(UInt8, Int, Int64)] = []
    while let chunk = backlog.first {
      taken.append((chunk.bytes[0], chunk.bytes.count, chunk.since))
      backlog.dropFirst()
    }
    return taken
  }

  @Test("what was read first is applied first, whatever is read meanwhile")
  func inOrder() {
    let backlog = RecordBacklog(queue.queue)
    queue.reads = [96]
    #expect(backlog.read())
    let first = backlog.first
    queue.reads = [64]
    #expect(backlog.read() && !backlog.read())
    // Reading ahead leaves alone what is being applied.
    #expect(first?.bytes.allSatisfy { $0 == 1 } == true)
    let taken = take(backlog)
    #expect(taken.map(\.first) == [1, 2] && taken.map(\.count) == [96, 64])
    #expect(backlog.isEmpty)
  }

  @Test("only a read that leaves room for any record has seen the end of the queue")
  func endOfQueue() {
    let backlog = RecordBacklog(queue.queue)
    #expect(!backlog.hasSeenEnd)
    queue.reads = [1 << 20, (64 << 10) - 200, 32]
    let before = backlog.since
    #expect(backlog.read() && backlog.hasSeenEnd)
    #expect(queue.reads.isEmpty, "two reads may have been cut short, so it read on")
    let taken = take(backlog)
    #expect(taken.count == 3)
    // All three may have been in the queue when the first was read.
    #expect(taken.allSatisfy { $0.since == before } && backlog.since > before)
    backlog.leaveUnread()
    #expect(!backlog.hasSeenEnd)
    backlog.seenEmpty(at: 7_000)
    #expect(backlog.hasSeenEnd && backlog.since == 7_000)
  }

  @Test("what it has no room for stays in the kernel's queue, which knows how to overflow")
  func bounded() {
    let backlog = RecordBacklog(queue.queue)
    queue.reads = Array(repeating: 1 << 20, count: 2_000)
    #expect(backlog.read() && !backlog.hasSeenEnd)
    #expect(queue.reads.count == 976, "64 MiB")
    backlog.dropFirst()
    #expect(backlog.read() && queue.reads.count == 975)
    while !queue.reads.isEmpty {
      _ = take(backlog)
      backlog.read()
    }
    _ = take(backlog)
    #expect(!backlog.read() && backlog.hasSeenEnd)
  }

  @Test("a queue that cannot be read is not waited at again")
  func broken() {
    let backlog = RecordBacklog(queue.queue)
    queue.error = .badFileDescriptor
    #expect(!backlog.read() && !backlog.isReadable && !backlog.hasSeenEnd)
  }
}
