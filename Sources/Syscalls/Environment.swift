internal import Glibc

/// What the process was started with.
package enum Environment {
  /// Exact bytes; nil when it is not set or empty. The C function is `getenv`.
  package static func value(_ name: String) -> [UInt8]? {
    guard let text = getenv(name), text.pointee != 0 else { return nil }
    return Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
  }
}
