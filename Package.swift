// swift-tools-version: 6.2
// The map of the house: every module, the floor it lives on and what it stands on.
// Tests/LayeringTests reads the same list and holds the import lines to it.
import PackageDescription

struct Module {
  enum Kind {
    case header, library, executable
    /// Installed with the system; found by pkg-config.
    case system(pkgConfig: String, apt: String)
  }
  let name: String
  let floor: Int
  let kind: Kind
  let standsOn: [String]
  let packages: [String]
  let resources: [Resource]

  init(
    _ name: String, floor: Int, _ kind: Kind = .library, on standsOn: [String] = [],
    packages: [String] = [], resources: [Resource] = []
  ) {
    self.name = name
    self.floor = floor
    self.kind = kind
    self.standsOn = standsOn
    self.packages = packages
    self.resources = resources
  }
}

let modules: [Module] = [
  // 6: command line, configuration, assembly
  Module(
    "tidings", floor: 6, .executable,
    on: [
      "Server", "TidingsClient", "FileWatching", "HTTP2", "EventFormats", "FileEvents",
      "HTTPSemantics", "Syscalls", "Inotify", "Bytes",
    ],
    packages: ["ArgumentParser", "Logging", "SystemPackage"]),
  // 5: listener, connections, drivers, routes, static files, security checks
  Module(
    "Server", floor: 5,
    on: [
      "Fanout", "FileWatching", "EventLoop", "HTTP1", "HTTP2", "WebSocket", "EventFormats",
      "FileEvents", "HTTPSemantics", "Compression", "Syscalls", "Bytes",
    ],
    packages: ["HTTPTypes", "Logging", "SystemPackage"], resources: [.embedInCode("Public")]),
  Module(
    "TidingsClient", floor: 5,
    on: ["EventFormats", "HTTP1", "HTTPSemantics", "Syscalls", "Bytes"],
    packages: ["HTTPTypes", "SystemPackage", "DequeModule"]),
  // 4: journal, subscriptions as cursors, matching index, overflow policy, encode-once broadcasts
  Module(
    "Fanout", floor: 4, on: ["EventFormats", "FileEvents", "Bytes"], packages: ["DequeModule"]),
  // 3: the tree and its backends; the epoll loop; protocols and formats without I/O
  Module(
    "FileWatching", floor: 3, on: ["FileEvents", "Inotify", "Syscalls", "Bytes"],
    packages: ["DequeModule", "SystemPackage"]),
  Module("EventLoop", floor: 3, on: ["Syscalls"], packages: ["HeapModule", "SystemPackage"]),
  Module("HTTP1", floor: 3, on: ["HTTPSemantics", "Bytes"], packages: ["HTTPTypes"]),
  Module("HTTP2", floor: 3, on: ["CNghttp2", "HTTPSemantics", "Bytes"], packages: ["HTTPTypes"]),
  Module(
    "WebSocket", floor: 3, on: ["HTTPSemantics", "Compression", "Bytes"], packages: ["HTTPTypes"]),
  Module("EventFormats", floor: 3, on: ["FileEvents", "Bytes"]),
  // 2: what a change is; what a request means
  Module("FileEvents", floor: 2, on: ["Bytes"]),
  Module("HTTPSemantics", floor: 2, on: ["Bytes"], packages: ["HTTPTypes"]),
  Module("Compression", floor: 2, on: ["CZlib"]),
  // 1: the kernel, one verb a call; bytes
  Module("Syscalls", floor: 1, on: ["CLinux"], packages: ["SystemPackage"]),
  Module("Inotify", floor: 1, on: ["CLinux"], packages: ["SystemPackage"]),
  Module("Bytes", floor: 1),
  // 0: headers and a few shims, no logic
  Module("CLinux", floor: 0, .header),
  Module("CNghttp2", floor: 0, .system(pkgConfig: "libnghttp2", apt: "libnghttp2-dev")),
  Module("CZlib", floor: 0, .system(pkgConfig: "zlib", apt: "zlib1g-dev")),
]

/// Modules with tests of their own, and what those tests reach for besides it. `TIDINGS_TESTS` names
/// the one whose tests are built alone, for a build that must not cost more (deploy/sanitize).
let tests: [(name: String, reaches: [String])] = [
  (
    "ServerTests",
    ["Server", "Compression", "EventFormats", "HTTPSemantics", "FileEvents", "Syscalls"]
  ),
  ("EventLoopTests", ["EventLoop", "Syscalls"]),
  ("BytesTests", ["Bytes"]),
  ("HTTPSemanticsTests", ["HTTPSemantics", "Bytes"]),
  ("HTTP1Tests", ["HTTP1"]),
  ("HTTP2Tests", ["HTTP2"]),
  ("WebSocketTests", ["WebSocket", "Compression", "Bytes"]),
  ("CompressionTests", ["Compression"]),
  ("TidingsClientTests", ["TidingsClient", "EventFormats", "HTTP1", "Syscalls"]),
  ("LayeringTests", []),
  ("EventFormatsTests", ["EventFormats", "FileEvents"]),
  ("FanoutTests", ["Fanout", "EventFormats", "FileEvents"]),
  ("FileEventsTests", ["FileEvents", "Bytes"]),
  ("FileWatchingTests", ["FileWatching", "FileEvents", "Syscalls", "CLinux"]),
  ("InotifyTests", ["Inotify"]),
  ("ExamplesTests", ["print-events", "follow-tree", "run-on-close"]),
  ("CommandTests", ["tidings", "FileEvents"]),
].filter { $0.name == Context.environment["TIDINGS_TESTS"] ?? $0.name }

