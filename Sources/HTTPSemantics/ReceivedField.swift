internal import Bytes
package import HTTPTypes

extension HTTPField {
  /// A field whose value came from a peer. As by `init(name:value:)` from bytes, in half the time
  /// where the value is ASCII, as nearly all are.
  package init(name: Name, received value: UnsafeRawBufferPointer) {
    if ASCII.holdsOnly(value) {
      self.init(name: name, value: String(decoding: value, as: UTF8.self))
    } else {
      self.init(name: name, value: value)
    }
  }
}
