/* What the kernel makes unavoidable, and nothing else: what deploy/bench compares with.
 *
 *   floor print DIR            each record of the tree below DIR as a line, read every 5 ms
 *   floor print-now DIR        the same, read at once
 *   floor sse|ws PORT DIR      a file made in DIR is told to every client: one read, one send each
 *   floor flood DIR CYCLES     makes, writes, renames and (six of seven) removes a file, in 100 directories
 *   floor tree DIR FILES       16 files in each new directory, 50 directories in each directory
 *
 * One thread, errors end it. The generators say how many kernel records or entries they made.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MASK (IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR)

static int notify;
static char records[256 << 10] __attribute__((aligned(8)));

/* Paths by watch descriptor. */
static char **paths;
static int path_room;

static void out_of(int bad, const char *what) {
  if (bad) err(1, "%s", what);
}

/* Arms first and lists afterwards, so that nothing made meanwhile is missed. */
static void arm(const char *path) {
  int watch = inotify_add_watch(notify, path, MASK);
  if (watch < 0) {
    out_of(errno != ENOENT, path);
    return;
  }
  while (watch >= path_room) {
    int room = path_room ? path_room * 2 : 1024;
    out_of(!(paths = realloc(paths, room * sizeof *paths)), "realloc");
    memset(paths + path_room, 0, (room - path_room) * sizeof *paths);
    path_room = room;
  }
  free(paths[watch]);
  paths[watch] = strdup(path);
  DIR *directory = opendir(path);
  if (!directory) return;
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    char below[4096];
    snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
    arm(below);
  }
  closedir(directory);
}

static void print(const char *root, useconds_t gather) {
  static char buffer[1 << 16];
  setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  arm(root);
  for (struct pollfd ready = {notify, POLLIN, 0};;) {
    out_of(poll(&ready, 1, -1) < 0, "poll");
    if (gather) usleep(gather);  // so that one read takes many: what a cheap reader does
    ssize_t count = read(notify, records, sizeof records);
    out_of(count < 0, "read");
    for (char *at = records; at < records + count;) {
      struct inotify_event *event = (void *)at;
      at += sizeof *event + event->len;
      if (event->mask & IN_Q_OVERFLOW) puts("overflow");
      if (event->wd < 0 || event->wd >= path_room || !paths[event->wd] || !event->len) continue;
      printf("%x %s/%s\n", event->mask, paths[event->wd], event->name);
      if ((event->mask & IN_ISDIR) && event->mask & (IN_CREATE | IN_MOVED_TO)) {
        char below[4096];
        snprintf(below, sizeof below, "%s/%s", paths[event->wd], event->name);
        arm(below);
      }
    }
    fflush(stdout);
  }
}

static int clients[20000], client_count;

static void tell(const char *message, size_t length) {
  for (int i = 0; i < client_count; i++)
    if (send(clients[i], message, length, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)length) {
      close(clients[i]);
      clients[i--] = clients[--client_count];
    }
}

/* As many bytes as Tidings says of such a change. */
static size_t event_text(char *out, const char *name, int is_socket) {
  char text[256];
  int length = snprintf(
      text, sizeof text,
      "{\"event\":\"change\",\"id\":\"abcdefghijkl-%06d\",\"watch\":\"floor-0000\",\"kind\":\"create\",\"path\":\"%s\","
      "\"type\":\"file\",\"time\":\"2026-01-01T00:00:00.000000Z\",\"size\":0}",
      1, name);
  if (!is_socket) return sprintf(out, "event: change\nid: abcdefghijkl-000001\ndata: %s\n\n", text);
  out[0] = (char)0x81, out[1] = 126, out[2] = (char)(length >> 8), out[3] = (char)length;
  memcpy(out + 4, text, length);
  return 4 + length;
}

static void broadcast(int is_socket, int port, const char *directory) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  out_of(inotify_add_watch(notify, directory, IN_CREATE) < 0, directory);
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1, loop = epoll_create1(0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  out_of(bind(listener, (void *)&address, sizeof address) || listen(listener, 4096), "listen");
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
  epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
  event.data.fd = notify;
  epoll_ctl(loop, EPOLL_CTL_ADD, notify, &event);
  static const char *head[] = {
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"};
  for (;;) {
    int count = epoll_wait(loop, events, 256, -1);
    for (int i = 0; i < count; i++) {
      int ready = events[i].data.fd;
      if (ready == listener) {
        int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (client < 0) continue;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        event.data.fd = client;
        epoll_ctl(loop, EPOLL_CTL_ADD, client, &event);
      } else if (ready == notify) {
        static char message[1 << 20];
        size_t length = 0;
        ssize_t got = read(notify, records, sizeof records);
        for (char *at = records; at < records + got;) {
          struct inotify_event *record = (void *)at;
          at += sizeof *record + record->len;
          if (record->len && length < sizeof message - 512)
            length += event_text(message + length, record->name, is_socket);
        }
        if (length) tell(message, length);
      } else {
        char request[4096];
        ssize_t got = recv(ready, request, sizeof request, 0);
        if (got <= 0) {
          for (int j = 0; j < client_count; j++)
            if (clients[j] == ready) clients[j] = clients[--client_count];
          close(ready);
        } else if (got > 4 && !memcmp(request, "GET ", 4)) {
          if (send(ready, head[is_socket], strlen(head[is_socket]), MSG_NOSIGNAL) > 0) clients[client_count++] = ready;
        }
      }
    }
  }
}

static void flood(const char *root, long cycles) {
  char from[4096], to[4096];
  long made = 0;
  for (long i = 0; i < cycles; i++) {
    snprintf(from, sizeof from, "%s/d%02ld/f%ld", root, i % 100, i);
    snprintf(to, sizeof to, "%s/d%02ld/g%ld", root, (i + 1) % 100, i);
    int file = open(from, O_CREAT | O_WRONLY, 0644);
    out_of(file < 0 || write(file, "x", 1) != 1 || close(file), from);
    out_of(rename(from, to), to);
    made += 5;
    if (i % 7) out_of(unlink(to), to), made++;
  }
  printf("%ld\n", made);
}

static void tree(const char *root, long files) {
  char path[4096];
  long made = 0;
  for (long i = 0; i < files; i++) {
    long directory = i / 16;
    if (i % 16 == 0) {
      if (directory % 50 == 0) {
        snprintf(path, sizeof path, "%s/t%ld", root, directory / 50);
        out_of(mkdir(path, 0755), path), made++;
      }
      snprintf(path, sizeof path, "%s/t%ld/u%ld", root, directory / 50, directory);
      out_of(mkdir(path, 0755), path), made++;
    }
    snprintf(path, sizeof path, "%s/t%ld/u%ld/file-%ld.c", root, directory / 50, directory, i);
    int file = open(path, O_CREAT | O_WRONLY, 0644);
    out_of(file < 0 || write(file, path, 64) != 64 || close(file), path), made++;
  }
  printf("%ld\n", made);
}

int main(int count, char **words) {
  out_of((notify = inotify_init1(IN_CLOEXEC)) < 0, "inotify_init1");
  if (count == 3 && !strcmp(words[1], "print")) print(words[2], 5000);
  if (count == 3 && !strcmp(words[1], "print-now")) print(words[2], 0);
  if (count == 4 && !strcmp(words[1], "flood")) return flood(words[2], atol(words[3])), 0;
  if (count == 4 && !strcmp(words[1], "tree")) return tree(words[2], atol(words[3])), 0;
  if (count == 4) broadcast(!strcmp(words[1], "ws"), atoi(words[2]), words[3]);
  errx(2, "see the comment at the top of floor.c");
}
