/// A protocol of the house as an echo: takes bytes, gives bytes and says what comes next. No I/O.
protocol EchoProtocol: AnyObject {
  /// Takes what came and appends what is to be sent. The bytes are valid during the call only.
  func receive(_ bytes: UnsafeRawBufferPointer, into output: inout [UInt8]) -> EchoStep
}

enum EchoStep {
  case goOn
  /// Everything is said once the output has been sent.
  case close
  /// Another protocol takes over, beginning with what came behind.
  case become(any EchoProtocol, unread: [UInt8])
}
