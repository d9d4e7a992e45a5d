import HTTPSemantics
import HTTPTypes
import Testing

struct PreconditionsTests {
  private static let now = HTTPDate(secondsSince1970: 1_795_226_400)
  private static let modified = HTTPDate(secondsSince1970: 1_795_000_000)
  private static let current = Preconditions.Validators(
    entityTag: EntityTag("a"), lastModified: modified)
  private static let same = modified.text
  private static let before = HTTPDate(secondsSince1970: modified.secondsSince1970 - 1).text
  private static let after = HTTPDate(secondsSince1970: modified.secondsSince1970 + 1).text

  private static func request(
    _ method: HTTPRequest.Method, _ fields: HTTPFields
  ) -> HTTPRequest {
    HTTPRequest(
      method: method, scheme: "http", authority: "h", path: "/", headerFields: fields)
  }

  private static let rows: [(HTTPRequest.Method, HTTPFields, Preconditions.Outcome)] = [
    (.get, [:], .proceed),
    (.get, [.ifNoneMatch: "\"a\""], .notModified),
    (.head, [.ifNoneMatch: "W/\"a\""], .notModified),
    (.get, [.ifNoneMatch: "\"b\", W/\"a\""], .notModified),
    (.get, [.ifNoneMatch: "\"b\""], .proceed),
    (.get, [.ifNoneMatch: "*"], .notModified),
    (.put, [.ifNoneMatch: "*"], .failed),
    (.get, [.ifNoneMatch: "a"], .proceed),
    (.get, [.ifModifiedSince: same], .notModified),
    (.get, [.ifModifiedSince: after], .notModified),
    (.get, [.ifModifiedSince: before], .proceed),
    (.post, [.ifModifiedSince: same], .proceed),
    (.get, [.ifModifiedSince: "yesterday"], .proceed),
    // If-None-Match silences If-Modified-Since
    (.get, [.ifNoneMatch: "\"b\"", .ifModifiedSince: same], .proceed),
    (.get, [.ifNoneMatch: "\"a\"", .ifModifiedSince: before], .notModified),
    (.put, [.ifMatch: "\"a\""], .proceed),
    (.put, [.ifMatch: "*"], .proceed),
    (.put, [.ifMatch: "\"b\""], .failed),
    (.put, [.ifMatch: "W/\"a\""], .failed),
    (.put, [.ifMatch: "\"a"], .failed),
    (.put, [.ifUnmodifiedSince: same], .proceed),
    (.put, [.ifUnmodifiedSince: before], .failed),
    (.put, [.ifUnmodifiedSince: "never"], .proceed),
    // If-Match silences If-Unmodified-Since, and goes before If-None-Match
    (.put, [.ifMatch: "\"a\"", .ifUnmodifiedSince: before], .proceed),
    (.get, [.ifMatch: "\"b\"", .ifNoneMatch: "\"a\""], .failed),
    (.get, [.ifMatch: "\"a\"", .ifNoneMatch: "\"a\""], .notModified),
  ]

  @Test("conditions are evaluated in the order of RFC 9110 §13.2.2", arguments: rows.indices)
  func order(row: Int) {
    let (method, fields, outcome) = Self.rows[row]
    let request = Self.request(method, fields)
    #expect(
      Preconditions.evaluate(request, current: Self.current, now: Self.now) == outcome,
      "\(method) \(fields)")
  }

  @Test("where nothing exists, only conditions on something fail")
  func nothing() {
    func outcome(_ fields: HTTPFields) -> Preconditions.Outcome {
      Preconditions.evaluate(Self.request(.put, fields), current: nil, now: Self.now)
    }
    #expect(outcome([.ifNoneMatch: "*"]) == .proceed)
    #expect(outcome([.ifMatch: "*"]) == .failed)
    #expect(outcome([.ifUnmodifiedSince: Self.before]) == .proceed)
  }

  @Test("a range is given only of the representation the client has a part of")
  func ifRange() {
    func allowed(_ fields: HTTPFields, method: HTTPRequest.Method = .get) -> Bool {
      Preconditions.allowRange(Self.request(method, fields), current: Self.current, now: Self.now)
    }
    #expect(allowed([:]))
    #expect(!allowed([:], method: .head))
    #expect(allowed([.ifRange: "\"a\""]))
    #expect(!allowed([.ifRange: "W/\"a\""]))
    #expect(!allowed([.ifRange: "\"b\""]))
    #expect(allowed([.ifRange: Self.same]))
    #expect(!allowed([.ifRange: Self.after]))
    #expect(!allowed([.ifRange: "soon"]))
    let fresh = Preconditions.Validators(entityTag: nil, lastModified: Self.modified)
    let soon = HTTPDate(secondsSince1970: Self.modified.secondsSince1970 + 1)
    #expect(
      !Preconditions.allowRange(
        Self.request(.get, [.ifRange: Self.same]), current: fresh, now: soon),
      "a file just written may change again within its second")
  }

  @Test(
    "tags compare as RFC 9110 §8.8.3.2 says",
    arguments: [
      ("W/\"1\"", "W/\"1\"", false, true), ("W/\"1\"", "W/\"2\"", false, false),
      ("W/\"1\"", "\"1\"", false, true), ("\"1\"", "\"1\"", true, true),
    ])
  func tags(_ a: String, _ b: String, strongly: Bool, weakly: Bool) throws {
    let a = try #require(EntityTag(parsing: a))
    let b = try #require(EntityTag(parsing: b))
    #expect(a.matchesStrongly(b) == strongly)
    #expect(a.matchesWeakly(b) == weakly)
  }

  @Test("tags are written as they were read", arguments: ["\"\"", "\"a,b\"", "W/\"x\"", "\"é\""])
  func tagText(_ text: String) {
    #expect(EntityTag(parsing: text)?.text == text)
  }

  @Test(
    "what is no tag is not read",
    arguments: ["", "a", "\"a", "w/\"a\"", "W/a", "\"a\"b", "\"a b\""])
  func noTag(_ text: String) {
    #expect(EntityTag(parsing: text) == nil)
  }
}
