// print-events DIR…: every record of the kernel with its flags, as they come.
import Inotify
import SystemPackage

let instance = try InotifyInstance()
var names: [WatchDescriptor: String] = [:]
for directory in CommandLine.arguments.dropFirst() {
  names[try instance.addWatch(FilePath(directory), .allEvents)] = directory
}
print("ready")

while !names.isEmpty {
  for event in try instance.read(delay: .milliseconds(1)) {
    let entry = event.name.map { "/\($0)" } ?? ""
    let cookie = event.cookie == 0 ? "" : " cookie \(event.cookie)"
    print("\(names[event.watch] ?? "the queue")\(entry): \(event.mask)\(cookie)")
    if event.mask.contains(.ignored) { names[event.watch] = nil }
  }
}
