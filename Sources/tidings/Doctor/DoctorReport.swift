import Foundation

/// A checkup and its findings, for people or as JSON.
struct DoctorReport {
  let checkup: Checkup
  let findings: [Finding]

  /// Whether there is nothing to mend.
  var isFine: Bool { !findings.contains { $0.level == .mend } }

  init(_ checkup: Checkup) {
    self.checkup = checkup
    findings = Diagnosis.findings(checkup)
  }

  /// How many holders are shown to people.
  private static let shownHolders = 10

  /// For people: facts first, then what to do, last what matters most.
  var text: String {
    var lines = ["System"]
    lines.append(Self.row("kernel", checkup.kernel))
    for backend in checkup.backends {
      lines.append(
        Self.row(backend.name, backend.works ? "works" : "refused (\(backend.refusal ?? "?"))"))
    }
    lines.append(Self.row("user", "\(checkup.userName) (\(checkup.user))"))
    lines.append(Self.row("open files", openFiles))
    lines += ["", "Limits"]
    lines += Self.table(
      [["", "in use", "at most"]]
        + checkup.limits.map { limit in
          [limit.name, limit.used?.grouped ?? "", limit.maximum?.grouped ?? "unknown"]
        })
    lines += ["", "Who watches"]
    lines += holders
    lines += ["", checkup.place.path]
    let remote = checkup.place.isRemote ? "remote" : "local"
    lines.append(Self.row("filesystem", "\(checkup.place.filesystem), \(remote)"))
    if let census = checkup.place.census {
      let bound = census.isComplete ? "" : "at least "
      lines.append(
        Self.row(
          "directories",
          "\(bound)\(census.directories.grouped) (counted in \(census.milliseconds) ms)"))
    }
    for finding in findings where finding.level == .note {
      lines += ["", "Note: \(finding.text)"] + finding.remedy.map { "  \($0)" }
    }
    for finding in findings where finding.level == .mend {
      lines += ["", "To mend: \(finding.text) Type:"] + finding.remedy.map { "  \($0)" }
      if finding.remedy.isEmpty { lines[lines.count - 1].removeLast(" Type:".count) }
    }
    if isFine { lines += ["", "Nothing to mend."] }
    return lines.map(Self.withoutControls).joined(separator: "\n") + "\n"
  }

  /// For programs: the facts, the findings and the verdict.
  var json: Data {
    struct Document: Encodable {
      let checkup: Checkup
      let findings: [Finding]
      let ok: Bool
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // Numbers, strings and lists of them: nothing here can fail to be encoded.
    let document = try? encoder.encode(Document(checkup: checkup, findings: findings, ok: isFine))
    return (document ?? Data()) + Data("\n".utf8)
  }

  private var openFiles: String {
    let (soft, hard) = (checkup.descriptors.soft, checkup.descriptors.hard)
    return soft == hard
      ? "\(soft.grouped) at most" : "\(soft.grouped), which the server raises to \(hard.grouped)"
  }

  private var holders: [String] {
    let processes = checkup.holders.processes
    guard !processes.isEmpty else { return ["  nobody that can be seen"] }
    var lines = Self.table(
      [["", "inotify watches", "fanotify marks"]]
        + processes.prefix(Self.shownHolders).map {
          ["\($0.name) (pid \($0.pid))", $0.inotifyWatches.grouped, $0.fanotifyMarks.grouped]
        })
    if processes.count > Self.shownHolders {
      lines.append("  and \((processes.count - Self.shownHolders).grouped) with fewer")
    }
    return lines
  }

  /// What a terminal would obey, in the name of a process or directory, is shown as `\xNN`.
  private static func withoutControls(_ line: String) -> String {
    line.unicodeScalars.reduce(into: "") { text, scalar in
      if scalar.properties.generalCategory == .control {
        text += "\\x" + String(scalar.value + 0x100, radix: 16).suffix(2)
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
  }

  private static func row(_ name: String, _ value: String) -> String {
    "  " + name.padding(toLength: 15, withPad: " ", startingAt: 0) + value
  }

  /// The first column to the left, numbers to the right.
  private static func table(_ rows: [[String]]) -> [String] {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + space : space + cell
      }
      return "  " + cells.joined(separator: "   ")
    }
  }
}
