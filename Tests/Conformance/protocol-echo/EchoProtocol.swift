import HTTPTypes

/// A protocol of the house as an echo: takes bytes, gives bytes and says what comes next. No I/O.
protocol EchoProtocol: AnyObject {
  /// Takes what came, at `now` in monotonic nanoseconds, and appends what is to be sent. The bytes
  /// are valid during the call only.
  func receive(_ bytes: UnsafeRawBufferPointer, now: Int64, into output: inout [UInt8]) -> EchoStep
}

enum EchoStep {
  case goOn
  /// Everything is said once the output has been sent.
  case close
  /// Another protocol takes over, beginning with what came behind.
  case become(any EchoProtocol, unread: [UInt8])
}

/// What a request is for, whatever it came by.
enum EchoEndpoint {
  /// `/`: any method is answered 200 with the content it came with, at most `contentLimit` bytes.
  case content
  /// `/echo`
  case webSocket
  /// 404
  case nothing

  static let contentLimit = 16 << 20

  init(_ request: HTTPRequest) {
    switch (request.path ?? "").prefix(while: { $0 != "?" }) {
    case "/": self = .content
    case "/echo": self = .webSocket
    default: self = .nothing
    }
  }
}
