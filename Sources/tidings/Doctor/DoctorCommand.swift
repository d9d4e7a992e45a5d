import ArgumentParser
import Foundation

/// `tidings doctor [DIR]`: what watching needs here, and what is in its way.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Say whether this machine can watch a directory, and what to type if not.",
    discussion: """
      Looks at the kernel's limits and who uses them up, tries each way of watching, counts the \
      directories that need a watch. Changes nothing. Status: 0 when nothing needs mending, 1 when \
      something does.
      """)

  @Argument(help: ArgumentHelp("Directory or file to be watched.", valueName: "dir"))
  var directory = "."

  @Flag(help: "Print the facts and findings as JSON.")
  var json = false

  @Option(help: ArgumentHelp("Longest time to count directories.", valueName: "duration"))
  var patience = DurationArgument(value: .seconds(3))

  func run() throws {
    var report: DoctorReport?
    try Failure.reported { () throws(Failure) in
      report = DoctorReport(try Checkup(of: directory, patience: patience.value))
    }
    guard let report else { return }
    try FileHandle.standardOutput.write(contentsOf: json ? report.json : Data(report.text.utf8))
    if !report.isFine { throw ExitCode(1) }
  }
}
