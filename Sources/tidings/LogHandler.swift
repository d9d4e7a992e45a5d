import Foundation
import Logging

/// One line on standard error per message, in the words of the message; under systemd the journal
/// adds the time itself.
struct TerminalLog: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .info

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let pairs = metadata.merging(event.metadata ?? [:]) { $1 }
      .sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    let level = event.level >= .warning ? "\(event.level): " : ""
    Terminal.say("tidings: \(level)\(event.message)\(pairs)")
  }
}
