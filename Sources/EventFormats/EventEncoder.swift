internal import Bytes
package import FileEvents

/// A subtree of a watch, in a `reset`.
package struct ResetScope: Hashable, Sendable {
  package var watch: String
  /// Relative to the watch's root, exact bytes; empty: the whole of it.
  package var path: [UInt8]

  package init(watch: String, path: [UInt8]) {
    self.watch = watch
    self.path = path
  }
}

/// Appends the events of the wire contract (section 4) in one framing. Field names, their order and
/// when each is present are fixed here; allocates nothing per event but what the output needs.
///
/// Every `id` is the number of a journal record: the cursor just after it. nil leaves the `id` out,
/// of the object and of the SSE block, so that no reconnect resumes from there.
package struct EventEncoder {
  package let framing: StreamFraming
  /// `<epoch>-`
  private let cursorPrefix: [UInt8]
  /// `,"ref":"…"`, or nothing.
  private let reference: [UInt8]
  private var object = ChangeObject()
  /// The cursor of the event being written; empty when it has none.
  private var cursor: [UInt8] = []

  package init(epoch: Epoch, framing: StreamFraming) {
    self.framing = framing
    cursorPrefix = Array("\(epoch.text)-".utf8)
    var reference: [UInt8] = []
    if case .webSocket(let name?) = framing {
      reference.append(",\"ref\":")
      reference.append(jsonString: name)
    }
    self.reference = reference
  }

  /// Appends `change`. `bytes` holds the names of `record`.
  package mutating func appendChange(
    _ record: JournalRecord, bytes: [UInt8], watch: String, id: UInt64?,
    into output: inout [UInt8]
  ) {
    let start = open(.change, id: id, into: &output)
    object.appendMembers(record, bytes: bytes, watch: watch, isEntry: false, into: &output)
    close(start, in: &output)
  }

  /// Appends `entry`: something that exists, found by a listing.
  package mutating func appendEntry(
    _ record: JournalRecord, bytes: [UInt8], watch: String, into output: inout [UInt8]
  ) {
    let start = open(.entry, id: nil, into: &output)
    object.appendMembers(record, bytes: bytes, watch: watch, isEntry: true, into: &output)
    close(start, in: &output)
  }

  /// Appends `hello`. `id` may belong to another epoch: it is the cursor the client came with.
  /// `oldest` is the oldest cursor one can still resume from. `retryMilliseconds` is written in SSE
  /// only, in the same block (a block of its own would be an empty event to some clients).
  package mutating func appendHello(
    id: Cursor?, epoch: Epoch, oldest: UInt64, resumed: Bool, heartbeatSeconds: Int, server: String,
    retryMilliseconds: Int, into output: inout [UInt8]
  ) {
    if framing == .sse || framing == .sseMessages {
      output.append("retry: ")
      output.append(decimal: UInt64(retryMilliseconds))
      output.append("\n")
    }
    cursor.removeAll(keepingCapacity: true)
    if let id { cursor.append(copying: id.text.utf8.span) }
    let start = openWithCursor(.hello, into: &output)
    output.append(",\"epoch\":")
    output.append(jsonString: epoch.text)
    append(cursor: oldest, as: ",\"oldest\":\"", to: &output)
    output.append(resumed ? ",\"resumed\":true" : ",\"resumed\":false")
    output.append(",\"heartbeat\":\"")
    output.append(decimal: UInt64(heartbeatSeconds))
    output.append("s\",\"server\":")
    output.append(jsonString: server)
    close(start, in: &output)
  }

  /// Appends `synced`.
  package mutating func appendSynced(id: UInt64, into output: inout [UInt8]) {
    close(open(.synced, id: id, into: &output), in: &output)
  }

  /// Appends `bookmark`.
  package mutating func appendBookmark(id: UInt64, into output: inout [UInt8]) {
    close(open(.bookmark, id: id, into: &output), in: &output)
  }

  /// Appends `reset`. `lostAfter`: up to there nothing was missed; nil when that cannot be said.
  /// `oldest` as in `hello`.
  package mutating func appendReset(
    id: UInt64?, reason: ResetReason, scope: [ResetScope], lostAfter: Cursor?, oldest: UInt64,
    into output: inout [UInt8]
  ) {
    let start = open(.reset, id: id, into: &output)
    output.append(word: ",\"reason\":\"", reason.name)
    output.append(",\"scope\":[")
    for (index, subtree) in scope.enumerated() {
      output.append(index == 0 ? "{\"watch\":" : ",{\"watch\":")
      output.append(jsonString: subtree.watch)
      output.append(path: subtree.path.span, as: "path")
      output.append("}")
    }
    output.append("]")
    if let lostAfter { output.append(word: ",\"lostAfter\":\"", lostAfter.text) }
    append(cursor: oldest, as: ",\"oldest\":\"", to: &output)
    close(start, in: &output)
  }

  /// Appends `watch`: a watch was added, removed or changed state.
  package mutating func appendWatch(
    _ watch: String, state: WatchState, id: UInt64?, into output: inout [UInt8]
  ) {
    let start = open(.watch, id: id, into: &output)
    output.append(",\"watch\":")
    output.append(jsonString: watch)
    output.append(word: ",\"state\":\"", state.name)
    close(start, in: &output)
  }

  /// Appends `bye`. `reconnectAfterMilliseconds` nil: the client may choose.
  package mutating func appendBye(
    id: UInt64?, reason: String, reconnectAfterMilliseconds: Int?, into output: inout [UInt8]
  ) {
    let start = open(.bye, id: id, into: &output)
    output.append(",\"reason\":")
    output.append(jsonString: reason)
    if let delay = reconnectAfterMilliseconds {
      output.append(",\"reconnectAfter\":")
      output.append(decimal: UInt64(delay))
    }
    close(start, in: &output)
  }

  private mutating func open(
    _ name: EventName, id: UInt64?, into output: inout [UInt8]
  ) -> Int {
    cursor.removeAll(keepingCapacity: true)
    if let id {
      cursor.append(contentsOf: cursorPrefix)
      cursor.append(decimal: id)
    }
    return openWithCursor(name, into: &output)
  }

  private func openWithCursor(_ name: EventName, into output: inout [UInt8]) -> Int {
    let start = framing.open(name, cursor: cursor, into: &output)
    output.append("{\"event\":\"")
    output.append(name.text)
    output.append("\"")
    output.append(contentsOf: reference)
    if !cursor.isEmpty {
      output.append(",\"id\":\"")
      output.append(contentsOf: cursor)
      output.append("\"")
    }
    return start
  }

  private func close(_ start: Int, in output: inout [UInt8]) {
    output.append("}")
    framing.close(objectAt: start, in: &output)
  }

  private func append(
    cursor sequence: UInt64, as member: StaticString, to output: inout [UInt8]
  ) {
    output.append(member)
    output.append(contentsOf: cursorPrefix)
    output.append(decimal: sequence)
    output.append("\"")
  }
}
