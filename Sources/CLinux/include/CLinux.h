// Linux calls and constants that Swift's view of glibc does not carry: headers, and shims only
// where glibc hides a call behind _GNU_SOURCE (Swift imports glibc without it, and two views of one
// struct do not mix), a macro or an untyped argument. No logic.
#ifndef TIDINGS_CLINUX_H
#define TIDINGS_CLINUX_H

#include <linux/openat2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/fsuid.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>

/// openat2(2): no wrapper in glibc 2.36. -1 and errno on failure.
int tidings_openat2(int directory, const char *path, unsigned long long flags,
                    unsigned long long resolve);

/// getdents64(2): the raw records; name bytes, d_type and inode without a DIR * per directory.
long tidings_getdents64(int directory, void *buffer, unsigned long length);

/// accept4(2).
int tidings_accept4(int listener, struct sockaddr *address, socklen_t *length, int flags);

/// send(2) that is no cancellation point: glibc's switches cancellation on and off around it, with an
/// atomic instruction each, in a process of several threads.
long tidings_send(int descriptor, const void *bytes, unsigned long length, int flags);

/// ioctl(2) with an int result (FIONREAD, SIOCOUTQ).
int tidings_ioctl_int(int descriptor, unsigned long request, int *value);

/// pthread_setname_np(3) for the calling thread; `name` of at most 15 bytes.
int tidings_name_thread(const char *name);

/// What statx(2) told, in plain numbers.
struct tidings_stat {
  unsigned int mode;
  unsigned int links;
  unsigned int uid;
  unsigned int gid;
  unsigned long long inode;
  unsigned long long device;
  unsigned long long size;
  long long mtime_ns;
  long long ctime_ns;
  long long btime_ns; // 0 when the filesystem keeps none
  unsigned long long mount_id;
};

/// statx(2) by directory and name; `flags` are AT_* of statx(2).
int tidings_statx(int directory, const char *name, int flags, struct tidings_stat *result);

/// name_to_handle_at(2): bytes of type and handle into `handle` (at most 8 + 128).
/// Returns the length used, or -1 and errno.
int tidings_file_handle(int directory, const char *name, int flags, unsigned char *handle);

/// renameat2(2).
int tidings_renameat2(int old_directory, const char *old_name, int new_directory,
                      const char *new_name, unsigned int flags);

/// AT_EMPTY_PATH, O_PATH, O_DIRECTORY, O_NOFOLLOW, RENAME_EXCHANGE: hidden behind _GNU_SOURCE.
extern const int tidings_at_empty_path;
extern const int tidings_o_path;
extern const int tidings_o_directory;
extern const int tidings_o_nofollow;
extern const unsigned int tidings_rename_exchange;
extern const unsigned int tidings_rename_noreplace;

#endif
