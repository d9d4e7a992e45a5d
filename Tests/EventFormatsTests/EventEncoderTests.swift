import EventFormats
import FileEvents
import Testing

/// 2026-11-20T09:00:00.123Z
private let morning: Int64 = 1_795_165_200_123_456_789
private let epoch = Epoch(text: "k3v9q")

/// A change record and the bytes its names are in.
private func change(
  _ kind: ChangeKind, _ path: [UInt8], from: [UInt8] = [], type: FileType = .file,
  flags: ChangeFlags = [], count: UInt32 = 1, size: UInt64 = 0, mtime: Int64 = 0
) -> (record: JournalRecord, bytes: [UInt8]) {
  var record = JournalRecord(subject: .change, watch: 1, time: morning)
  record.kind = kind
  record.type = type
  record.flags = flags
  record.count = count
  record.size = size
  record.mtime = mtime
  (record.pathStart, record.pathEnd) = (2, UInt32(2 + path.count))
  (record.fromStart, record.fromEnd) = (record.pathEnd, record.pathEnd + UInt32(from.count))
  return (record, [0x78, 0x78] + path + from)
}

private func encoded(
  _ framing: StreamFraming = .ndjson, _ body: (inout EventEncoder, inout [UInt8]) -> Void
) -> String {
  var encoder = EventEncoder(epoch: epoch, framing: framing)
  var output: [UInt8] = []
  body(&encoder, &output)
  return String(decoding: output, as: UTF8.self)
}

