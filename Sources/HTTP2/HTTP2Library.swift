internal import CNghttp2

/// The libnghttp2 this process runs with, which may be another than it was built with.
package enum HTTP2Library {
  /// The oldest that is run with: what came before lacks RFC 9218's fairness between streams, and
  /// mends that nobody backports any more.
  package static let oldest = "1.52.0"

  /// As the library says it, `1.52.0`. The C function is `nghttp2_version`.
  package static var version: String {
    guard let info = nghttp2_version(0) else { return "0" }
    return String(cString: info.pointee.version_str)
  }

  /// Whether the library is new enough.
  package static var isSupported: Bool { nghttp2_version(0x01_34_00) != nil }
}
