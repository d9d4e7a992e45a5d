#define _GNU_SOURCE 1
#include <CLinux.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

const int tidings_at_empty_path = AT_EMPTY_PATH;
const int tidings_o_path = O_PATH;
const int tidings_o_directory = O_DIRECTORY;
const int tidings_o_nofollow = O_NOFOLLOW;
const unsigned int tidings_rename_exchange = RENAME_EXCHANGE;
const unsigned int tidings_rename_noreplace = RENAME_NOREPLACE;

int tidings_openat2(int directory, const char *path, unsigned long long flags,
                    unsigned long long resolve) {
  struct open_how how = {.flags = flags, .mode = 0, .resolve = resolve};
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

long tidings_getdents64(int directory, void *buffer, unsigned long length) {
  return syscall(SYS_getdents64, directory, buffer, length);
}

int tidings_accept4(int listener, struct sockaddr *address, socklen_t *length, int flags) {
  return accept4(listener, address, length, flags);
}

long tidings_send(int descriptor, const void *bytes, unsigned long length, int flags) {
  return syscall(SYS_sendto, descriptor, bytes, length, flags, NULL, 0);
}

int tidings_ioctl_int(int descriptor, unsigned long request, int *value) {
  return ioctl(descriptor, request, value);
}

int tidings_name_thread(const char *name) { return pthread_setname_np(pthread_self(), name); }

static long long nanoseconds(struct statx_timestamp time) {
  return time.tv_sec * 1000000000ll + time.tv_nsec;
}

// Of a mount for good, where STATX_MNT_ID is given to the next once it is gone; Linux 6.8.
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000u
#endif

int tidings_statx(int directory, const char *name, int flags, struct tidings_stat *result) {
  struct statx found;
  unsigned int wanted = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID | STATX_MNT_ID_UNIQUE;
  int outcome = statx(directory, name, flags, wanted, &found);
  if (outcome != 0) return outcome;
  result->mode = found.stx_mode;
  result->links = found.stx_nlink;
  result->uid = found.stx_uid;
  result->gid = found.stx_gid;
  result->inode = found.stx_ino;
  result->device = makedev(found.stx_dev_major, found.stx_dev_minor);
  result->size = found.stx_size;
  result->mtime_ns = nanoseconds(found.stx_mtime);
  result->ctime_ns = nanoseconds(found.stx_ctime);
  result->btime_ns = found.stx_mask & STATX_BTIME ? nanoseconds(found.stx_btime) : 0;
  result->mount_id = found.stx_mask & (STATX_MNT_ID | STATX_MNT_ID_UNIQUE) ? found.stx_mnt_id : 0;
  return 0;
}

int tidings_file_handle(int directory, const char *name, int flags, unsigned char *handle) {
  union {
    struct file_handle handle;
    unsigned char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
  } space;
  int mount;
  space.handle.handle_bytes = MAX_HANDLE_SZ;
  if (name_to_handle_at(directory, name, &space.handle, &mount, flags) != 0) return -1;
  memcpy(handle, &space.handle.handle_type, 4);
  memcpy(handle + 4, space.handle.f_handle, space.handle.handle_bytes);
  return (int)space.handle.handle_bytes + 4;
}

int tidings_renameat2(int old_directory, const char *old_name, int new_directory,
                      const char *new_name, unsigned int flags) {
  return renameat2(old_directory, old_name, new_directory, new_name, flags);
}
