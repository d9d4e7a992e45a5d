import HTTP2
import HTTPTypes
import Testing

struct HTTP2SessionTests {
  /// Says what it is given, and how often it was asked.
  private final class Source: HTTP2ContentSource {
    var left: [Int32: Int] = [:]
    var isLast = true
    var asked: [Int32: Int] = [:]

    func content(
      of stream: Int32, into bytes: inout [UInt8], limit: Int
    ) -> HTTP2Session.Content {
      asked[stream, default: 0] += 1
      let count = min(limit, left[stream] ?? 0)
      bytes.append(contentsOf: repeatElement(UInt8(ascii: "x"), count: count))
      left[stream]? -= count
      return isLast && left[stream] == 0 ? .last : .part
    }
  }

  private static func receive(_ bytes: [UInt8], _ session: HTTP2Session) {
    bytes.withUnsafeBytes { session.receive($0, now: 0) }
  }

  private static func sent(_ session: HTTP2Session, limit: Int = 1 << 20) -> [ServerFrame] {
    var bytes: [UInt8] = []
    _ = session.send(into: &bytes, limit: limit)
    return ServerFrame.all(in: bytes)
  }

  @Test("a request is the same however its bytes were cut", arguments: [1, 2, 7, 1_000])
  func cuts(size: Int) {
    let session = HTTP2Session()
    let bytes =
      ClientFrames.opening()
      + ClientFrames.head(
        stream: 1,
        [
          (":method", "POST"), (":scheme", "http"), (":authority", "localhost:8080"),
          (":path", "/a?b=c"), ("x-one", "1"), ("x-one", "2"),
        ], ends: false) + ClientFrames.frame(0, flags: 1, stream: 1, Array("content".utf8))
    var content: [UInt8] = []
    var ended = false
    var requests: [HTTPRequest] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      Self.receive(Array(bytes[start..<min(bytes.count, start + size)]), session)
      for event in session.takeEvents() {
        switch event {
        case .request(1, let request, hasContent: true): requests.append(request)
        case .content(1, let piece): content += piece
        case .ended(1): ended = true
        default: Issue.record("\(event)")
        }
      }
    }
    #expect(requests.count == 1)
    #expect(requests.first?.method == .post)
    #expect(requests.first?.authority == "localhost:8080")
    #expect(requests.first?.path == "/a?b=c")
    #expect(requests.first?.headerFields[values: HTTPField.Name("x-one")!] == ["1", "2"])
    #expect(content == Array("content".utf8) && ended)
  }

  @Test("a stream with nothing to say is asked again only when it is resumed")
  func deferral() {
    let session = HTTP2Session()
    let source = Source()
    source.isLast = false
    session.source = source
    Self.receive(ClientFrames.opening() + ClientFrames.get(stream: 1), session)
    session.respond(1, 200, [:], hasContent: true)
    _ = Self.sent(session)
    #expect(source.asked[1] == 1)
    source.left[1] = 5
    #expect(Self.sent(session).isEmpty && source.asked[1] == 1)
    session.resume(1)
    let frames = Self.sent(session).filter { $0.type == 0 }
    #expect(frames.map(\.payload) == [Array("xxxxx".utf8)])
    #expect(frames.allSatisfy { !$0.endsStream })
  }

  @Test("a stream whose window is closed is not asked, and its sibling is")
  func windows() {
    let session = HTTP2Session()
    let source = Source()
    source.left = [1: 100, 3: 100]
    session.source = source
    Self.receive(
      ClientFrames.opening(window: 10) + ClientFrames.get(stream: 1) + ClientFrames.get(stream: 3)
        + ClientFrames.windowUpdate(stream: 3, by: 1_000), session)
    for stream: Int32 in [1, 3] { session.respond(stream, 200, [:], hasContent: true) }
    let frames = Self.sent(session).filter { $0.type == 0 }
    #expect(frames.filter { $0.stream == 1 }.map(\.payload.count) == [10])
    #expect(frames.last { $0.stream == 3 }?.endsStream == true)
    let asked = source.asked[1]
    #expect(Self.sent(session).isEmpty && source.asked[1] == asked)
    Self.receive(ClientFrames.windowUpdate(stream: 1, by: 1_000), session)
    let rest = Self.sent(session).filter { $0.type == 0 }
    #expect(rest.map(\.payload.count) == [90] && rest.last?.endsStream == true)
  }

  @Test("streams with much to say take turns, and no more is made than is taken")
  func fairness() {
    let session = HTTP2Session()
    let source = Source()
    source.left = [1: 10 << 20, 3: 10 << 20, 5: 10 << 20]
    session.source = source
    var opening = ClientFrames.opening(window: 1 << 30)
    opening += ClientFrames.windowUpdate(stream: 0, by: 1 << 30)
    Self.receive(opening + [1, 3, 5].flatMap { ClientFrames.get(stream: $0) }, session)
    for stream: Int32 in [1, 3, 5] { session.respond(stream, 200, [:], hasContent: true) }
    var said: [Int32: Int] = [:]
    for _ in 0..<30 {
      var bytes: [UInt8] = []
      #expect(session.send(into: &bytes, limit: 64 << 10))
      #expect(bytes.count <= (64 << 10) + (16 << 10) + 200)
      for frame in ServerFrame.all(in: bytes) where frame.type == 0 {
        said[frame.stream, default: 0] += frame.payload.count
      }
    }
    let counts = said.values.sorted()
    #expect(counts.count == 3 && counts[2] - counts[0] <= 2 * (16 << 10), "\(said)")
  }

  @Test("content that cannot be had resets its stream alone")
  func failure() {
    final class Broken: HTTP2ContentSource {
      func content(
        of stream: Int32, into bytes: inout [UInt8], limit: Int
      ) -> HTTP2Session.Content {
        bytes += Array("half".utf8)
        return .failed
      }
    }
    let session = HTTP2Session()
    let source = Broken()
    session.source = source
    Self.receive(ClientFrames.opening() + ClientFrames.get(stream: 1), session)
    session.respond(1, 200, [:], hasContent: true)
    let frames = Self.sent(session)
    #expect(frames.filter { $0.type == 3 }.map(\.payload) == [[0, 0, 0, 2]])
    #expect(!frames.contains { $0.type == 0 || $0.type == 7 })
    #expect(session.failure == nil)
  }

  @Test("fields of a connection of HTTP/1.1 are left out of an answer")
  func connectionFields() {
    let fields: HTTPFields = [.connection: "close", .upgrade: "x", .transferEncoding: "chunked"]
    func answer(_ fields: HTTPFields) -> [ServerFrame] {
      let session = HTTP2Session()
      Self.receive(ClientFrames.opening() + ClientFrames.get(stream: 1), session)
      session.respond(1, 204, fields, hasContent: false)
      return Self.sent(session)
    }
    #expect(answer(fields) == answer([:]))
  }

  @Test("fields that were put down before are sent as they would be now")
  func preparedFields() {
    let (own, common): (HTTPFields, HTTPFields) = ([.eTag: "\"a\""], [.age: "1"])
    func answer(_ respond: (HTTP2Session) -> Void) -> [ServerFrame] {
      let session = HTTP2Session()
      Self.receive(ClientFrames.opening() + ClientFrames.get(stream: 1), session)
      respond(session)
      return Self.sent(session)
    }
    let prepared = answer {
      $0.respond(
        1, 200, FieldBlock(own), common: FieldBlock(common), length: 7, hasContent: false)
    }
    let fields: HTTPFields = [.contentLength: "7", .eTag: "\"a\"", .age: "1"]
    #expect(prepared == answer { $0.respond(1, 200, fields, hasContent: false) })
  }

  @Test(
    "HEADERS on a stream that was passed over end the connection, on one that was open they do not",
    arguments: [([5, 3], true), ([1, 3, 5, 3], false), ([1, 7, 9, 5], true), ([3, 1], true)])
  func passedOver(streams: [Int32], ends: Bool) {
    let session = HTTP2Session()
    Self.receive(ClientFrames.opening(), session)
    for stream in streams { Self.receive(ClientFrames.get(stream: stream), session) }
    #expect((session.failure == .protocolError) == ends)
  }

  @Test("the library in use is new enough, and says which it is")
  func library() {
    #expect(HTTP2Library.isSupported)
    #expect(HTTP2Library.version.split(separator: ".").count >= 3)
  }
}
