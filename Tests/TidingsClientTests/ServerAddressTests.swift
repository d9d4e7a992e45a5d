import Testing

@testable import TidingsClient

struct ServerAddressTests {
  @Test(
    "an address says where to connect, what to call the server and what stands before /-/",
    arguments: [
      ("http://localhost:8434", "localhost:8434 localhost:8434 []"),
      ("http://localhost", "localhost:80 localhost []"),
      ("http://localhost/", "localhost:80 localhost []"),
      ("HTTP://Example.test:81/", "Example.test:81 Example.test:81 []"),
      ("http://127.0.0.1:8434/tidings/", "127.0.0.1:8434 127.0.0.1:8434 [/tidings]"),
      ("http://h/a/b//", "h:80 h [/a/b]"),
      ("http://[::1]:8434", "::1:8434 [::1]:8434 []"),
      ("http://[::1]", "::1:80 [::1] []"),
      ("unix:/run/tidings.sock", "/run/tidings.sock localhost []"),
      ("unix:///run/tidings.sock", "/run/tidings.sock localhost []"),
    ])
  func accepted(_ text: String, _ expected: String) throws {
    let address = try ServerAddress(text)
    let place =
      switch address.place {
      case .host(let host, let port): "\(host):\(port)"
      case .unix(let path): path
      }
    #expect("\(place) \(address.authority) [\(address.prefix)]" == expected)
  }

  @Test(
    "what is no address is refused with a sentence that helps",
    arguments: [
      ("localhost:8434", "http://localhost:8434"), ("", "is not a server's address"),
      ("https://localhost", "TLS"), ("HTTPS://localhost", "TLS"), ("ftp://h", "ftp is not spoken"),
      ("http://", "there is no host"), ("http:///x", "there is no host"),
      ("http://u:p@h/", "a token has"), ("http://h:99999", "malformed"),
      ("http://h h/", "malformed"), ("http://h/?a=b", "no query"), ("http://h/#a", "no query"),
      ("http://h/a b", "no query"), ("http://h/\r\nX: y", "no query"),
      ("unix:relative", "unix:/run/tidings.sock"), ("unix:", "unix:/run/tidings.sock"),
    ])
  func refused(_ text: String, _ part: String) {
    let error = #expect(throws: ClientError.self) { try ServerAddress(text) }
    #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    #expect(error?.isRetriable == false)
  }

  @Test("a token that could not be presented is refused", arguments: ["", "a b", "a\r\nX: y", "ü"])
  func token(_ token: String) {
    #expect(throws: ClientError.invalidToken) { try Client("http://localhost", token: token) }
  }
}

struct EventRequestTests {
  private static func request(
    _ address: String = "http://h:1/p", token: String? = nil, resuming id: String = "",
    _ change: (inout Subscription) -> Void = { _ in }
  ) throws -> [String] {
    var subscription = Subscription()
    change(&subscription)
    let request = EventRequest(
      address: try ServerAddress(address), token: token, subscription: subscription)
    let text = String(decoding: request.bytes(lastEventID: id), as: UTF8.self)
    #expect(text.hasSuffix("\r\n\r\n"))
    return text.split(separator: "\r\n").map(String.init)
  }

  @Test("the plain request asks for everything from now on, uncoded")
  func plain() throws {
    let lines = try Self.request()
    #expect(lines[0] == "GET /p/-/v1/events HTTP/1.1")
    #expect(lines.contains("Host: h:1"))
    #expect(lines.contains("Accept: text/event-stream"))
    #expect(lines.contains("Accept-Encoding: identity"))
    #expect(!lines.contains { $0.hasPrefix("Authorization") || $0.hasPrefix("Last-Event-ID") })
  }

  @Test("a subscription becomes the query of the contract")
  func query() throws {
    let lines = try Self.request(token: "t0ken", resuming: "") {
      $0.watches = ["site-4f2a"]
      $0.paths = ["src/", "**/*.css", "a&b=c d%"]
      $0.ignore = ["*.tmp"]
      $0.kinds = [.create, .other("warp")]
      $0.start = .ago(.seconds(600))
      $0.initial = true
      $0.overflow = .coalesce
      $0.maxLag = 50
      $0.batch = .milliseconds(250)
      $0.heartbeat = .seconds(5)
    }
    #expect(
      lines[0]
        == "GET /p/-/v1/events?watch=site-4f2a&path=src/&path=%2A%2A/%2A.css"
        + "&path=a%26b%3Dc%20d%25&ignore=%2A.tmp&kinds=create%2Cwarp&since=10m&initial=1"
        + "&overflow=coalesce&maxLag=50&batch=250ms&heartbeat=5s HTTP/1.1")
    #expect(lines.contains("Authorization: Bearer t0ken"))
  }

  @Test("a resumed request says where it was and not where it once began")
  func resumed() throws {
    let lines = try Self.request(resuming: "k3v9q-7") {
      $0.start = .earliest
      $0.initial = true
      $0.paths = ["a"]
    }
    #expect(lines[0] == "GET /p/-/v1/events?path=a HTTP/1.1")
    #expect(lines.contains("Last-Event-ID: k3v9q-7"))
  }

  @Test(
    "a start is read as people type it",
    arguments: [
      ("now", "now"), ("earliest", "earliest"), ("10m", "10m"), ("0", "0ms"),
      ("k3v9q-7", "k3v9q-7"),
      ("yesterday", nil), ("", nil), ("a b-7", nil),
    ] as [(String, String?)])
  func start(_ text: String, _ expected: String?) {
    #expect(Start(text)?.text == expected)
  }
}
