import Foundation

/// Finds out who listens on a TCP port of this machine (proc(5)).
enum PortHolder {
  /// `nginx (pid 812)`; nil when the holder is another user's and cannot be seen.
  static func describe(port: UInt16) -> String? {
    let sockets = listeningSockets(port: port)
    guard !sockets.isEmpty else { return nil }
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    for process in processes where process.allSatisfy(\.isNumber) {
      let directory = "/proc/\(process)/fd"
      for entry in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
        guard
          let target = try? FileManager.default.destinationOfSymbolicLink(
            atPath: "\(directory)/\(entry)"), sockets.contains(target)
        else { continue }
        let name = (try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)) ?? "?"
        return "\(name.trimmingCharacters(in: .whitespacesAndNewlines)) (pid \(process))"
      }
    }
    return nil
  }

  /// The link targets (`socket:[inode]`) of the sockets in state LISTEN.
  private static func listeningSockets(port: UInt16) -> Set<String> {
    let hexadecimal = String(port, radix: 16, uppercase: true)
    let suffix = ":" + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
    var found: Set<String> = []
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
      let text = (try? String(contentsOfFile: table, encoding: .utf8)) ?? ""
      for line in text.split(separator: "\n").dropFirst() {
        let columns = line.split(separator: " ")
        guard columns.count > 9, columns[1].hasSuffix(suffix), columns[3] == "0A" else { continue }
        found.insert("socket:[\(columns[9])]")
      }
    }
    return found
  }
}
