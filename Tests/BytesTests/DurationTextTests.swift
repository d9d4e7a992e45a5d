import Bytes
import Testing

struct DurationTextTests {
  @Test(
    "a duration is a whole number and a unit",
    arguments: [
      ("250ms", .milliseconds(250)), ("2s", .seconds(2)), ("10m", .seconds(600)),
      ("1h", .seconds(3600)), ("0", .zero), ("0s", .zero), ("007s", .seconds(7)),
    ] as [(String, Duration)])
  func parse(_ text: String, duration: Duration) {
    #expect(DurationText.parse(text) == duration)
  }

  @Test(
    "what has no number, no unit or another one is refused",
    arguments: [
      "", "s", "5", "00x", "1.5s", "-1s", "+1s", "1 s", " 1s", "1s ", "1S", "1d", "1sm",
      "9223372036854775807h", "99999999999999999999s", "٣s",
    ])
  func malformed(_ text: String) {
    #expect(DurationText.parse(text) == nil)
  }

  @Test(
    "a duration is told in the largest unit that says it exactly, and read back",
    arguments: [
      (.milliseconds(20), "20ms"), (.milliseconds(1500), "1500ms"), (.seconds(2), "2s"),
      (.seconds(90), "90s"), (.seconds(600), "10m"), (.seconds(7200), "2h"), (.zero, "0ms"),
    ] as [(Duration, String)])
  func text(_ duration: Duration, text: String) {
    #expect(DurationText.text(duration) == text)
    #expect(DurationText.parse(text) == duration)
  }
}