@Suite("The events of the contract")
struct EventEncoderTests {
  @Test("a change is the contract's own example")
  func example() {
    let (record, bytes) = change(.modify, Array("css/a.css".utf8), flags: .closed)
    let line = encoded {
      $0.appendChange(record, bytes: bytes, watch: "site-4f2a", id: 1042, into: &$1)
    }
    #expect(
      line
        == #"{"event":"change","id":"k3v9q-1042","watch":"site-4f2a","kind":"modify","path":"css/a.css","type":"file","time":"2026-11-20T09:00:00.123Z","closed":true}"#
        + "\n")
  }

  /// What follows `"kind":` of a change; the time, the same in all, is left out.
  private func members(_ change: (record: JournalRecord, bytes: [UInt8])) -> String {
    let line = encoded {
      $0.appendChange(change.record, bytes: change.bytes, watch: "w", id: nil, into: &$1)
    }
    let start = #"{"event":"change","watch":"w","kind":"#
    #expect(line.hasPrefix(start))
    let time = #","time":"2026-11-20T09:00:00.123Z""#
    let parts = line.dropFirst(start.count).dropLast(2).split(
      separator: time, omittingEmptySubsequences: false)
    #expect(parts.count == 2)
    return parts.joined()
  }

  @Test("a field is there when the contract says so, and only then")
  func presence() {
    let a = Array("a".utf8)
    let b = Array("b".utf8)
    let every: ChangeFlags = [.closed, .replaced, .exchange, .moved, .written]
    #expect(members(change(.create, a)) == #""create","path":"a","type":"file""#)
    #expect(members(change(.create, a, type: .unknown)) == #""create","path":"a""#)
    #expect(
      members(change(.create, [], type: .directory)) == #""create","path":"","type":"directory""#)
    #expect(
      members(change(.create, a, type: .symlink, flags: every))
        == #""create","path":"a","type":"symlink","moved":true,"closed":true"#)
    #expect(
      members(change(.modify, a, type: .other, flags: every))
        == #""modify","path":"a","type":"other","replaced":true,"closed":true"#)
    #expect(members(change(.attrib, a, flags: every)) == #""attrib","path":"a","type":"file""#)
    #expect(
      members(change(.delete, a, from: b, flags: every))
        == #""delete","path":"a","type":"file","moved":true"#)
    #expect(members(change(.move, a, from: b)) == #""move","path":"a","from":"b","type":"file""#)
    #expect(
      members(change(.move, a, from: b, flags: every))
        == #""move","path":"a","from":"b","type":"file","exchange":true,"replaced":true"#)
    #expect(members(change(.open, a, flags: every)) == #""open","path":"a","type":"file""#)
    #expect(members(change(.access, a, flags: every)) == #""access","path":"a","type":"file""#)
    #expect(
      members(change(.close, a, flags: .written))
        == #""close","path":"a","type":"file","written":true"#)
    #expect(members(change(.close, a)) == #""close","path":"a","type":"file","written":false"#)
    #expect(
      members(change(.modify, a, count: 2)) == #""modify","path":"a","type":"file","count":2"#)
    #expect(
      members(change(.modify, a, flags: .rescan))
        == #""modify","path":"a","type":"file","cause":"rescan""#)
    #expect(
      members(change(.modify, a, flags: .indexed, size: 7, mtime: 5_000_000))
        == #""modify","path":"a","type":"file","size":7,"mtime":"1970-01-01T00:00:00.005Z""#)
    #expect(members(change(.modify, a, size: 7, mtime: 5)) == #""modify","path":"a","type":"file""#)
  }

  @Test(
    "a name arrives exactly, whatever it holds",
    arguments: [
      (Array("say \"hi\"\\".utf8), #""path":"say \"hi\"\\""#),
      (Array("two\nlines\r".utf8), #""path":"two\nlines\r""#),
      (Array("a\u{2028}b".utf8), #""path":"a\u2028b""#),
      (Array("data: x\n\nevent: y".utf8), #""path":"data: x\n\nevent: y""#),
      ([0x63, 0x61, 0x66, 0xE9], "\"path\":\"caf\u{FFFD}\",\"pathBytes\":\"Y2Fm6Q==\""),
      (Array("caf\u{FFFD}".utf8), "\"path\":\"caf\u{FFFD}\""),
      (
        Array(repeating: 0x78, count: 255),
        "\"path\":\"" + String(repeating: "x", count: 255) + "\""
      ),
    ] as [([UInt8], String)])
  func names(path: [UInt8], written: String) {
    #expect(members(change(.delete, path)) == "\"delete\",\(written),\"type\":\"file\"")
    let asFrom = written.replacing("\"path", with: "\"from")
    #expect(
      members(change(.move, [0x62], from: path))
        == "\"move\",\"path\":\"b\",\(asFrom),\"type\":\"file\"")
  }

  @Test("an entry has no id, no kind and none of what only a change has")
  func entry() {
    var (record, bytes) = change(
      .create, Array("a".utf8), flags: [.indexed, .closed, .moved, .rescan], count: 9, size: 3,
      mtime: 0)
    record.time = 0
    let line = encoded { $0.appendEntry(record, bytes: bytes, watch: "w", into: &$1) }
    #expect(
      line
        == #"{"event":"entry","watch":"w","path":"a","type":"file","size":3,"mtime":"1970-01-01T00:00:00.000Z"}"#
        + "\n")
  }

  @Test("the other events have the members of section 4")
  func others() {
    #expect(
      encoded {
        $0.appendHello(
          id: Cursor(epoch: Epoch(text: "old"), sequence: 7), epoch: epoch, oldest: 12,
          resumed: false,
          heartbeatSeconds: 15, server: "tidings/1", retryMilliseconds: 2_380, into: &$1)
      }
        == #"{"event":"hello","id":"old-7","epoch":"k3v9q","oldest":"k3v9q-12","resumed":false,"heartbeat":"15s","server":"tidings/1"}"#
        + "\n")
    #expect(
      encoded { $0.appendSynced(id: 3, into: &$1) } == #"{"event":"synced","id":"k3v9q-3"}"# + "\n")
    #expect(
      encoded { $0.appendBookmark(id: 3, into: &$1) } == #"{"event":"bookmark","id":"k3v9q-3"}"#
        + "\n")
    #expect(
      encoded {
        $0.appendReset(
          id: 9, reason: .kernelOverflow,
          scope: [ResetScope(watch: "w", path: []), ResetScope(watch: "v", path: [0x61, 0xFF])],
          lostAfter: Cursor(epoch: epoch, sequence: 4), oldest: 2, into: &$1)
      }
        == "{\"event\":\"reset\",\"id\":\"k3v9q-9\",\"reason\":\"kernel-overflow\",\"scope\":[{\"watch\":\"w\",\"path\":\"\"},{\"watch\":\"v\",\"path\":\"a\u{FFFD}\",\"pathBytes\":\"Yf8=\"}],\"lostAfter\":\"k3v9q-4\",\"oldest\":\"k3v9q-2\"}\n"
    )
    #expect(
      encoded { $0.appendWatch("w", state: .removed, id: 5, into: &$1) }
        == #"{"event":"watch","id":"k3v9q-5","watch":"w","state":"removed"}"# + "\n")
    #expect(
      encoded {
        $0.appendBye(id: 5, reason: "shutdown", reconnectAfterMilliseconds: 4_200, into: &$1)
      }
        == #"{"event":"bye","id":"k3v9q-5","reason":"shutdown","reconnectAfter":4200}"# + "\n")
    #expect(
      encoded { $0.appendBye(id: nil, reason: "slow", reconnectAfterMilliseconds: nil, into: &$1) }
        == #"{"event":"bye","reason":"slow"}"# + "\n")
  }
}