/// Programs that show the libraries at work, in Tests/Examples: built and run by ExamplesTests, in no
/// product. They see what other packages see, the public part.
let examples: [(name: String, uses: [String])] = [
  ("print-events", ["Inotify"]), ("follow-tree", ["FileWatching"]),
  ("run-on-close", ["FileWatching"]),
]

/// Programs for other people's test suites, in Tests/Conformance: made of the same modules, in no
/// product.
let conformance: [(name: String, standsOn: [String], packages: [String])] = [
  (
    "protocol-echo", ["EventLoop", "HTTP1", "HTTP2", "WebSocket", "Syscalls"],
    ["HTTPTypes", "SystemPackage"]
  )
]

let products: [String: (package: String, url: String, from: Version)] = [
  "ArgumentParser": (
    "swift-argument-parser", "https://github.com/apple/swift-argument-parser", "1.8.0"
  ),
  "Logging": ("swift-log", "https://github.com/apple/swift-log", "1.16.0"),
  "HTTPTypes": ("swift-http-types", "https://github.com/apple/swift-http-types", "1.8.0"),
  "SystemPackage": ("swift-system", "https://github.com/apple/swift-system", "1.8.0"),
  "HeapModule": ("swift-collections", "https://github.com/apple/swift-collections", "1.6.0"),
  "DequeModule": ("swift-collections", "https://github.com/apple/swift-collections", "1.6.0"),
]

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

func dependencies(_ modules: [String], _ packages: [String]) -> [Target.Dependency] {
  modules.map { .target(name: $0) }
    + packages.map { .product(name: $0, package: products[$0]!.package) }
}

/// What the modules named stand on outside the house: their tests speak of it too.
func packages(of names: [String]) -> [String] {
  let used = modules.filter { names.contains($0.name) }.flatMap(\.packages)
  return Set(examples.contains { names.contains($0.name) } ? used + ["SystemPackage"] : used)
    .sorted()
}

/// What deploy/fuzz builds: nothing else links against libFuzzer.
let fuzzing: [Target] =
  Context.environment["TIDINGS_FUZZ"] == nil
  ? []
  : [
    .target(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
    .executableTarget(
      name: "fuzz",
      dependencies: dependencies(
        [
          "CFuzzer", "HTTP1", "WebSocket", "EventFormats", "FileEvents", "HTTPSemantics",
          "Syscalls", "Inotify", "Bytes",
        ], ["HTTPTypes"]),
      path: "Tests/Fuzz/fuzz", swiftSettings: settings),
  ]

let package = Package(
  name: "tidings",
  products: [
    .executable(name: "tidings", targets: ["tidings"]),
    .library(name: "Inotify", targets: ["Inotify"]),
    .library(name: "TidingsClient", targets: ["TidingsClient"]),
    .library(name: "FileWatching", targets: ["FileWatching"]),
  ],
  dependencies: Set(products.values.map(\.url)).sorted().map { url in
    .package(url: url, from: products.values.first { $0.url == url }!.from)
  },
  targets: modules.map { module in
    let stands = dependencies(module.standsOn, module.packages)
    return switch module.kind {
    case .header: .target(name: module.name)
    case .system(let pkgConfig, let apt):
      .systemLibrary(name: module.name, pkgConfig: pkgConfig, providers: [.apt([apt])])
    case .library:
      .target(
        name: module.name, dependencies: stands, resources: module.resources,
        swiftSettings: settings)
    case .executable:
      .executableTarget(name: module.name, dependencies: stands, swiftSettings: settings)
    }
  }
    + tests.map { test in
      .testTarget(
        name: test.name, dependencies: dependencies(test.reaches, packages(of: test.reaches)),
        // Scenarios are read where they lie.
        exclude: test.name == "FileWatchingTests" ? ["Scenarios"] : [], swiftSettings: settings)
    }
    + examples.map { example in
      .executableTarget(
        name: example.name, dependencies: dependencies(example.uses, ["SystemPackage"]),
        path: "Tests/Examples/\(example.name)", packageAccess: false, swiftSettings: settings)
    }
    + conformance.map { program in
      .executableTarget(
        name: program.name, dependencies: dependencies(program.standsOn, program.packages),
        path: "Tests/Conformance/\(program.name)", swiftSettings: settings)
    }
    + fuzzing
)
