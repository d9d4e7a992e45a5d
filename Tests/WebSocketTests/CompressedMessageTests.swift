import Compression
import HTTPTypes
import Testing
import WebSocket

/// permessage-deflate (RFC 7692).
struct CompressedMessageTests {
  private static func deflated(_ text: [UInt8]) -> [UInt8] {
    MessageDeflater(MessageCompression()).payload(of: text)
  }

  private static func said(
    _ bytes: [UInt8], limits: WebSocketParser.Limits = .standard
  ) -> [String] {
    let whole = transcript(bytes, limits: limits, compression: MessageCompression())
    let drip = transcript(
      bytes, cuts: Array(1..<bytes.count), limits: limits, compression: MessageCompression())
    #expect(whole == drip)
    return whole
  }

  @Test(
    "the messages of RFC 7692 §7.2.3 are read",
    arguments: [
      [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
      // A block without compression.
      [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
      // A last block inside a message.
      [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
      // Two blocks.
      [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
    ] as [[UInt8]])
  func examples(_ payload: [UInt8]) {
    #expect(Self.said(frame(first: 0xC1, payload)) == ["text Hello"])
    for cut in 0...payload.count {
      let fragments =
        frame(first: 0x41, Array(payload[..<cut])) + ping("")
        + frame(first: 0x80, Array(payload[cut...]))
      #expect(Self.said(fragments) == ["ping ", "text Hello"])
    }
  }

  @Test("compressed and plain messages follow each other")
  func mixed() {
    let bytes =
      frame(first: 0xC1, Self.deflated(Array("a".utf8))) + text("b")
      + frame(first: 0xC2, Self.deflated([])) + frame(first: 0xC1, [0])
    #expect(Self.said(bytes) == ["text a", "text b", "binary ", "text "])
  }

  @Test("the bit that says so stands at the first frame of a message, and where it was agreed on")
  func reservedBits() {
    let refused = ["! 1002 a reserved bit is set"]
    let hello = frame(first: 0xC1, Self.deflated(Array("Hello".utf8)))
    #expect(transcript(hello) == refused)
    #expect(Self.said(frame(first: 0xC9, [])) == refused)
    #expect(Self.said(frame(first: 0xA1, [])) == refused)
    #expect(Self.said(frame(first: 0x91, [])) == refused)
    #expect(Self.said(frame(first: 0x41, [0]) + frame(first: 0xC0, [0])) == refused)
  }

  @Test("a bomb ends the socket at the limit", arguments: [65_537, 10 << 20])
  func bomb(_ size: Int) {
    let bomb = frame(first: 0xC2, Self.deflated([UInt8](repeating: 0, count: size)))
    #expect(Self.said(bomb) == ["! 1009 a message has more than 65536 bytes"])
  }

  @Test("a message of the limit that does not shrink comes through")
  func incompressible() {
    var state: UInt64 = 1
    let noise: [UInt8] = (0..<(64 << 10)).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56)
    }
    let payload = Self.deflated(noise)
    #expect(payload.count > noise.count)
    #expect(transcript(frame(first: 0xC2, payload), compression: .init()) == ["binary (65536)"])
  }

  @Test("what deflate did not make is refused, and so is text that is not")
  func corrupt() {
    #expect(
      Self.said(frame(first: 0xC1, [0x06])) == ["! 1007 a message is not what deflate makes"])
    #expect(
      Self.said(frame(first: 0xC1, Self.deflated([0x61, 0xFF])))
        == ["! 1007 a text is not valid UTF-8"])
    #expect(
      Self.said(frame(first: 0xC1, Self.deflated([0xC3])))
        == ["! 1007 a text is not valid UTF-8"])
    // Found by fuzzing: which of two mistakes is told must not depend on how the bytes were cut.
    #expect(
      Self.said(frame(first: 0xC1, Self.deflated([0x61, 0xFF]) + [0, 0, 0xFF, 0xFF, 0x06]))
        == ["! 1007 a text is not valid UTF-8"])
  }

  @Test("a server that remembers says less the second time; one that forgets says the same")
  func takeover() {
    let text = Array("{\"event\":\"change\",\"path\":\"css/a.css\"}".utf8)
    let remembers = MessageDeflater(MessageCompression())
    let first = remembers.payload(of: text).count
    #expect(remembers.payload(of: text).count * 2 < first)
    var agreed = MessageCompression()
    agreed.serverForgets = true
    agreed.serverWindowBits = 9
    let forgets = MessageDeflater(agreed)
    #expect(forgets.payload(of: text) == forgets.payload(of: text))
    #expect(forgets.payload(of: []) == [0])
  }

  @Test(
    "frames are compressed one by one, in one window or each in its own", arguments: [false, true])
  func frames(_ forgets: Bool) throws {
    var agreed = MessageCompression()
    agreed.serverForgets = forgets
    agreed.serverWindowBits = 9
    let messages = [125, 126, 300, 70_000, 10].map { length in
      Array("{\"event\":\"change\",\"path\":\"css/a.css\"}".utf8).repeated(toBytes: length)
    }
    var plain = frame(first: 0x89, [], masked: false)
    let start = plain.count
    for message in messages { WebSocketFrame.append(.text, message, to: &plain) }
    var compressed: [UInt8] = []
    let deflater = Deflater(.raw(windowBits: 9))
    agreed.append(compressing: plain, from: start, by: deflater, to: &compressed)
    #expect(compressed.count * 10 < plain.count)

    var inflater = Inflater(.raw(windowBits: 9))
    var place = 0
    for message in messages {
      #expect(compressed[place] == 0xC1)
      let extent = WebSocketFrame.extent(in: compressed, at: place)
      let payload = compressed[extent.payload..<extent.end] + [0, 0, 0xFF, 0xFF]
      if forgets { inflater = Inflater(.raw(windowBits: 9)) }
      var read: [UInt8] = []
      _ = try inflater.decompress(Array(payload).span.bytes, into: &read, limit: 1 << 20)
      #expect(read == message)
      place = extent.end
    }
    #expect(place == compressed.count)
  }

  static let client = "permessage-deflate; client_no_context_takeover"

  @Test(
    "of what is offered, the first that can be kept to is taken",
    arguments: [
      ([], nil), (["x-webkit-deflate-frame"], nil),
      (["permessage-deflate"], client),
      (["permessage-deflate; client_max_window_bits"], client),
      (["permessage-deflate; client_max_window_bits=10"], client + "; client_max_window_bits=10"),
      (["permessage-deflate; client_max_window_bits=8"], client + "; client_max_window_bits=8"),
      (["permessage-deflate; server_no_context_takeover"], client + "; server_no_context_takeover"),
      (["permessage-deflate;client_no_context_takeover"], client),
      (
        ["permessage-deflate; server_max_window_bits=\"9\"; server_no_context_takeover"],
        client + "; server_no_context_takeover; server_max_window_bits=9"
      ),
      (["permessage-deflate; server_max_window_bits=15"], client),
      // zlib cannot; the next offer can be kept to.
      (["permessage-deflate; server_max_window_bits=8, permessage-deflate"], client),
      (["permessage-deflate; server_max_window_bits=8", "permessage-deflate"], client),
      (["permessage-deflate; server_max_window_bits=8"], nil),
      // Not as RFC 7692 §7.1 has them.
      (["permessage-deflate; server_max_window_bits"], nil),
      (["permessage-deflate; server_max_window_bits=16"], nil),
      (["permessage-deflate; client_max_window_bits=08"], nil),
      (["permessage-deflate; client_max_window_bits=7"], nil),
      (["permessage-deflate; client_no_context_takeover=1"], nil),
      (["permessage-deflate; server_no_context_takeover=true"], nil),
      (["permessage-deflate; server_no_context_takeover; server_no_context_takeover"], nil),
      (["permessage-deflate; window=9"], nil),
      (["Permessage-Deflate"], nil),
    ] as [([String], String?)])
  func negotiation(_ offers: [String], _ answer: String?) throws {
    let offer = try WebSocketHandshake.offer(in: Self.request(offers))
    let fields = WebSocketHandshake.fields(accepting: offer, subprotocol: nil)
    #expect(fields[.secWebSocketExtensions] == answer)
  }

  @Test(
    "what is no list of extensions is a malformed request",
    arguments: ["a b", "a;", "a; =1", "a; b=", "a; b=\"", "a; b=\"c d\"", "; a", "a/b"])
  func malformed(_ value: String) {
    #expect(throws: WebSocketHandshake.Refusal.self) {
      try WebSocketHandshake.offer(in: Self.request([value]))
    }
  }

  private static func request(_ extensions: [String]) -> HTTPRequest {
    var request = HTTPRequest(
      method: .get, scheme: "http", authority: "h", path: "/",
      headerFields: [
        .upgrade: "websocket", .connection: "Upgrade", .secWebSocketVersion: "13",
        .secWebSocketKey: "dGhlIHNhbXBsZSBub25jZQ==",
      ])
    request.headerFields[values: .secWebSocketExtensions] = extensions
    return request
  }
}

extension [UInt8] {
  fileprivate func repeated(toBytes length: Int) -> [UInt8] {
    (0..<length).map { self[$0 % count] }
  }
}
