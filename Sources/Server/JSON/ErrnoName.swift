internal import Foundation

/// The symbol of an errno, as the man pages write it.
enum ErrnoName {
  /// `ENOSPC` for 28; the number itself for what nobody listed.
  static func of(_ number: Int32) -> String { names[number] ?? String(number) }

  private static let names: [Int32: String] = [
    EPERM: "EPERM", ENOENT: "ENOENT", EINTR: "EINTR", EIO: "EIO", EBADF: "EBADF",
    EAGAIN: "EAGAIN", ENOMEM: "ENOMEM", EACCES: "EACCES", EEXIST: "EEXIST", EXDEV: "EXDEV",
    ENOTDIR: "ENOTDIR", EISDIR: "EISDIR", EINVAL: "EINVAL", ENFILE: "ENFILE", EMFILE: "EMFILE",
    ENOSPC: "ENOSPC", EROFS: "EROFS", ENAMETOOLONG: "ENAMETOOLONG", ENOSYS: "ENOSYS",
    ELOOP: "ELOOP", EOVERFLOW: "EOVERFLOW", EOPNOTSUPP: "EOPNOTSUPP", ESTALE: "ESTALE",
    ETIMEDOUT: "ETIMEDOUT", EADDRINUSE: "EADDRINUSE", ECONNRESET: "ECONNRESET",
  ]
}
