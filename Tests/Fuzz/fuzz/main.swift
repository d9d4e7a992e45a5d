// fuzz TARGET [LIBFUZZER OPTION…] CORPUS…: one parser or encoder under libFuzzer, told to stop at the
// first broken promise. Built by deploy/fuzz, with every module instrumented.
import CFuzzer

/// What is fuzzed. Each traps when a promise is broken.
let targets: [String: (UnsafeRawBufferPointer) -> Void] = [
  "http1": fuzzHTTP1, "websocket": fuzzWebSocket, "events": fuzzEvents, "json": fuzzJSON,
  "glob": fuzzGlob, "gitignore": fuzzGitIgnore, "cursor": fuzzCursor, "query": fuzzQuery,
  "inotify": fuzzInotify, "fanotify": fuzzFanotify,
]

let name = CommandLine.arguments.dropFirst().first ?? ""
guard targets[name] != nil else {
  fatalError("fuzz TARGET [OPTION…]; targets: \(targets.keys.sorted().joined(separator: " "))")
}
var arguments: [UnsafeMutablePointer<CChar>?] =
  ([CommandLine.arguments[0]] + CommandLine.arguments.dropFirst(2)).map { duplicate($0) } + [nil]
var count = Int32(arguments.count - 1)

func duplicate(_ text: String) -> UnsafeMutablePointer<CChar> {
  let bytes = Array(text.utf8CString)
  let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
  copy.initialize(from: bytes, count: bytes.count)
  return copy
}

let status = arguments.withUnsafeMutableBufferPointer { buffer in
  var base = buffer.baseAddress
  return LLVMFuzzerRunDriver(&count, &base) { bytes, size in
    targets[name]!(UnsafeRawBufferPointer(start: bytes, count: size))
    return 0
  }
}
if status != 0 { fatalError("libFuzzer: \(status)") }
