internal import CLinux
internal import Foundation
internal import SystemPackage

/// What this process has used so far (getrusage(2), proc(5)). What /proc does not say is 0.
package struct ProcessUsage: Sendable {
  /// Of all threads, user and system.
  package var cpuSeconds = 0.0
  package var residentBytes = 0
  package var virtualBytes = 0
  package var openDescriptors = 0
  package var maximumDescriptors = 0
  /// Seconds since 1970.
  package var startedAt = 0.0

  /// Reads a few small files: some tens of microseconds.
  package static func now() -> ProcessUsage {
    var usage = ProcessUsage()
    var times = rusage()
    if getrusage(RUSAGE_SELF.rawValue, &times) == 0 {
      usage.cpuSeconds = seconds(times.ru_utime) + seconds(times.ru_stime)
    }
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      usage.maximumDescriptors = Int(clamping: limit.rlim_cur)
    }
    let pages = words("/proc/self/statm").compactMap { Int($0) }
    if pages.count >= 2 {
      usage.virtualBytes = pages[0] * Int(sysconf(Int32(_SC_PAGESIZE)))
      usage.residentBytes = pages[1] * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
    // One of them is the directory being read.
    let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.count ?? 0
    usage.openDescriptors = max(0, open - 1)
    usage.startedAt = startTime
    return usage
  }

  /// The moment of boot and the ticks from there to our start (field 22 of /proc/self/stat, counted
  /// behind the name, which may hold anything).
  private static let startTime: Double = {
    let boot = content("/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }
    let stat = content("/proc/self/stat")
    guard let boot = boot.flatMap({ Double($0.dropFirst(6)) }),
      let end = stat.lastIndex(of: ")")
    else { return 0 }
    let fields = stat[end...].split(separator: " ")
    guard fields.count > 20, let ticks = Double(fields[20]) else { return 0 }
    return boot + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
  }()

  private static func seconds(_ time: timeval) -> Double {
    Double(time.tv_sec) + Double(time.tv_usec) / 1e6
  }

  private static func words(_ path: String) -> [Substring] {
    content(path).split { $0 == " " || $0 == "\n" }
  }

  private static func content(_ path: String) -> String {
    guard let bytes = try? OpenFile.content(of: FilePath(path)) else { return "" }
    return String(decoding: bytes, as: UTF8.self)
  }
}
