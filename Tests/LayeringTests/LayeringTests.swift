import Testing

/// The house as `Package.swift` draws it, held to.
struct LayeringTests {
  private static func manifest() throws -> Manifest {
    Manifest(try Repository.text("Package.swift"))
  }

  @Test("every module stands only on floors below its own")
  func floors() throws {
    let manifest = try Self.manifest()
    #expect(manifest.modules.count >= 14)
    for module in manifest.modules {
      for name in module.standsOn {
        let below = try #require(
          manifest[name], "\(module.name) stands on \(name), which is not listed")
        #expect(below.floor < module.floor, "\(module.name) stands on \(name)")
      }
    }
  }

  @Test("every module has a folder, and every folder a module")
  func folders() throws {
    let modules = try Self.manifest().modules.map(\.name)
    #expect(Set(modules).count == modules.count)
    #expect(try Repository.names(in: "Sources") == modules.sorted())
  }

  @Test("every folder of Swift tests is a target, or its tests would never run")
  func testFolders() throws {
    let manifest = try Repository.text("Package.swift").filter { !$0.isWhitespace }
    for folder in try Repository.names(in: "Tests") {
      guard try Repository.names(in: "Tests/\(folder)").contains(where: { $0.hasSuffix(".swift") })
      else { continue }
      #expect(manifest.contains("(\"\(folder)\",["), "\(folder) is not in the manifest's list")
    }
  }

  @Test("every source file keeps the rules")
  func sources() throws {
    let rules = Rules(manifest: try Self.manifest())
    let files = try Repository.sources()
    #expect(files.count > 20)
    let offences = files.flatMap(rules.offences)
    #expect(offences.isEmpty, "\(offences.joined(separator: "\n"))")
  }

  @Test("the manifest keeps the rules that concern it")
  func manifest() throws {
    let rules = Rules(manifest: try Self.manifest())
    for line in try Repository.text("Package.swift").split(separator: "\n") {
      #expect(rules.nioOffences(line).isEmpty, "\(line)")
      #expect(rules.proofOffences(line.trimmed, next: nil, in: "Package.swift").isEmpty, "\(line)")
    }
  }

  @Test("an exception is used, or it is not in the list")
  func exceptions() throws {
    let paths = try Repository.sources().map(\.path)
    #expect(Rules.exceptions.isSubset(of: paths))
    #expect(Rules.exceptions.count <= 5)
  }

  @Test("the top of the repository holds what it is meant to hold")
  func topLevel() throws {
    let strays = try Repository.names(in: ".").filter {
      !$0.hasPrefix(".") && !Rules.topLevel.contains($0)
    }
    #expect(strays.isEmpty)
  }
}
