import HTTPSemantics
import Testing

struct AccessRulesTests {
  @Test(
    "hosts and ports are read whatever their spelling",
    arguments: [
      ("Example.COM", .init(host: .name("example.com"))),
      ("h:8434", .init(host: .name("h"), port: 8434)), ("h:", .init(host: .name("h"))),
      ("h:00080", .init(host: .name("h"), port: 80)),
      ("127.0.0.1:80", .init(host: .ipv4(0x7F00_0001), port: 80)),
      ("1.2.3.256", .init(host: .name("1.2.3.256"))), ("127.1", .init(host: .name("127.1"))),
      ("01.2.3.4", .init(host: .name("01.2.3.4"))),
      ("0.0.0.0", .init(host: .ipv4(0))), ("1.2.3.4.", .init(host: .name("1.2.3.4."))),
      ("1.2.3.4.5", .init(host: .name("1.2.3.4.5"))), ("1..3.4", .init(host: .name("1..3.4"))),
      ("1.2.3.00", .init(host: .name("1.2.3.00"))),
      ("255.255.255.255", .init(host: .ipv4(0xFFFF_FFFF))),
      ("[::1]:8434", .init(host: .ipv6(high: 0, low: 1), port: 8434)),
      ("[::]", .init(host: .ipv6(high: 0, low: 0))),
      (
        "[2001:DB8::8:800:200C:417A]",
        .init(host: .ipv6(high: 0x2001_0DB8_0000_0000, low: 0x0008_0800_200C_417A))
      ),
      (
        "[2001:db8:0:0:8:800:200c:417a]",
        .init(host: .ipv6(high: 0x2001_0DB8_0000_0000, low: 0x0008_0800_200C_417A))
      ),
      ("[::ffff:127.0.0.1]", .init(host: .ipv6(high: 0, low: 0xFFFF_7F00_0001))),
      ("[1::]", .init(host: .ipv6(high: 0x0001_0000_0000_0000, low: 0))),
      ("a%20b", .init(host: .name("a%20b"))),
    ] as [(String, Authority)])
  func authority(_ text: String, expected: Authority) {
    #expect(Authority(text) == expected)
  }

  @Test(
    "what is no authority is not read",
    arguments: [
      "", ":80", "u@h", "h/", "h?", "a b", "h:x", "h:-1", "h:65536", "h:80:80", "::1", "[::1", "[]",
      "[::1]a", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7::8]x", "[:1::]",
      "[1::2::3]",
      "[12345::]", "[::1%25eth0]", "[v1.a]", "[::1.2.3]", "[1:]", "[:::]", "h\"", "é", "a%2",
      "a%zz",
      "[1:2:3:4:5:6:7:8::]", "[1:2:3:4:5:6:7:1.2.3.4]",
    ])
  func noAuthority(_ text: String) {
    #expect(Authority(text) == nil)
  }

  @Test(
    "a name must be an address, localhost or given",
    arguments: [
      ("127.0.0.1", true), ("192.168.1.7:8434", true), ("[::1]:8434", true), ("[fe80::1]", true),
      ("localhost", true), ("LOCALHOST:8434", true), ("app.localhost", true),
      ("a.b.localhost:1", true),
      ("tidings.example", true), ("Tidings.Example:99", true),
      ("evil.example", false), ("localhost.evil.example", false), ("notlocalhost", false),
      ("sub.tidings.example", false), ("tidings.example.evil", false), ("127.0.0.1.nip.io", false),
      ("127.1", false), ("0x7f000001", false), ("localhost.", false), ("", false), ("a b", false),
    ])
  func host(_ authority: String, isAllowed: Bool) {
    #expect(HostRule(allowing: ["Tidings.example"]).allows(authority) == isAllowed)
  }

  @Test("a request that names no host is refused")
  func noHost() {
    #expect(!HostRule().allows(nil))
  }

  @Test(
    "a page is our own, listed, or refused",
    arguments: [
      ([], "localhost:8434", .absent),
      (["http://localhost:8434"], "localhost:8434", .own),
      (["http://LOCALHOST:8434"], "localhost:8434", .own),
      (["https://localhost:8434"], "localhost:8434", .own),
      (["http://[::1]:8434"], "[0:0::1]:8434", .own),
      (["http://example.com"], "example.com", .own),
      (["http://example.com"], "example.com:80", .own),
      (["https://example.com"], "example.com", .own),
      (["https://example.com"], "example.com:443", .own),
      (["http://example.com:80"], "example.com", .own),
      (["http://example.com"], "example.com:443", .refused),
      (["http://localhost:3000"], "localhost:8434", .refused),
      (["http://localhost"], "localhost:8434", .refused),
      (["http://evil.example"], "localhost:8434", .refused),
      (["http://localhost:8434.evil.example"], "localhost:8434", .refused),
      (["http://localhost:8434", "http://localhost:8434"], "localhost:8434", .refused),
      (["http://localhost:8434 http://a"], "localhost:8434", .refused),
      (["http://localhost:8434/"], "localhost:8434", .refused),
      (["null"], "localhost:8434", .refused), ([""], "localhost:8434", .refused),
      (["NULL"], "localhost:8434", .refused), (["file://"], "localhost:8434", .refused),
      (["ext://localhost:8434"], "localhost:8434", .refused),
      (["http://localhost:8434"], nil, .refused),
      (["https://app.example:8443"], "localhost:8434", .listed),
      (["https://APP.example:8443"], "localhost:8434", .listed),
      (["http://app.example:8443"], "localhost:8434", .refused),
      (["https://app.example"], "localhost:8434", .refused),
      (["https://plain.example:443"], "localhost:8434", .listed),
      (["chrome-extension://abcdef"], "localhost:8434", .listed),
    ] as [([String], String?, OriginRule.Decision)])
  func origin(_ values: [String], authority: String?, decision: OriginRule.Decision) throws {
    let rule = try OriginRule(allowing: [
      "https://app.example:8443", "https://plain.example", "chrome-extension://abcdef",
    ])
    #expect(rule.decide(values, authority: authority) == decision)
  }

  @Test(
    "only origins can be listed",
    arguments: ["*", "null", "app.example", "https://a/b", "https://"])
  func badList(_ text: String) {
    #expect(throws: OriginRule.Malformed.self) { try OriginRule(allowing: [text]) }
  }
}
