import Testing

@testable import tidings

@Suite("What the facts of a checkup mean")
struct DiagnosisTests {
  /// A machine on which everything is well.
  private static func sound() -> Checkup {
    Checkup(
      kernel: "6.1.0", user: 1000, userName: "ann",
      backends: [
        .init(name: "inotify", works: true), .init(name: "fanotify", works: true),
      ],
      limits: [
        .init(name: "fs.inotify.max_user_watches", maximum: 8_192, used: 100),
        .init(name: "fs.inotify.max_user_instances", maximum: 128, used: 3),
        .init(name: "fs.inotify.max_queued_events", maximum: 16_384),
        .init(name: "fs.fanotify.max_user_marks", maximum: 200_000, used: 0),
        .init(name: "fs.fanotify.max_user_groups", maximum: 128, used: 0),
        .init(name: "fs.fanotify.max_queued_events", maximum: 16_384),
      ],
      descriptors: .init(soft: 1_024, hard: 1_048_576), holders: WatchHolders(),
      place: .init(
        path: "/srv/site", filesystem: "ext4", isRemote: false,
        census: .init(directories: 1_000, isComplete: true, milliseconds: 4)))
  }

  private static func findings(_ change: (inout Checkup) -> Void) -> [Finding] {
    var checkup = sound()
    change(&checkup)
    return Diagnosis.findings(checkup)
  }

  private static func refuseFanotify(_ checkup: inout Checkup) {
    checkup.backends[1].works = false
    checkup.backends[1].refusal = "fanotify_init: EPERM"
  }

  @Test("where all is well there is nothing to say")
  func sound() {
    #expect(Self.findings { _ in } == [])
    #expect(DoctorReport(Self.sound()).isFine)
    #expect(DoctorReport(Self.sound()).text.hasSuffix("\n\nNothing to mend.\n"))
  }

  @Test("a tree that needs more watches than are left is told with the line that raises the limit")
  func watches() throws {
    let findings = Self.findings {
      Self.refuseFanotify(&$0)
      $0.place.census?.directories = 300_000
    }
    let first = try #require(findings.first)
    #expect(first.level == .mend)
    #expect(
      first.text
        == "/srv/site needs 300,000 watches; 8,092 of 8,192 are left. The rest would be polled.")
    #expect(first.remedy.first == "sudo sysctl fs.inotify.max_user_watches=1048576")
    #expect(first.remedy.count == 2)
  }

  @Test("exactly what is left is enough", arguments: [(8_092, true), (8_093, false)])
  func exactly(directories: Int, isEnough: Bool) {
    let findings = Self.findings {
      Self.refuseFanotify(&$0)
      $0.place.census?.directories = directories
    }
    #expect(!findings.contains { $0.level == .mend } == isEnough)
  }

  @Test("a count that was not finished says so")
  func unfinished() {
    let findings = Self.findings {
      $0.place.census?.directories = 300_000
      $0.place.census?.isComplete = false
    }
    #expect(findings.first?.text.contains("300,000 or more watches") == true)
  }

  @Test(
    "instances are a note when nearly used up, and to be mended when gone",
    arguments: [(115, nil), (116, .note), (127, .note), (128, .mend)] as [(Int, Finding.Level?)])
  func instances(used: Int, level: Finding.Level?) {
    let findings = Self.findings { $0.limits[1].used = used }
    #expect(findings.first?.level == level)
  }

  @Test("every trouble has its finding, and its remedy where there is one")
  func others() {
    #expect(Self.findings { $0.descriptors.hard = 512 }.first?.level == .mend)
    #expect(Self.findings { $0.limits[2].maximum = 1_024 }.first?.level == .mend)
    let remote = Self.findings {
      $0.place.isRemote = true
      $0.place.filesystem = "nfs"
      $0.place.census?.directories = 300_000
    }
    #expect(remote.map(\.level) == [.note])
    #expect(remote.first?.text.contains("is on nfs: ") == true)
    #expect(remote.first?.text.contains("polls it, every 2s") == true)
    #expect(Self.findings { $0.holders.hidden = 3 }.first?.remedy == ["sudo tidings doctor"])
    #expect(Self.findings(Self.refuseFanotify).map(\.level) == [.note])
    let blind = Self.findings {
      Self.refuseFanotify(&$0)
      $0.backends[0].works = false
      $0.backends[0].refusal = "inotify_init1: EMFILE"
    }
    #expect(
      blind.first?.text
        == "The kernel lets this process watch nothing: inotify_init1: EMFILE; "
        + "fanotify_init: EPERM.")
  }

  @Test("an unreadable directory is named so that it can be pasted")
  func unreadable() {
    let findings = Self.findings {
      $0.place.census?.unreadable = 2
      $0.place.census?.unreadableExample = "it's here"
    }
    #expect(findings.first?.remedy == [#"sudo setfacl -m u:1000:rx '/srv/site/it'\''s here'"#])
  }

  @Test("nothing that a terminal would obey is printed")
  func controls() {
    var checkup = Self.sound()
    checkup.place.path = "/srv/a\u{1B}[2J\nb"
    checkup.holders.processes = [WatchHolder(pid: 7, name: "x\u{7}", user: 1000)]
    let text = DoctorReport(checkup).text
    #expect(text.contains(#"/srv/a\x1b[2J\x0ab"#))
    #expect(text.contains(#"x\x07 (pid 7)"#))
  }

  @Test("what must be mended comes before what is good to know")
  func order() {
    let findings = Self.findings {
      Self.refuseFanotify(&$0)
      $0.descriptors.hard = 512
    }
    #expect(findings.map(\.level) == [.mend, .note])
  }

  @Test(
    "numbers are grouped",
    arguments: [
      (0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-1_000, "-1,000"),
    ])
  func grouping(number: Int, text: String) { #expect(number.grouped == text) }
}
