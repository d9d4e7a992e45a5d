internal import Synchronization
internal import Syscalls
package import SystemPackage

/// The one place where threads meet: any thread posts, the owner takes all that has come. Posting
/// costs a lock, and a write to an eventfd when the box was empty; taking, a lock for the lot.
package final class Mailbox<Message: Sendable>: Sendable {
  private let wakeUp: WakeUp
  private let waiting = Mutex<[Message]>([])

  /// EMFILE or ENFILE when there is no descriptor left.
  package init() throws(Errno) { wakeUp = try WakeUp() }

  /// Readable while messages wait: for the owner's poll.
  package var descriptor: Int32 { wakeUp.descriptor }

  /// Any thread. Never blocks on the owner.
  package func post(_ message: Message) {
    let first = waiting.withLock { waiting in
      waiting.append(message)
      return waiting.count == 1
    }
    if first { wakeUp.signal() }
  }

  /// Takes everything posted so far, in order. The owner's thread.
  package func takeAll() -> [Message] {
    wakeUp.clear()
    return waiting.withLock { waiting in
      let taken = waiting
      waiting = []
      return taken
    }
  }
}
