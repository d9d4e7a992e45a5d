import Testing

/// The rules see what they are there to see.
struct RulesTests {
  private static let manifest = Manifest(
    """
    let modules: [Module] = [
      // 3: a comment that says Module("none", floor: 9)
      Module(
        "HTTP1", floor: 3, on: ["Bytes",
          "HTTPSemantics"],
        packages: ["HTTPTypes"], resources: [.embedInCode("x")]),
      Module("Bytes", floor: 1),
      Module("Syscalls", floor: 1, on: ["CLinux"]),
      Module("CLinux", floor: 0, .header),
    ]

    let tests = ["Module(\\"none\\", floor: 1)"]
    """)

  @Test("the manifest's list is read whole and nothing beside it")
  func reading() {
    #expect(
      Self.manifest.modules == [
        .init(
          name: "HTTP1", floor: 3, standsOn: ["Bytes", "HTTPSemantics"],
          packages: ["HTTPTypes"]),
        .init(name: "Bytes", floor: 1, standsOn: [], packages: []),
        .init(name: "Syscalls", floor: 1, standsOn: ["CLinux"], packages: []),
        .init(name: "CLinux", floor: 0, standsOn: [], packages: []),
      ])
  }

  @Test(
    "lines that keep the rules pass",
    arguments: [
      ("HTTP1", "internal import Bytes"), ("HTTP1", "package import HTTPTypes"),
      ("HTTP1", "internal import Synchronization"), ("Bytes", "internal import Glibc"),
      ("Syscalls", "internal import CLinux"), ("Syscalls", "internal import Foundation"),
      ("HTTP1", "// import Foundation"), ("HTTP1", "let text = \"import Foundation\""),
      ("HTTP1", "/// Never `nonisolated(unsafe)`."), ("HTTP1", "case UNION, ANION"),
      ("HTTP1", "important(Foundation)"),
    ])
  func sound(module: String, line: String) {
    #expect(Self.offences(line, in: module) == [])
  }

  @Test(
    "lines that break one are named",
    arguments: [
      ("HTTP1", "import Foundation"), ("HTTP1", "internal import FoundationEssentials"),
      ("HTTP1", "internal import Dispatch"), ("HTTP1", "internal import Syscalls"),
      ("HTTP1", "internal import Glibc"),
      ("HTTP1", "internal import CLinux"), ("Syscalls", "package import CLinux"),
      ("Syscalls", "import CLinux"), ("Syscalls", "  public import CZlib"),
      ("Bytes", "@preconcurrency internal import HTTPTypes"),
      ("Bytes", "import struct HTTPTypes.HTTPField"),
      ("Cellar", "internal import Bytes"),
      ("HTTP1", "final class Box: @unchecked Sendable {"),
      ("HTTP1", "nonisolated(unsafe) var x = 0"),
      ("HTTP1", "internal import NIOCore"), ("HTTP1", "// as swift-nio does"), ("HTTP1", "// NIO"),
    ])
  func broken(module: String, line: String) {
    #expect(Self.offences(line, in: module).count >= 1)
  }

  @Test("an exception needs its proof on the next line")
  func proof() {
    let rules = Rules(manifest: Self.manifest)
    let line: Substring = "nonisolated(unsafe) var x = 0"
    for path in Rules.exceptions {
      #expect(rules.proofOffences(line, next: "var y = 0", in: path).count == 1)
      #expect(rules.proofOffences(line, next: "// only its own thread sees it", in: path) == [])
    }
    #expect(rules.proofOffences(line, next: "// trust me", in: "Sources/A/B.swift").count == 1)
  }

  private static func offences(_ line: String, in module: String) -> [String] {
    Rules(manifest: manifest).offences(
      in: .init(path: "Sources/\(module)/X.swift", module: module, text: "\n\(line)\n"))
  }
}
