import FileEvents
import HTTPTypes
import Testing

@testable import Server

@Suite("The directories that may be watched")
struct AllowedRootsTests {
  private let roots = AllowedRoots(["/srv/site", "/home/a b"].map { Array($0.utf8) })

  @Test(
    "hold what lies in them, by components",
    arguments: [
      ("/srv/site", "/srv/site", "/srv/site"),
      ("/srv/site/", "/srv/site", "/srv/site"),
      ("/srv//site/./css", "/srv/site/css", "/srv/site"),
      ("/home/a b/c", "/home/a b/c", "/home/a b"),
    ])
  func allowed(asked: String, root: String, confinedTo: String) throws {
    let spec = try roots.spec(for: asked)
    #expect(spec.root == Array(root.utf8))
    #expect(spec.confinedTo == Array(confinedTo.utf8))
  }

  @Test(
    "do not hold their neighbours, nor anything above",
    arguments: ["/", "/srv", "/srv/site-secret", "/srv/sit", "/etc/passwd", "/home/a"])
  func forbidden(asked: String) {
    let problem = #expect(throws: Problem.self) { try roots.spec(for: asked) }
    #expect(problem?.status == .forbidden)
    #expect(problem?.code == "path-not-allowed")
    #expect(problem?.hint == "--allow-root \(asked)")
  }

  @Test(
    "are asked for by absolute paths without tricks",
    arguments: ["", "site", "./srv/site", "/srv/site/../../etc", "/srv/site/a\u{0}b"])
  func malformed(asked: String) {
    let problem = #expect(throws: Problem.self) { try roots.spec(for: asked) }
    #expect(problem?.status == .badRequest)
    #expect(problem?.field == "root")
  }

  @Test("hold everything when the root of the system is one of them")
  func everything() throws {
    let spec = try AllowedRoots([Array("/".utf8)]).spec(for: "/etc")
    #expect(spec.root == Array("/etc".utf8))
  }
}
