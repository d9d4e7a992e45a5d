import FileEvents
import HTTPTypes
import Testing

@testable import Server

@Suite("A problem document")
struct ProblemTests {
  private func text(_ response: Response) -> String {
    guard case .bytes(let bytes) = response.body else { return "" }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test("says what the contract's example says")
  func watchLimit() {
    let problem = WatchProblem(
      .watchLimit, errno: 28, detail: "8192 of 8192 watches are in use; /srv/site needs 12031",
      hint: "sudo sysctl fs.inotify.max_user_watches=524288")
    let response = Problem(problem).response
    #expect(response.status.code == 507)
    #expect(response.fields[.contentType] == "application/problem+json")
    #expect(
      text(response)
        == #"{"type":"/-/problems/inotify-watch-limit","title":"Inotify watch limit","status":507,"#
        + #""code":"inotify-watch-limit","errno":"ENOSPC","recoverable":false,"#
        + #""detail":"8192 of 8192 watches are in use; /srv/site needs 12031","#
        + #""hint":"sudo sysctl fs.inotify.max_user_watches=524288"}"#)
  }

  @Test("escapes what came from outside")
  func escapes() {
    let response = Problem.notFound("nothing is at \"\n\u{2028}<b>").response
    #expect(text(response).contains(#"nothing is at \"\n\u2028<b>"#))
  }

  @Test("lists the methods where one is not allowed")
  func methods() {
    let response = Problem.methodNotAllowed([.get, .put]).response
    #expect(response.status == .methodNotAllowed)
    #expect(response.fields[.allow] == "GET, PUT")
  }
}
