internal import CNghttp2
internal import HTTPTypes

/// What libnghttp2 tells while it reads and writes. Each callback finds its session and calls one
/// method of it; a method that answers false ends the connection with `violation`.
extension HTTP2Session {
  static func setCallbacks(_ callbacks: OpaquePointer?) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, frame, user in
      answer(session(of: user).frameBegan(frame!.pointee))
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, user in
      session(of: user).headBegan(frame!.pointee)
      return 0
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, _, name, nameLength, value, valueLength, _, user in
      answer(
        session(of: user).fieldCame(
          UnsafeRawBufferPointer(start: name, count: nameLength),
          UnsafeRawBufferPointer(start: value, count: valueLength)))
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
      answer(session(of: user).frameCame(frame!.pointee))
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
      _, _, stream, data, count, user in
      session(of: user).contentCame(stream, UnsafeBufferPointer(start: data, count: count))
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, user in
      session(of: user).frameLeft(frame!.pointee)
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, code, user in
      session(of: user).events.append(.closed(stream: stream, HTTP2ErrorCode(rawValue: code)))
      return 0
    }
    nghttp2_session_callbacks_set_send_data_callback(callbacks) {
      _, _, frameHeader, _, _, user in
      session(of: user).closeFrame(frameHeader!)
    }
  }

  // MARK: Reading

  private func violate(_ code: HTTP2ErrorCode, _ detail: String) -> Bool {
    violation = Violation(code: code, detail: detail)
    return false
  }

  private func frameBegan(_ frame: nghttp2_frame_hd) -> Bool {
    if let flood = floods.began(frame.type, now: now) {
      return violate(.enhanceYourCalm, "too many frames of \(flood)")
    }
    // RFC 9113 §5.1.1: a stream that was passed over is closed. libnghttp2 takes it for one that was
    // open, and lets it pass. Even numbers are its own to refuse.
    if frame.type == FloodGuard.FrameType.headers, frame.stream_id % 2 == 1,
      !skipped.mayBegin(frame.stream_id)
    {
      return violate(.protocolError, "HEADERS on stream \(frame.stream_id), which was passed over")
    }
    return true
  }

  private func headBegan(_ frame: nghttp2_frame) {
    head = HeadReader(
      stream: frame.hd.stream_id, isTrailers: frame.headers.cat != NGHTTP2_HCAT_REQUEST)
  }

  private func fieldCame(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
    guard head?.take(name, value, limits) != false else {
      return violate(.enhanceYourCalm, "a head of more than \(limits.headBeyondAnswer) bytes")
    }
    return true
  }

  private func contentCame(_ stream: Int32, _ content: UnsafeBufferPointer<UInt8>) {
    arrived += content.count
    events.append(.content(stream: stream, Array(content)))
  }

  private func frameCame(_ frame: nghttp2_frame) -> Bool {
    let ends = frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch frame.hd.type {
    case FloodGuard.FrameType.headers: headCame(ends)
    case FloodGuard.FrameType.data:
      if ends {
        events.append(.ended(stream: frame.hd.stream_id))
      } else if frame.hd.length <= frame.data.padlen, !floods.cameEmpty(now: now) {
        return violate(.enhanceYourCalm, "too many frames of DATA without content")
      }
    case FloodGuard.FrameType.settings:
      let isAnswer = frame.hd.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
      if isAnswer { isAcknowledged = true } else { isHeard = true }
    default: break
    }
    return true
  }

  private func headCame(_ ends: Bool) {
    guard let head else { return }
    self.head = nil
    if head.isTrailers {
      if ends { events.append(.ended(stream: head.stream)) }
      return
    }
    _ = makeFair(head.stream)
    do throws(HTTP2Refusal) {
      events.append(.request(stream: head.stream, try head.request(), hasContent: !ends))
    } catch {
      events.append(.refused(stream: head.stream, error))
    }
  }

  // MARK: Writing

  private func frameLeft(_ frame: nghttp2_frame) {
    switch frame.hd.type {
    case FloodGuard.FrameType.data: floods.sentData()
    case FloodGuard.FrameType.reset:
      let code = HTTP2ErrorCode(rawValue: frame.rst_stream.error_code)
      if code != .noError, !floods.provokedReset(now: now) {
        fail(.enhanceYourCalm, "too many streams had to be reset")
      }
    case FloodGuard.FrameType.goAway:
      let code = HTTP2ErrorCode(rawValue: frame.goaway.error_code)
      if failure == nil, code != .noError { failure = code }
    default: break
    }
  }

  private static let frameHeaderLength = 9

  /// Lets the source write straight behind the room for the frame's header: content is copied once,
  /// from where it is encoded to where it is sent from.
  static let readContent: nghttp2_data_source_read_callback = {
    _, stream, _, limit, flags, _, user in
    session(of: user).fillFrame(stream, limit, flags!)
  }

  private func fillFrame(
    _ stream: Int32, _ limit: Int, _ flags: UnsafeMutablePointer<UInt32>
  ) -> Int {
    dropOpenFrame()
    let start = outgoing.count
    outgoing.append(contentsOf: repeatElement(0, count: Self.frameHeaderLength))
    let content = source?.content(of: stream, into: &outgoing, limit: limit) ?? .failed
    let count = outgoing.count - start - Self.frameHeaderLength
    precondition(count <= limit, "a source said more than was asked for")
    openFrame = start
    switch content {
    case .failed:
      dropOpenFrame()
      return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    case .part where count == 0:
      dropOpenFrame()
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    case .part: flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
    case .last:
      flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue | NGHTTP2_DATA_FLAG_EOF.rawValue
    }
    return count
  }

  private func closeFrame(_ header: UnsafePointer<UInt8>) -> Int32 {
    for offset in 0..<Self.frameHeaderLength { outgoing[openFrame + offset] = header[offset] }
    openFrame = -1
    isPaused = outgoing.count >= outgoingEnd
    return isPaused ? NGHTTP2_ERR_PAUSE.rawValue : 0
  }

  /// Takes back a frame that the library did not want after all.
  func dropOpenFrame() {
    guard openFrame >= 0 else { return }
    outgoing.removeSubrange(openFrame...)
    openFrame = -1
  }
}

private func session(of user: UnsafeMutableRawPointer?) -> HTTP2Session {
  Unmanaged<HTTP2Session>.fromOpaque(user!).takeUnretainedValue()
}

private func answer(_ goesOn: Bool) -> Int32 {
  goesOn ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
}
