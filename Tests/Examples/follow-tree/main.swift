// follow-tree DIR: follows a whole tree, asynchronously, until the tree itself is deleted.
import FileWatching
import SystemPackage

let root = FilePath(CommandLine.arguments[1])
let watcher = try await FileWatcher.watching(root)
print("ready")

for await change in watcher {
  switch change.kind {
  case .reset:
    print("look again at \(change.path)\(change.error.map { ": \($0)" } ?? "")")
  case .move:
    print("\(change.from ?? root) is now \(change.path)")
  default:
    print("\(change.kind) \(change.path)")
  }
  if change.kind == .delete, change.path == root { break }
}
