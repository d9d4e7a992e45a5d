import Foundation

/// What one open descriptor holds, as /proc/PID/fdinfo tells (proc(5)).
enum WatchDescriptorUse: Equatable {
  /// An inotify instance and its watches.
  case inotify(watches: Int)
  /// A fanotify group and its marks.
  case fanotify(marks: Int)

  /// Reads the link target of a descriptor and, for those that matter, its fdinfo; nil for others.
  init?(target: String, fdinfo: @autoclosure () -> String) {
    switch target {
    case "anon_inode:inotify", "anon_inode:[inotify]":
      self = .inotify(watches: Self.count("inotify wd:", in: fdinfo()))
    case "anon_inode:[fanotify]":
      // The first line is about the group: `fanotify flags:… event-flags:…`.
      let text = fdinfo()
      self = .fanotify(
        marks: ["fanotify ino:", "fanotify mnt_id:", "fanotify sdev:"]
          .reduce(0) { $0 + Self.count($1, in: text) })
    default: return nil
    }
  }

  private static func count(_ prefix: String, in text: String) -> Int {
    text.split(separator: "\n").count { $0.hasPrefix(prefix) }
  }
}

/// A process that watches something.
struct WatchHolder: Codable, Equatable {
  var pid: Int
  var name: String
  /// Its real user's number.
  var user: UInt32
  var inotifyInstances = 0
  var inotifyWatches = 0
  var fanotifyGroups = 0
  var fanotifyMarks = 0

  mutating func add(_ use: WatchDescriptorUse) {
    switch use {
    case .inotify(let watches):
      inotifyInstances += 1
      inotifyWatches += watches
    case .fanotify(let marks):
      fanotifyGroups += 1
      fanotifyMarks += marks
    }
  }
}

/// Who watches, as far as this user may see. An instance that was inherited by fork counts for each
/// process that has it open: nothing in /proc tells them apart.
struct WatchHolders: Codable, Equatable {
  /// Those that hold most first.
  var processes: [WatchHolder] = []
  /// Processes of other users, whose descriptors are not to be seen.
  var hidden = 0

  /// What the processes of `user` hold together.
  func total(of user: UInt32) -> WatchHolder {
    processes.filter { $0.user == user }.reduce(into: WatchHolder(pid: 0, name: "", user: user)) {
      $0.inotifyInstances += $1.inotifyInstances
      $0.inotifyWatches += $1.inotifyWatches
      $0.fanotifyGroups += $1.fanotifyGroups
      $0.fanotifyMarks += $1.fanotifyMarks
    }
  }

  /// Looks at every process there is, but this one.
  static func scan() -> WatchHolders {
    var found = WatchHolders()
    for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let pid = Int(entry), pid != getpid() else { continue }
      switch look(at: pid) {
      case .holder(let holder): found.processes.append(holder)
      case .hidden: found.hidden += 1
      case .nothing: break
      }
    }
    found.processes.sort {
      ($0.inotifyWatches + $0.fanotifyMarks, $1.pid) > (
        $1.inotifyWatches + $1.fanotifyMarks, $0.pid
      )
    }
    return found
  }

  private enum Look {
    case holder(WatchHolder)
    /// Its descriptors are not for this user to see.
    case hidden
    /// It watches nothing, is the kernel's own, or has ended.
    case nothing
  }

  private static func look(at pid: Int) -> Look {
    guard let status = text("/proc/\(pid)/status"), let stat = text("/proc/\(pid)/stat"),
      !ProcessText.isKernelThread(stat: stat)
    else { return .nothing }
    let entries: [String]
    do {
      entries = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")
    } catch {
      // It has ended meanwhile, or it is somebody else's.
      return FileManager.default.fileExists(atPath: "/proc/\(pid)") ? .hidden : .nothing
    }
    var holder = WatchHolder(
      pid: pid, name: ProcessText.field("Name", of: status) ?? "?",
      user: ProcessText.field("Uid", of: status).flatMap { UInt32($0) } ?? 0)
    for entry in entries {
      guard
        let target = try? FileManager.default.destinationOfSymbolicLink(
          atPath: "/proc/\(pid)/fd/\(entry)"),
        let use = WatchDescriptorUse(
          target: target, fdinfo: text("/proc/\(pid)/fdinfo/\(entry)") ?? "")
      else { continue }
      holder.add(use)
    }
    return holder.inotifyInstances + holder.fanotifyGroups == 0 ? .nothing : .holder(holder)
  }

  private static func text(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }
}

/// What proc(5) writes about one process.
enum ProcessText {
  /// The first word of a line of /proc/PID/status: of `Uid:`, the real user.
  static func field(_ name: String, of status: String) -> String? {
    for line in status.split(separator: "\n") where line.hasPrefix(name + ":") {
      return line.dropFirst(name.count + 1).split { $0 == "\t" || $0 == " " }.first.map(String.init)
    }
    return nil
  }

  /// PF_KTHREAD among the flags, the ninth word of /proc/PID/stat. The second is the name in
  /// brackets, which may hold anything.
  static func isKernelThread(stat: String) -> Bool {
    guard let end = stat.lastIndex(of: ")") else { return false }
    let words = stat[stat.index(after: end)...].split(separator: " ")
    guard words.count > 6, let flags = UInt32(words[6]) else { return false }
    return flags & 0x0020_0000 != 0
  }
}
