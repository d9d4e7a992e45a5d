/// The list of modules in Package.swift, read from its text: the manifest is the one place that
/// says what stands on what.
struct Manifest {
  struct Module: Equatable {
    var name: String
    var floor: Int
    var standsOn: [String]
    /// Products of other packages.
    var packages: [String]
  }

  var modules: [Module]

  /// Reads the entries between `let modules: [Module] = [` and the bracket that closes it.
  init(_ text: String) {
    guard let start = text.firstRange(of: "let modules: [Module] = ["),
      let end = text[start.upperBound...].firstRange(of: "\n]\n")
    else {
      modules = []
      return
    }
    let list = text[start.upperBound..<end.lowerBound]
      .split(separator: "\n").filter { !$0.trimmed.hasPrefix("//") }.joined(separator: "\n")
    modules = list.split(separator: "Module(").dropFirst(list.hasPrefix("Module(") ? 0 : 1)
      .compactMap(Self.module)
  }

  subscript(name: String) -> Module? { modules.first { $0.name == name } }

  private static func module(_ entry: Substring) -> Module? {
    guard let name = quoted(entry).first,
      let floor = entry.firstMatch(of: /floor: (\d+)/).flatMap({ Int($0.1) })
    else { return nil }
    return Module(
      name: name, floor: floor,
      standsOn: list("on:", in: entry), packages: list("packages:", in: entry))
  }

  /// The quoted words in the brackets after `label`.
  private static func list(_ label: String, in entry: Substring) -> [String] {
    guard let start = entry.firstRange(of: label),
      let open = entry[start.upperBound...].firstIndex(of: "["),
      let close = entry[open...].firstIndex(of: "]")
    else { return [] }
    return quoted(entry[open..<close])
  }

  private static func quoted(_ text: Substring) -> [String] {
    text.matches(of: /"([^"]*)"/).map { String($0.1) }
  }
}

extension StringProtocol {
  var trimmed: SubSequence {
    guard let first = firstIndex(where: { !$0.isWhitespace }),
      let last = lastIndex(where: { !$0.isWhitespace })
    else { return self[endIndex...] }
    return self[first...last]
  }
}
