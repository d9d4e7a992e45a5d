import FileEvents

/// One thing that happens to a tree, as the tables of the tests say it.
enum Happening: Sendable {
  case put(String, FileType)
  case modify(String)
  case delete(String)
  case move(String, String)
  case exchange(String, String)
  case reset(String, ResetReason)
}

extension World {
  /// Not yet published.
  func happen(_ happening: Happening) {
    switch happening {
    case .put(let path, let type): put(path, type)
    case .modify(let path): modify(path)
    case .delete(let path): delete(path)
    case .move(let from, let path): move(from, to: path)
    case .exchange(let from, let path): exchange(from, path)
    case .reset(let path, let reason): reset(path, reason)
    }
  }
}
