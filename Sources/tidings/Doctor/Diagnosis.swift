/// One thing that is not as it should be.
struct Finding: Codable, Equatable {
  enum Level: String, Codable {
    /// Good to know.
    case note
    /// Watching fails, or will.
    case mend
  }

  var level: Level
  /// One or two sentences, with the numbers in them.
  var text: String
  /// Lines to type.
  var remedy: [String] = []
}

/// What the facts of a checkup mean. Pure: the same facts, the same findings.
enum Diagnosis {
  /// What watching needs and what is in its way, worst first.
  static func findings(_ checkup: Checkup) -> [Finding] {
    let findings =
      [
        backends(checkup), watches(checkup), instances(checkup), queue(checkup),
        descriptors(checkup), unreadable(checkup), remote(checkup), fanotify(checkup),
        hidden(checkup),
      ].compactMap { $0 }
    return findings.filter { $0.level == .mend } + findings.filter { $0.level == .note }
  }

  private static func backends(_ checkup: Checkup) -> Finding? {
    guard !checkup.backends.contains(where: \.works) else { return nil }
    let refusals = checkup.backends.compactMap(\.refusal).joined(separator: "; ")
    return Finding(level: .mend, text: "The kernel lets this process watch nothing: \(refusals).")
  }

  /// Directories below the place against what is left of the limit of the backend that is used where
  /// none is named.
  private static func watches(_ checkup: Checkup) -> Finding? {
    guard !checkup.place.isRemote else { return nil }  // polled
    let name = "fs.inotify.max_user_watches"
    guard let limit = checkup.limit(name), let maximum = limit.maximum else { return nil }
    let needed = checkup.place.census?.directories ?? 1
    let used = limit.used ?? 0
    guard used + needed > maximum else { return nil }
    let more = checkup.place.census?.isComplete == false ? " or more" : ""
    return Finding(
      level: .mend,
      text: "\(checkup.place.path) needs \(needed.grouped)\(more) watches; "
        + "\(max(0, maximum - used).grouped) of \(maximum.grouped) are left. The rest would be polled.",
      remedy: sysctl(name, enough(for: 2 * (used + needed), atLeast: 524_288)))
  }

  private static func instances(_ checkup: Checkup) -> Finding? {
    let name = "fs.inotify.max_user_instances"
    guard let limit = checkup.limit(name), let maximum = limit.maximum, let used = limit.used,
      used * 10 >= maximum * 9
    else { return nil }
    return Finding(
      level: used >= maximum ? .mend : .note,
      text: "\(used.grouped) of \(maximum.grouped) inotify instances are in use.",
      remedy: sysctl(name, enough(for: 2 * maximum, atLeast: 1_024)))
  }

  private static func queue(_ checkup: Checkup) -> Finding? {
    let name = "fs.inotify.max_queued_events"
    guard let maximum = checkup.limit(name)?.maximum, maximum < 16_384 else { return nil }
    return Finding(
      level: .mend,
      text: "The kernel keeps \(maximum.grouped) records at most; more at once are lost, "
        + "and each loss costs a rescan.",
      remedy: sysctl(name, 16_384))
  }

  /// `serve` and `daemon` raise the soft limit themselves; the hard one they cannot.
  private static func descriptors(_ checkup: Checkup) -> Finding? {
    guard checkup.descriptors.hard < 1_024 else { return nil }
    return Finding(
      level: .mend,
      text: "A process may have \(checkup.descriptors.hard.grouped) files open; "
        + "each client of the server takes one.",
      remedy: ["sudo prlimit --pid $$ --nofile=65536:65536"])
  }

  private static func unreadable(_ checkup: Checkup) -> Finding? {
    guard let census = checkup.place.census, let example = census.unreadableExample else {
      return nil
    }
    let path = example == "." ? checkup.place.path : checkup.place.path + "/" + example
    let many =
      census.unreadable == 1
      ? "\(path) cannot be read, and so not be watched."
      : "\(census.unreadable.grouped) directories cannot be read, and so not be watched; the first "
        + "is \(path)."
    return Finding(
      level: .mend, text: "\(many) Let this user in, or leave it out with --exclude.",
      remedy: ["sudo setfacl -m u:\(checkup.user):rx \(path.quotedForShell)"])
  }

  private static func remote(_ checkup: Checkup) -> Finding? {
    guard checkup.place.isRemote else { return nil }
    return Finding(
      level: .note,
      text:
        "\(checkup.place.path) is on \(checkup.place.filesystem): the kernel tells nobody here what "
        + "other machines change there. A watch that names no backend polls it, every 2s unless its "
        + "pollInterval says otherwise.")
  }

  private static func fanotify(_ checkup: Checkup) -> Finding? {
    guard checkup.works("inotify"),
      let refusal = checkup.backends.first(where: { $0.name == "fanotify" })?.refusal
    else { return nil }
    return Finding(
      level: .note,
      text:
        "fanotify is refused here (\(refusal)), and so is a watch that names it as its backend; "
        + "inotify works.")
  }

  private static func hidden(_ checkup: Checkup) -> Finding? {
    let hidden = checkup.holders.hidden
    guard hidden > 0 else { return nil }
    let processes = hidden == 1 ? "1 process" : "\(hidden.grouped) processes"
    return Finding(
      level: .note, text: "\(processes) could not be looked into. Limits count per user.",
      remedy: ["sudo tidings doctor"])
  }

  private static func sysctl(_ name: String, _ value: Int) -> [String] {
    [
      "sudo sysctl \(name)=\(value)",
      "echo '\(name)=\(value)' | sudo tee /etc/sysctl.d/60-tidings-\(name.suffixAfterLastDot).conf",
    ]
  }

  /// The next power of two.
  private static func enough(for number: Int, atLeast least: Int) -> Int {
    var value = least
    while value < number { value *= 2 }
    return value
  }
}

extension String {
  fileprivate var suffixAfterLastDot: Substring {
    self[(lastIndex(of: ".").map(index(after:)) ?? startIndex)...]
  }

  /// One word for sh(1), whatever it holds.
  var quotedForShell: String {
    let plain = utf8.allSatisfy {
      (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x2B...0x3A).contains($0)
        || $0 == 0x5F
    }
    return plain && !isEmpty
      ? self
      : "'"
        + split(separator: "'", omittingEmptySubsequences: false)
        .joined(separator: #"'\''"#) + "'"
  }
}

extension Int {
  /// With commas between the thousands, wherever one is.
  var grouped: String {
    var digits = String(magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return (self < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
  }
}
