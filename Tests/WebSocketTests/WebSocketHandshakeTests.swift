import HTTPTypes
import Testing
import WebSocket

struct WebSocketHandshakeTests {
  private static func request(_ change: (inout HTTPRequest) -> Void = { _ in }) -> HTTPRequest {
    var request = HTTPRequest(
      method: .get, scheme: "http", authority: "server.example.com", path: "/chat",
      headerFields: [
        .upgrade: "websocket", .connection: "Upgrade",
        .secWebSocketKey: "dGhlIHNhbXBsZSBub25jZQ==",
        .secWebSocketProtocol: "chat, superchat", .secWebSocketVersion: "13",
      ])
    change(&request)
    return request
  }

  @Test("the example of RFC 6455 §1.3 is accepted")
  func rfcExample() throws {
    let offer = try WebSocketHandshake.offer(in: Self.request())
    #expect(offer.accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    #expect(offer.subprotocols == ["chat", "superchat"])
    #expect(
      WebSocketHandshake.fields(accepting: offer, subprotocol: "chat") == [
        .upgrade: "websocket", .secWebSocketAccept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        .secWebSocketProtocol: "chat",
      ])
    #expect(
      WebSocketHandshake.fields(accepting: offer, subprotocol: nil)[.secWebSocketProtocol] == nil)
  }

  @Test("keys of any bytes have their answer (RFC 3174 over two blocks too)")
  func accepts() {
    #expect(
      WebSocketHandshake.accept(key: "x3JJHMbDL1EzLkh9GBhXDw==") == "HSmrc0sMlYUkAGmm5OPpG2HaGWk=")
    #expect(
      WebSocketHandshake.accept(key: "AQIDBAUGBwgJCgsMDQ4PEA==") == "C/0nmHhBztSRGR1CwL6Tf4ZjwpY=")
  }

  @Test("over HTTP/2 there is no key and no answer to it (RFC 8441 §5)")
  func extendedConnect() throws {
    var request = Self.request {
      $0.method = .connect
      $0.headerFields[.upgrade] = nil
      $0.headerFields[.connection] = nil
      $0.headerFields[.secWebSocketKey] = nil
    }
    request.extendedConnectProtocol = "websocket"
    let offer = try WebSocketHandshake.extendedOffer(in: request)
    #expect(offer.accept == nil)
    #expect(offer.subprotocols == ["chat", "superchat"])
    #expect(
      WebSocketHandshake.fields(accepting: offer, subprotocol: "chat") == [
        .secWebSocketProtocol: "chat"
      ])
    request.headerFields[.secWebSocketVersion] = "12"
    #expect(throws: WebSocketHandshake.Refusal.self) {
      try WebSocketHandshake.extendedOffer(in: request)
    }
    request.extendedConnectProtocol = "connect-udp"
    let refusal = #expect(throws: WebSocketHandshake.Refusal.self) {
      try WebSocketHandshake.extendedOffer(in: request)
    }
    #expect(refusal?.status == 501)
    // 426 would have to name what to upgrade to, in a field that HTTP/2 does not have.
    for method in [HTTPRequest.Method.get, .head, .post] {
      let plain = #expect(throws: WebSocketHandshake.Refusal.self) {
        try WebSocketHandshake.extendedOffer(in: Self.request { $0.method = method })
      }
      #expect(plain?.status == 405)
      #expect(plain?.fields == [.allow: "CONNECT"])
    }
  }

  @Test("words are read without case and from lists")
  func lists() throws {
    let offer = try WebSocketHandshake.offer(
      in: Self.request {
        $0.headerFields[.connection] = "keep-alive, UPGRADE"
        $0.headerFields[.upgrade] = "h2c, WebSocket"
        $0.headerFields[.secWebSocketProtocol] = nil
      })
    #expect(offer.subprotocols == [])
  }

  @Test("a request that is no handshake is told what one looks like")
  func refusals() {
    func refusal(_ change: (inout HTTPRequest) -> Void) -> WebSocketHandshake.Refusal? {
      do throws(WebSocketHandshake.Refusal) {
        _ = try WebSocketHandshake.offer(in: Self.request(change))
        return nil
      } catch {
        return error
      }
    }
    let post = refusal { $0.method = .post }
    #expect(post?.status == 405)
    #expect(post?.fields == [.allow: "GET"])
    let plain = refusal { $0.headerFields[.upgrade] = nil }
    #expect(plain?.status == 426)
    #expect(plain?.fields == [.upgrade: "websocket"])
    #expect(refusal { $0.headerFields[.connection] = "keep-alive" }?.status == 426)
    let old = refusal { $0.headerFields[.secWebSocketVersion] = "8" }
    #expect(old?.status == 426)
    #expect(old?.fields[.secWebSocketVersion] == "13")
    #expect(refusal { $0.headerFields[.secWebSocketVersion] = nil }?.status == 426)
  }

  @Test(
    "a key is 16 bytes in base64, given once",
    arguments: [
      [], [""], ["dGhlIHNhbXBsZSBub25jZQ"], ["dGhlIHNhbXBsZSBub25jZ==="],
      ["dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="], ["dGhlIHNhbXBsZSBub25jZ!=="],
    ])
  func keys(_ keys: [String]) {
    let request = Self.request { $0.headerFields[values: .secWebSocketKey] = keys }
    #expect(throws: WebSocketHandshake.Refusal.self) {
      try WebSocketHandshake.offer(in: request)
    }
  }

  @Test("subprotocols are tokens, each once", arguments: ["a, a", "a b", "\"a\"", "a/b"])
  func subprotocols(_ list: String) {
    let request = Self.request { $0.headerFields[.secWebSocketProtocol] = list }
    #expect(throws: WebSocketHandshake.Refusal.self) {
      try WebSocketHandshake.offer(in: request)
    }
  }
}