@Suite("A framing")
struct StreamFramingTests {
  @Test("of server-sent events carries the name, the cursor and the object")
  func sse() {
    #expect(
      encoded(.sse) { $0.appendSynced(id: 3, into: &$1) }
        == "event: synced\nid: k3v9q-3\ndata: {\"event\":\"synced\",\"id\":\"k3v9q-3\"}\n\n")
    #expect(
      encoded(.sse) { $0.appendWatch("w", state: .live, id: nil, into: &$1) }
        == "event: watch\ndata: {\"event\":\"watch\",\"watch\":\"w\",\"state\":\"live\"}\n\n")
    #expect(
      encoded(.sseMessages) { $0.appendBookmark(id: 3, into: &$1) }
        == "id: k3v9q-3\ndata: {\"event\":\"bookmark\",\"id\":\"k3v9q-3\"}\n\n")
  }

  @Test("says when to retry with hello, in one block, in server-sent events alone")
  func retry() {
    for (framing, start) in [
      (.sse, "retry: 1500\nevent: hello\nid: k3v9q-1\ndata: {"),
      (.sseMessages, "retry: 1500\nid: k3v9q-1\ndata: {"), (.ndjson, "{"),
    ] as [(StreamFraming, String)] {
      let hello = encoded(framing) {
        $0.appendHello(
          id: Cursor(epoch: epoch, sequence: 1), epoch: epoch, oldest: 0, resumed: true,
          heartbeatSeconds: 15, server: "t", retryMilliseconds: 1_500, into: &$1)
      }
      #expect(hello.hasPrefix(start))
    }
  }

  @Test(
    "of WebSocket is one unmasked text frame, its length in the shortest form",
    arguments: [
      (2, [0x81, 0x7D]), (3, [0x81, 0x7E, 0x00, 0x7E]), (65_412, [0x81, 0x7E, 0xFF, 0xFF]),
      (65_413, [0x81, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] as [(Int, [UInt8])])
  func webSocket(reasonLength: Int, header: [UInt8]) {
    // The object without its reason is 123 bytes.
    let reason = String(repeating: "r", count: reasonLength)
    var encoder = EventEncoder(
      epoch: epoch, framing: .webSocket(ref: String(repeating: "f", count: 72)))
    var output: [UInt8] = [0xAA]
    encoder.appendBye(id: 1, reason: reason, reconnectAfterMilliseconds: nil, into: &output)
    #expect(Array(output[1...].prefix(header.count)) == header)
    let payload = String(decoding: output[(1 + header.count)...], as: UTF8.self)
    #expect(payload.utf8.count == 123 + reasonLength)
    #expect(payload.hasPrefix(#"{"event":"bye","ref":"fff"#))
    #expect(payload.hasSuffix("\",\"id\":\"k3v9q-1\",\"reason\":\"\(reason)\"}"))
  }

  @Test("without a ref says none")
  func noReference() {
    let frame = encoded(.webSocket(ref: nil)) { $0.appendSynced(id: 3, into: &$1) }
    #expect(frame.hasSuffix(#"{"event":"synced","id":"k3v9q-3"}"#))
  }

  @Test("keeps a quiet stream alive in its own way")
  func heartbeats() {
    let expected: [(StreamFraming, [UInt8])] = [
      (.sse, [0x3A, 0x0A, 0x0A]), (.sseMessages, [0x3A, 0x0A, 0x0A]), (.ndjson, [0x0A]),
      (.webSocket(ref: "a"), [0x89, 0x00]),
    ]
    for (framing, bytes) in expected {
      var output: [UInt8] = []
      framing.appendHeartbeat(into: &output)
      #expect(output == bytes)
    }
  }
}

@Suite("The journal as bare objects")
struct ChangeEncoderTests {
  @Test("has a change, a reset or a watch for each record")
  func records() {
    let (modify, bytes) = change(.modify, Array("a".utf8))
    var reset = JournalRecord(subject: .reset, watch: 1, time: 0)
    reset.reason = .unwatchable
    (reset.pathStart, reset.pathEnd) = (2, 3)
    var watch = JournalRecord(subject: .watch, watch: 1, time: 0)
    watch.state = .live
    let batch = ChangeBatch(first: 5, oldest: 2, records: [modify, reset, watch], bytes: bytes)
    var encoder = ChangeEncoder()
    let objects = batch.records.enumerated().map { index, record in
      var output: [UInt8] = []
      encoder.appendJSON(
        record, in: batch, sequence: batch.first + UInt64(index), epoch: epoch, watchID: "w",
        into: &output)
      return String(decoding: output, as: UTF8.self)
    }
    #expect(
      objects == [
        #"{"event":"change","id":"k3v9q-5","watch":"w","kind":"modify","path":"a","type":"file","time":"2026-11-20T09:00:00.123Z"}"#,
        #"{"event":"reset","id":"k3v9q-6","reason":"unwatchable","scope":[{"watch":"w","path":"a"}],"lostAfter":"k3v9q-5","oldest":"k3v9q-1"}"#,
        #"{"event":"watch","id":"k3v9q-7","watch":"w","state":"live"}"#,
      ])
  }
}
