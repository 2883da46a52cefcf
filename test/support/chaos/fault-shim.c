/*
 * Preloaded before libc: one system call of a kind, on files of a kind, fails as the test has set.
 *
 * The test and all processes of the server map a small file (FAULT_CONTROL). The test writes which call fails. This library
 * counts the matching calls, and records the failure.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

struct control {
  _Atomic int number;  /* Calls that still succeed, plus one; 0: no call fails. */
  _Atomic int error;   /* The errno of the failure. */
  _Atomic int failed;  /* Number of failures. */
  char call[16];       /* write, sync, read or rename. */
  char path[128];      /* A part of the file's path. */
};

static struct control *control;

__attribute__((constructor)) static void start(void) {
  const char *file = getenv("FAULT_CONTROL");
  int fd = file == NULL ? -1 : open(file, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *shared = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (shared != MAP_FAILED) control = shared;
}

static int fails(const char *call, const char *path) {
  if (strcmp(control->call, call) != 0 || strstr(path, control->path) == NULL) return 0;
  int before = atomic_load(&control->number);
  while (before > 0 && !atomic_compare_exchange_weak(&control->number, &before, before - 1)) continue;
  if (before != 1) return 0;
  atomic_fetch_add(&control->failed, 1);
  errno = control->error;
  return 1;
}

static int path_fails(const char *call, const char *path) {
  return control != NULL && atomic_load(&control->number) > 0 && fails(call, path);
}

static int fd_fails(const char *call, int fd) {
  if (control == NULL || atomic_load(&control->number) == 0) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return fails(call, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define WRAP(kind, type, name, parameters, arguments)            \
  type name parameters {                                         \
    static __typeof__(&name) real;                               \
    if (real == NULL) real = REAL(name);                         \
    return fd_fails(kind, fd) ? (type)-1 : real arguments;       \
  }

WRAP("write", ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))
WRAP("write", ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
WRAP("write", ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
WRAP("write", ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
WRAP("write", ssize_t, pwritev, (int fd, const struct iovec *parts, int count, off_t at), (fd, parts, count, at))
WRAP("write", ssize_t, pwritev64, (int fd, const struct iovec *parts, int count, off64_t at), (fd, parts, count, at))
WRAP("read", ssize_t, read, (int fd, void *data, size_t size), (fd, data, size))
WRAP("read", ssize_t, pread, (int fd, void *data, size_t size, off_t at), (fd, data, size, at))
WRAP("read", ssize_t, pread64, (int fd, void *data, size_t size, off64_t at), (fd, data, size, at))
WRAP("read", ssize_t, readv, (int fd, const struct iovec *parts, int count), (fd, parts, count))
WRAP("read", ssize_t, preadv, (int fd, const struct iovec *parts, int count, off_t at), (fd, parts, count, at))
WRAP("read", ssize_t, preadv64, (int fd, const struct iovec *parts, int count, off64_t at), (fd, parts, count, at))
WRAP("sync", int, fsync, (int fd), (fd))
WRAP("sync", int, fdatasync, (int fd), (fd))

int rename(const char *from, const char *to) {
  static __typeof__(&rename) real;
  if (real == NULL) real = REAL(rename);
  return path_fails("rename", from) ? -1 : real(from, to);
}
