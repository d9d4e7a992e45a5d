/// Why a request is not passed on, and with what to answer. The connection goes on.
package struct HTTP2Refusal: Error, Sendable, Equatable {
  /// 400, 431 or 501.
  package var status: Int
  /// One sentence for people.
  package var detail: String

  init(_ status: Int, _ detail: String) {
    self.status = status
    self.detail = detail
  }
}
