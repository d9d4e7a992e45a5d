import HTTPSemantics
import HTTPTypes
import Testing

struct NegotiationTests {
  private static let offers = ["text/event-stream", "application/x-ndjson", "application/json"]

  @Test(
    "the client's liking decides, then the server's order",
    arguments: [
      ([], 0), (["*/*"], 0), (["text/event-stream"], 0), (["application/json"], 2),
      (["application/*"], 1), (["text/html, application/json;q=0.9"], 2),
      (["application/json;q=0.5, application/x-ndjson;q=0.8"], 1),
      (["application/json", "text/event-stream;q=0.1"], 2),
      (["*/*;q=0.1, application/json"], 2), (["text/event-stream;q=0, */*"], 1),
      (["application/*, application/x-ndjson;q=0"], 2),
      (["APPLICATION/JSON; Q=1.000"], 2), (["application/json;q=0.001, text/html"], 2),
      (["text/html"], nil), (["*/*;q=0"], nil), (["application/json;q=0"], nil),
      (["application/json; charset=utf-8; q=0.5"], 2),
      (["application/json;a=\"q=0;\";q=1"], 2),
      (["text/html;x=\"a,application/json\""], nil),
      ([""], 0), (["nonsense"], 0), (["application/json;q=2, */*;q=0.1"], 0),
    ] as [([String], Int?)])
  func accept(_ values: [String], choice: Int?) {
    #expect(Accept.choose(Self.offers, for: values) == choice)
  }

  @Test(
    "Prefer: wait is read where it stands",
    arguments: [
      (["wait=10"], 10), (["respond-async, wait=10"], 10), (["respond-async", "Wait = 5; x=1"], 5),
      (["wait=1, wait=2"], 1), ([], nil), (["wait"], nil), (["wait=-1"], nil), (["wait=soon"], nil),
      (["await=3"], nil),
    ] as [([String], Int?)])
  func wait(_ values: [String], seconds: Int?) {
    #expect(Preference.waitSeconds(values) == seconds)
  }

  @Test(
    "a bearer token is taken as it is, once",
    arguments: [
      (["Bearer abc.DEF-1~2_3+/=="], .token("abc.DEF-1~2_3+/==")), (["bearer  a"], .token("a")),
      ([], .none), (["Basic YTpi"], .malformed), (["Bearer"], .malformed),
      (["Bearer "], .malformed),
      (["Bearer a b"], .malformed), (["Bearer ="], .malformed),
      (["Bearer a", "Bearer a"], .malformed),
      (["Bearer a=b"], .malformed),
    ] as [([String], BearerToken.Presented)])
  func bearer(_ values: [String], presented: BearerToken.Presented) {
    var fields = HTTPFields()
    fields[values: .authorization] = values
    #expect(BearerToken.presented(in: fields) == presented)
  }

  @Test(
    "a name's last extension tells the type",
    arguments: [
      ("index.html", "text/html; charset=utf-8"), ("A.HTM", "text/html; charset=utf-8"),
      ("a.min.css", "text/css; charset=utf-8"), ("a.mjs", "text/javascript; charset=utf-8"),
      ("a.json", "application/json"), ("a.wasm", "application/wasm"), ("a.svg", "image/svg+xml"),
      ("a.woff2", "font/woff2"), ("a.tar.gz", "application/gzip"),
      ("a.ico", "image/vnd.microsoft.icon"),
      ("a.webmanifest", "application/manifest+json"), ("LICENSE", "application/octet-stream"),
      (".html", "application/octet-stream"), ("a.", "application/octet-stream"),
      ("a.xyz", "application/octet-stream"), ("", "application/octet-stream"),
    ])
  func mediaType(_ name: String, type: String) {
    #expect(MediaType.of(fileName: name.utf8) == type)
    #expect(MediaType.isHTML(type) == type.hasPrefix("text/html"))
  }
}

struct ContentCodingTests {
  @Test(
    "the coding liked best is taken, or none",
    arguments: [
      ([], nil), ([""], nil), (["gzip"], "gzip"), (["GZIP"], "gzip"), (["x-gzip"], "gzip"),
      (["deflate"], "deflate"), (["gzip, deflate, br, zstd"], "gzip"),
      (["deflate, gzip"], "gzip"), (["gzip;q=0.5, deflate;q=0.9"], "deflate"),
      (["gzip;q=0.5", "deflate;q=0.9"], "deflate"), (["br"], nil), (["identity"], nil),
      (["gzip;q=0"], nil), (["gzip;q=0, deflate"], "deflate"), (["gzip; q=0.000"], nil),
      (["*"], "gzip"), (["*;q=0"], nil), (["gzip;q=0, *"], "deflate"),
      (["identity;q=0.5, gzip;q=0.4"], nil), (["identity;q=0.5, gzip;q=0.5"], "gzip"),
      (["identity;q=1, *;q=0.1"], nil), (["identity;q=0"], nil), (["gzip;q=0.001"], "gzip"),
      (["gzip;q=2"], nil), (["gzip;level=9"], nil), (["gzip;q=x, deflate"], "deflate"),
      (["gzip;q=0.1234"], nil), ([", ,gzip,"], "gzip"),
    ] as [([String], String?)])
  func coding(_ values: [String], _ expected: String?) {
    #expect(ContentCoding.choose(for: values)?.rawValue == expected)
  }
}
