package import HTTPTypes
package import Syscalls

/// An answer as meant: drivers turn it into bytes. Fields that belong to the connection or to every
/// answer (`Worker.everyAnswer`, Connection, Content-Length) are added by the driver.
package struct Response: Sendable {
  package enum Body: Sendable {
    case empty
    case bytes([UInt8])
    /// `length` bytes from `offset` of an open file, sent by sendfile(2).
    case file(OpenFile, offset: Int, length: Int)

    /// Bytes.
    package var count: Int {
      switch self {
      case .empty: 0
      case .bytes(let bytes): bytes.count
      case .file(_, _, let length): length
      }
    }
  }

  package var status: HTTPResponse.Status
  package var fields: HTTPFields { didSet { prepared = nil } }
  /// `fields` as they are sent, where that is known.
  private(set) var prepared: PreparedFields?
  package var body: Body

  package init(status: HTTPResponse.Status, fields: HTTPFields = [:], body: Body = .empty) {
    self.status = status
    self.fields = fields
    self.body = body
  }

  /// The answer that says what a file is.
  init(status: HTTPResponse.Status, _ representation: Representation, body: Body) {
    self.init(status: status, fields: representation.fields, body: body)
    prepared = representation.prepared
  }
}
