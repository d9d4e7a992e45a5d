import HTTP2
import HTTPTypes
import Testing

struct UpgradeSettingsTests {
  @Test(
    "an offer counts only when it is whole",
    arguments: [
      ("AAMAAABkAAQAAP__", "Upgrade, HTTP2-Settings", [0, 3, 0, 0, 0, 100, 0, 4, 0, 0, 255, 255]),
      ("", "http2-settings, upgrade", []),
      ("AAMAAABkAAQAAP__", "Upgrade", nil),
      ("AAMAAABkAAQAAP//", "HTTP2-Settings", nil),
      ("AAMAAABkAAQAAP==", "HTTP2-Settings", nil),
      ("AAMAAABk", "HTTP2-Settings", [0, 3, 0, 0, 0, 100]),
      ("AAMAAA", "HTTP2-Settings", nil),
      ("AAMAAABkA", "HTTP2-Settings", nil),
    ] as [(String, String, [UInt8]?)])
  func offers(settings: String, connection: String, payload: [UInt8]?) {
    let request = HTTPRequest(
      method: .get, scheme: "http", authority: "localhost", path: "/",
      headerFields: [.connection: connection, HTTPField.Name("HTTP2-Settings")!: settings])
    #expect(UpgradeSettings(request, upgrades: ["h2c"])?.payload == payload)
    #expect(UpgradeSettings(request, upgrades: ["websocket"]) == nil)
  }
}
