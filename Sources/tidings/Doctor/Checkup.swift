import FileWatching
import Foundation
import Inotify
import Syscalls
import SystemPackage

/// Everything `tidings doctor` finds out, as plain facts: what it prints as JSON and judges by.
struct Checkup: Codable, Equatable {
  /// A way of watching, tried out.
  struct Backend: Codable, Equatable {
    var name: String
    var works: Bool
    /// The call that was refused, and what the kernel said.
    var refusal: String?
  }

  /// A bound that the kernel keeps.
  struct Limit: Codable, Equatable {
    /// As sysctl(8) names it.
    var name: String
    /// Nil where it cannot be read, or this kernel has none.
    var maximum: Int?
    /// What the processes of this user hold, as far as they can be seen; nil for what nobody holds.
    var used: Int?
  }

  /// RLIMIT_NOFILE of getrlimit(2).
  struct Descriptors: Codable, Equatable {
    var soft: Int
    var hard: Int
  }

  /// The directory that was asked about.
  struct Place: Codable, Equatable {
    /// Canonical.
    var path: String
    var filesystem: String
    var isRemote: Bool
    /// Nil for a file.
    var census: DirectoryCensus?
  }

  var kernel: String
  /// The real user's number: limits count for it.
  var user: UInt32
  var userName: String
  var backends: [Backend]
  var limits: [Limit]
  var descriptors: Descriptors
  var holders: WatchHolders
  var place: Place

  /// The limit of that name; nil when it is not known.
  func limit(_ name: String) -> Limit? { limits.first { $0.name == name } }

  func works(_ backend: String) -> Bool { backends.contains { $0.name == backend && $0.works } }
}

extension Checkup {
  /// Looks at the machine and at `path`, whose directories are counted for at most `patience`. Throws
  /// EX_NOINPUT when nothing stands there, EX_NOPERM when it cannot be reached.
  init(of path: String, patience: Duration) throws(Failure) {
    do throws(Errno) {
      let root = try OpenFile.place(FilePath(path))
      let filesystem = try Filesystem(of: root.descriptor)
      let isDirectory = try FileStatus.of(root.descriptor).kind == .directory
      place = Place(
        path: String(decoding: try root.currentPath(), as: UTF8.self),
        filesystem: filesystem.name, isRemote: filesystem.isRemote,
        census: isDirectory ? DirectoryCensus(below: root, limit: patience) : nil)
      backends = [Self.probeInotify(path), Self.probeFanotify(path)]
    } catch {
      let message = "\(path): \(error)"
      throw error == .permissionDenied ? .noPermission(message) : .noInput(message)
    }
    kernel = Self.number(at: "/proc/sys/kernel/osrelease") { $0 } ?? "unknown"
    user = getuid()
    userName = NSUserName()
    let holders = WatchHolders.scan()
    let mine = holders.total(of: getuid())
    self.holders = holders
    let used: [String: Int] = [
      "fs.inotify.max_user_watches": mine.inotifyWatches,
      "fs.inotify.max_user_instances": mine.inotifyInstances,
      "fs.fanotify.max_user_marks": mine.fanotifyMarks,
      "fs.fanotify.max_user_groups": mine.fanotifyGroups,
    ]
    limits = Self.limitNames.map { name in
      let file = "/proc/sys/" + name.replacingOccurrences(of: ".", with: "/")
      return Limit(name: name, maximum: Self.number(at: file) { Int($0) }, used: used[name])
    }
    var files = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
    descriptors = Descriptors(
      soft: Int(clamping: files.rlim_cur), hard: Int(clamping: files.rlim_max))
  }

  private static let limitNames = [
    "fs.inotify.max_user_watches", "fs.inotify.max_user_instances",
    "fs.inotify.max_queued_events", "fs.fanotify.max_user_marks", "fs.fanotify.max_user_groups",
    "fs.fanotify.max_queued_events",
  ]

  private static func number<Value>(at file: String, _ read: (String) -> Value?) -> Value? {
    guard let data = FileManager.default.contents(atPath: file) else { return nil }
    return read(
      String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
  }

  private static func probeInotify(_ path: String) -> Backend {
    let instance: InotifyInstance
    do throws(Errno) { instance = try InotifyInstance() } catch {
      return Backend(name: "inotify", works: false, refusal: "inotify_init1: \(error)")
    }
    do throws(Errno) { _ = try instance.addWatch(FilePath(path), .create) } catch {
      return Backend(name: "inotify", works: false, refusal: "inotify_add_watch: \(error)")
    }
    return Backend(name: "inotify", works: true)
  }

  /// Tried on the directory itself, or on the one that holds the file: not every filesystem has the
  /// handles it takes.
  private static func probeFanotify(_ path: String) -> Backend {
    do throws(Errno) {
      var place = try OpenFile.place(FilePath(path))
      if try FileStatus.of(place.descriptor).kind != .directory {
        let full = String(decoding: try place.currentPath(), as: UTF8.self)
        place = try OpenFile.place(FilePath(full).removingLastComponent())
      }
      // A mark wants more than a place: the directory open for reading.
      let directory = try OpenFile.directory(beneath: place.descriptor, ".")
      do throws(FanotifyProbe.Refusal) {
        try FanotifyProbe.run(on: directory.descriptor)
        return Backend(name: "fanotify", works: true)
      } catch {
        return Backend(name: "fanotify", works: false, refusal: "\(error.call): \(error.error)")
      }
    } catch {
      return Backend(name: "fanotify", works: false, refusal: "open: \(error)")
    }
  }
}
