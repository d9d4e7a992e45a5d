import HTTPSemantics
import Testing

struct HTTPDateTests {
  private static let now = HTTPDate(secondsSince1970: 1_795_226_400)  // 2026-11-21

  @Test(
    "the three forms of RFC 9110 §5.6.7 say the same second",
    arguments: [
      "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
    ])
  func forms(_ text: String) throws {
    let date = try #require(HTTPDate(text, now: Self.now))
    #expect(date.secondsSince1970 == 784_111_777)
    #expect(date.text == "Sun, 06 Nov 1994 08:49:37 GMT")
  }

  @Test(
    "days of every kind are told and read back",
    arguments: [
      (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
      (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
      (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
      (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
      (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
      (-62_167_219_200, "Sat, 01 Jan 0000 00:00:00 GMT"),
      (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
      (Int.max, "Fri, 31 Dec 9999 23:59:59 GMT"), (Int.min, "Sat, 01 Jan 0000 00:00:00 GMT"),
    ])
  func days(_ seconds: Int, text: String) {
    let date = HTTPDate(secondsSince1970: seconds)
    #expect(date.text == text)
    #expect(HTTPDate(text, now: Self.now) == date)
  }

  @Test("every day of four centuries is the one after the day before")
  func calendar() {
    var previous = HTTPDate(secondsSince1970: -86_400 * 40_000)
    for day in -39_999..<110_000 where day % 13 == 0 {
      let date = HTTPDate(secondsSince1970: day * 86_400 + 43_200)
      #expect(date > previous)
      #expect(HTTPDate(date.text, now: Self.now) == date)
      previous = date
    }
  }

  @Test(
    "two digits of a year mean the one nearest to now that is not 50 years ahead",
    arguments: [
      ("Saturday, 21-Nov-26 00:00:00 GMT", 2026), ("Friday, 20-Nov-76 00:00:00 GMT", 2076),
      ("Monday, 21-Nov-77 00:00:00 GMT", 1977), ("Saturday, 01-Jan-00 00:00:00 GMT", 2000),
    ])
  func century(_ text: String, year: Int) throws {
    let date = try #require(HTTPDate(text, now: Self.now))
    #expect(date.text.dropFirst(12).prefix(4) == "\(year)")
  }

  @Test(
    "what is no date is not read",
    arguments: [
      "", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 29 Feb 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
      "Xxx, 06 Nov 1994 08:49:37 GMT",
      "sun, 06 nov 1994 08:49:37 gmt", "Sun, 06 Nov 1994 08:49:37 GMT ", "784111777",
      "Sun, 06 Nov +994 08:49:37 GMT",
    ])
  func malformed(_ text: String) {
    #expect(HTTPDate(text, now: Self.now) == nil)
  }
}
