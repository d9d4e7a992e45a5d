import Testing

@testable import tidings

@Suite("What /proc says about who watches")
struct ProcessTextTests {
  private static let inotify = """
    pos:\t0
    flags:\t02004000
    mnt_id:\t15
    ino:\t1039
    inotify wd:2 ino:3df9e sdev:fe00000 mask:fc6 ignored_mask:0 fhandle-bytes:8 fhandle-type:1
    inotify wd:1 ino:3df9d sdev:fe00000 mask:100 ignored_mask:0 fhandle-bytes:8 fhandle-type:1

    """
  private static let fanotify = """
    pos:\t0
    flags:\t02000002
    fanotify flags:1e01 event-flags:8000
    fanotify ino:3df9d sdev:fe00000 mflags:0 mask:40000100 ignored_mask:0 fhandle-bytes:8
    fanotify mnt_id:12 mflags:0 mask:3b ignored_mask:0
    fanotify sdev:fe00000 mflags:0 mask:3b ignored_mask:0

    """

  @Test(
    "a descriptor holds what its fdinfo lists",
    arguments: [
      ("anon_inode:inotify", inotify, .inotify(watches: 2)),
      ("anon_inode:inotify", "pos:\t0\n", .inotify(watches: 0)),
      ("anon_inode:[fanotify]", fanotify, .fanotify(marks: 3)),
      ("anon_inode:[eventfd]", inotify, nil), ("/etc/passwd", inotify, nil),
    ] as [(String, String, WatchDescriptorUse?)])
  func descriptors(target: String, fdinfo: String, expected: WatchDescriptorUse?) {
    #expect(WatchDescriptorUse(target: target, fdinfo: fdinfo) == expected)
  }

  @Test("the text of a descriptor that does not matter is not read")
  func lazy() {
    var isRead = false
    func text() -> String {
      isRead = true
      return ""
    }
    _ = WatchDescriptorUse(target: "socket:[7]", fdinfo: text())
    #expect(!isRead)
  }

  @Test(
    "a kernel thread is known by its flags, whatever its name",
    arguments: [
      ("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0", true),
      ("9 (a) 1 2 3 4 5 (x)) S 1 9 9 0 -1 4194304 0", false),
      ("9 (sh) S 1 9 9 0 -1 4194560 120", false), ("9 (sh", false), ("", false),
    ])
  func kernelThreads(stat: String, expected: Bool) {
    #expect(ProcessText.isKernelThread(stat: stat) == expected)
  }

  @Test("a field of the status is its first word")
  func fields() {
    let status = "Name:\tnode\nUmask:\t0022\nUid:\t1000\t1001\t1000\t1000\n"
    #expect(ProcessText.field("Name", of: status) == "node")
    #expect(ProcessText.field("Uid", of: status) == "1000")
    #expect(ProcessText.field("Gid", of: status) == nil)
  }

  @Test("limits count what all processes of one user hold")
  func totals() {
    var holders = WatchHolders()
    for (pid, user) in [(1, 7), (2, 7), (3, 8)] as [(Int, UInt32)] {
      var holder = WatchHolder(pid: pid, name: "n", user: user)
      holder.add(.inotify(watches: 10 * pid))
      holder.add(.fanotify(marks: pid))
      holders.processes.append(holder)
    }
    let total = holders.total(of: 7)
    #expect(total.inotifyWatches == 30)
    #expect(total.inotifyInstances == 2)
    #expect(total.fanotifyMarks == 3)
    #expect(total.fanotifyGroups == 2)
  }
}
