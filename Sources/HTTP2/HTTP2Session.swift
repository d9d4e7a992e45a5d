internal import CNghttp2
package import HTTPTypes

/// Gives a session what its streams say, when there is room for it.
package protocol HTTP2ContentSource: AnyObject {
  /// Appends at most `limit` bytes of what `stream` has to say. Must not call the session.
  func content(of stream: Int32, into bytes: inout [UInt8], limit: Int) -> HTTP2Session.Content
}

/// The server's end of one HTTP/2 connection (RFC 9113), from libnghttp2, without I/O: bytes in,
/// events and bytes out. Confined to whoever made it. Frames are made only in `send`, so that nothing
/// is kept for a peer that does not read; a stream whose window is closed is not asked for content.
///
///     session.receive(bytes, now: now)
///     for event in session.takeEvents() { … }
///     let hasMore = session.send(into: &bytes, limit: 64 * 1024)
package final class HTTP2Session {
  package enum Event: Sendable {
    /// A request; `hasContent`: `content` and `ended` follow.
    case request(stream: Int32, HTTPRequest, hasContent: Bool)
    /// A request that must be answered with this; nothing else comes of it.
    case refused(stream: Int32, HTTP2Refusal)
    /// Content of a request, never empty. Its window opens again by `consume`.
    case content(stream: Int32, [UInt8])
    /// The client has said all on this stream.
    case ended(stream: Int32)
    /// The stream is gone, for whatever reason.
    case closed(stream: Int32, HTTP2ErrorCode)
  }

  /// What a source had to say.
  package enum Content: Sendable {
    /// What was appended, and perhaps more. Nothing appended: it is asked again after `resume`.
    case part
    /// What was appended, or nothing, is the last.
    case last
    /// What was promised cannot be had: the stream is reset.
    case failed
  }

  let limits: HTTP2Limits
  /// The C object; set by `init` for good.
  private var session: OpaquePointer!
  /// Owns the session, or outlives it. Not weak: that would make every retain of it slow.
  package unowned var source: (any HTTP2ContentSource)?

  var events: [Event] = []
  var head: HeadReader?
  var floods: FloodGuard
  var skipped = SkippedStreams()
  var now: Int64 = 0
  var violation: Violation?
  /// Content that came in this `receive`, in bytes.
  var arrived = 0
  /// What `send` makes; the caller's array while it runs.
  var outgoing: [UInt8] = []
  var outgoingEnd = 0
  /// Where the DATA frame begins that has been filled and not been closed; -1: none.
  var openFrame = -1
  var isPaused = false
  /// With which code the connection ends, once GOAWAY with an error has been made.
  package internal(set) var failure: HTTP2ErrorCode?
  /// What of the peer's made it end.
  package private(set) var failureDetail: String?
  /// Whether the peer has told its settings.
  package internal(set) var isHeard = false
  /// Whether the peer has taken note of ours.
  package internal(set) var isAcknowledged = false

  struct Violation {
    var code: HTTP2ErrorCode
    var detail: String
  }

  /// Says our settings, once `send` is called.
  package init(limits: HTTP2Limits = .standard) {
    self.limits = limits
    floods = FloodGuard(limits)
    session = makeSession()
    let settings = [
      nghttp2_settings_entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams),
      nghttp2_settings_entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.head),
      nghttp2_settings_entry(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1),  // RFC 8441 §3
      nghttp2_settings_entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),  // RFC 9218 §2.1
    ]
    check(nghttp2_submit_settings(session, 0, settings, settings.count))
  }

  deinit { nghttp2_session_del(session) }

  /// Begins with the request of HTTP/1.1 that asked for it, as stream 1. False when the settings are
  /// no good. The C function is `nghttp2_session_upgrade2`.
  package func upgrade(_ settings: UpgradeSettings, isHead: Bool) -> Bool {
    guard skipped.mayBegin(1) else { return false }
    return nghttp2_session_upgrade2(
      session, settings.payload, settings.payload.count, isHead ? 1 : 0, nil) == 0
      && makeFair(1)
  }

  // MARK: Bytes

  /// Takes what the peer sent. `now` in monotonic nanoseconds. The C function is
  /// `nghttp2_session_mem_recv`.
  package func receive(_ bytes: UnsafeRawBufferPointer, now: Int64) {
    guard failure == nil, violation == nil else { return }
    self.now = now
    let taken = nghttp2_session_mem_recv(
      session, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
    if arrived > 0 { check(nghttp2_session_consume_connection(session, arrived)) }
    arrived = 0
    if let violation {
      fail(violation.code, violation.detail)
    } else if taken < 0 {
      // A wrong preface, or else a limit of the library's own, of which some releases have more.
      let isPreface = taken == Int(NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue)
      fail(
        isPreface ? .protocolError : .enhanceYourCalm,
        String(cString: nghttp2_strerror(Int32(taken))))
    }
  }

  /// What has come of it, in order.
  package func takeEvents() -> [Event] {
    guard !events.isEmpty else { return [] }
    let taken = events
    events = []
    return taken
  }

  /// Appends frames until `bytes` has grown by about `limit`; true when there are more. The C function
  /// is `nghttp2_session_mem_send`.
  package func send(into bytes: inout [UInt8], limit: Int) -> Bool {
    swap(&bytes, &outgoing)
    defer { swap(&bytes, &outgoing) }
    outgoingEnd = outgoing.count + limit
    isPaused = false
    while outgoing.count < outgoingEnd, !isPaused {
      var made: UnsafePointer<UInt8>?
      let count = nghttp2_session_mem_send(session, &made)
      dropOpenFrame()
      if count < 0 {
        fail(.internalError, String(cString: nghttp2_strerror(Int32(count))))
        break
      }
      if count == 0 { break }
      outgoing.append(contentsOf: UnsafeBufferPointer(start: made, count: count))
    }
    return outgoing.count >= outgoingEnd && nghttp2_session_want_write(session) != 0
  }

  /// Frames that wait to be made, those of content aside.
  package var queuedFrames: Int { nghttp2_session_get_outbound_queue_size(session) }

  /// Whether neither side has anything to say any more.
  package var isOver: Bool {
    nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
  }

  /// Whether a head has begun and not ended: nothing else can come until it has.
  package var isMidHead: Bool { head != nil }

  // MARK: Streams

  /// Answers a stream; without content that is all. Fields of a connection are left out (RFC 9113
  /// §8.2.2). An answer to a stream that has gone is nothing.
  package func respond(_ stream: Int32, _ status: Int, _ fields: HTTPFields, hasContent: Bool) {
    respond(
      stream, status, FieldBlock(fields), common: FieldBlock(), length: nil, hasContent: hasContent)
  }

  /// The same with fields put down before. `length` is said where it is known.
  package func respond(
    _ stream: Int32, _ status: Int, _ fields: FieldBlock, common: FieldBlock, length: Int?,
    hasContent: Bool
  ) {
    var provider = nghttp2_data_provider()
    provider.read_callback = Self.readContent
    let own = FieldBlock(status: status, contentLength: length)
    FieldBlock.withFields(own, fields, common) { fields in
      let made = withUnsafePointer(to: provider) {
        nghttp2_submit_response(
          session, stream, fields.baseAddress, fields.count, hasContent ? $0 : nil)
      }
      check(made)
    }
  }

  /// Tells a client that waits for it to send its content (RFC 9110 §15.2.1).
  package func sayContinue(_ stream: Int32) {
    let own = FieldBlock(status: 100, contentLength: nil)
    FieldBlock.withFields(own, FieldBlock(), FieldBlock()) { fields in
      check(
        nghttp2_submit_headers(
          session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, nil, fields.baseAddress,
          fields.count, nil))
    }
  }

  /// There is something to say on a stream that had nothing.
  package func resume(_ stream: Int32) { _ = nghttp2_session_resume_data(session, stream) }

  /// Ends a stream at once.
  package func reset(_ stream: Int32, _ code: HTTP2ErrorCode) {
    check(nghttp2_submit_rst_stream(session, 0, stream, code.rawValue))
  }

  /// Whether the client has said all on a stream, or the stream is gone.
  package func hasEnded(_ stream: Int32) -> Bool {
    nghttp2_session_get_stream_remote_close(session, stream) != 0
  }

  /// So many bytes of content have been dealt with: the client may send as many again on this stream.
  /// The connection's window opens by itself, so that no stream holds up its siblings.
  package func consume(_ stream: Int32, _ count: Int) {
    check(nghttp2_session_consume_stream(session, stream, count))
  }

  /// Takes no more streams; those that are open go on (RFC 9113 §6.8).
  package func leave() {
    let last = nghttp2_session_get_last_proc_stream_id(session)
    check(nghttp2_submit_goaway(session, 0, last, NGHTTP2_NO_ERROR.rawValue, nil, 0))
  }

  /// Ends the connection: GOAWAY, and nothing after it.
  package func fail(_ code: HTTP2ErrorCode, _ detail: String) {
    guard failure == nil else { return }
    failure = code
    failureDetail = detail
    check(nghttp2_session_terminate_session(session, code.rawValue))
  }

  // MARK: Inside

  private func makeSession() -> OpaquePointer {
    var callbacks: OpaquePointer?
    var option: OpaquePointer?
    var made: OpaquePointer?
    check(nghttp2_session_callbacks_new(&callbacks))
    check(nghttp2_option_new(&option))
    Self.setCallbacks(callbacks)
    // Content is consumed when it has been dealt with, not when it has come.
    nghttp2_option_set_no_auto_window_update(option, 1)
    let user = Unmanaged.passUnretained(self).toOpaque()
    check(nghttp2_session_server_new2(&made, callbacks, user, option))
    nghttp2_session_callbacks_del(callbacks)
    nghttp2_option_del(option)
    return made!
  }

  /// All streams in turn, whatever the client says of their importance (RFC 9218 §4.2: incremental).
  func makeFair(_ stream: Int32) -> Bool {
    var priority = nghttp2_extpri(urgency: 3, inc: 1)
    return nghttp2_session_change_extpri_stream_priority(session, stream, &priority, 1) == 0
  }

  /// What the library refuses is a stream or a connection that has gone, and nothing is lost then;
  /// but without memory nothing goes on.
  private func check(_ outcome: Int32) {
    precondition(outcome != NGHTTP2_ERR_NOMEM.rawValue, "libnghttp2 has no memory")
  }
}

extension nghttp2_settings_entry {
  fileprivate init(_ id: nghttp2_settings_id, _ value: Int) {
    self.init(settings_id: Int32(id.rawValue), value: UInt32(value))
  }
}
