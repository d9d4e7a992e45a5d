extension HTTP1RequestParser {
  /// Why a request is not understood. The driver answers with `status` and closes: where one
  /// message ends and the next begins can no longer be trusted.
  package struct Refusal: Error, Sendable, Equatable {
    /// 400, 413, 414, 417, 421, 431, 501 or 505.
    package var status: Int
    /// One sentence for people, naming the field or the offset in its line. Holds nothing the
    /// peer sent but field names, which are tokens.
    package var detail: String

    package init(_ status: Int, _ detail: String) {
      self.status = status
      self.detail = detail
    }

    static func malformed(_ detail: String) -> Refusal { Refusal(400, detail) }
  }
}
