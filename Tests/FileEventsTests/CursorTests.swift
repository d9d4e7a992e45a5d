import FileEvents
import Testing

@Suite("A cursor's wire form")
struct CursorTests {
  @Test("reads back what it wrote")
  func roundTrip() {
    let cursor = Cursor(epoch: Epoch(text: "k3v9q"), sequence: 1042)
    #expect(cursor.text == "k3v9q-1042")
    #expect(Cursor(cursor.text) == cursor)
  }

  @Test(
    "refuses what no server ever wrote",
    arguments: [
      "", "-", "k3v9q", "k3v9q-", "-12", "k3v9q-01", "k3v9q--1", "K3-1", "k3-1 ", "k3-1\n",
      "k3-18446744073709551616", "k3-1-", "kä-1", "k 3-1",
    ])
  func malformed(text: String) { #expect(Cursor(text) == nil) }

  @Test("takes the largest number there is")
  func largest() { #expect(Cursor("a-18446744073709551615")?.sequence == .max) }
}
