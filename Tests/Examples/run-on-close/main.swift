// run-on-close DIR PATTERN COMMAND…: runs the command with each file that matches the pattern
// (**/*.csv) once its writer has closed it, one at a time.
import FileWatching
import Foundation
import SystemPackage

let arguments = CommandLine.arguments
var options = FileWatcher.Options()
options.kinds = [.create, .modify]
options.include = [arguments[2]]
let watcher = try FileWatcher(FilePath(arguments[1]), options: options)
print("ready")

while let change = watcher.next() {
  guard change.isClosed, change.type == .file else { continue }
  let handler = Process()
  handler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  handler.arguments = Array(arguments.dropFirst(3)) + [change.path.string]
  try handler.run()
  handler.waitUntilExit()
}
