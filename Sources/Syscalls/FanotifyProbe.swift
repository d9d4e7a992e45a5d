package import SystemPackage

/// Whether this kernel lets this process watch directories by fanotify(7) marks, with the names of
/// both ends of a rename. Found by trying: versions and container policies tell less.
package enum FanotifyProbe {
  /// Which call was refused, and why.
  package struct Refusal: Error, Sendable, Equatable {
    package let call: String
    package let error: Errno
  }

  /// What is marked.
  package enum Scope: Sendable {
    case directory
    /// All of the one the directory is on: wants CAP_SYS_ADMIN.
    case filesystem
  }

  /// Marks the open `directory`, or the filesystem it is on, in a group of its own and gives both up
  /// again. The C functions are
  /// `fanotify_init`, `fanotify_mark` with FAN_RENAME (EINVAL before Linux 5.17) and
  /// `name_to_handle_at`.
  package static func run(
    on directory: Int32, _ scope: Scope = .directory
  ) throws(Refusal) {
    let group: FanotifyGroup
    do throws(Errno) { group = try FanotifyGroup() } catch {
      throw Refusal(call: "fanotify_init", error: error)
    }
    do throws(Errno) {
      let mask: FanotifyMask = [.create, .rename, .onDirectory]
      switch scope {
      case .directory: try group.mark(directory, mask)
      case .filesystem: try group.markFilesystem(of: directory, mask)
      }
    } catch {
      throw Refusal(call: "fanotify_mark", error: error)
    }
    do throws(Errno) { _ = try ObjectHandle.of(directory) } catch {
      throw Refusal(call: "name_to_handle_at", error: error)
    }
  }
}
