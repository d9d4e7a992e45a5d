internal import CLinux
internal import Glibc

/// An open descriptor that closes itself when the last owner lets go. The C function is `close`.
package final class OpenFile: Sendable {
  package let descriptor: Int32

  /// Takes ownership of `descriptor`.
  package init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { _ = close(descriptor) }
}
