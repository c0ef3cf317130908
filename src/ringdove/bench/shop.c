/* A shop's program beside an SMS gateway of another make: asks for texts over HTTP, on some
 * connections at once that stay open, and hears what it is told about them (the receipts) on a port
 * of its own. One thread, epoll, 127.0.0.1 only.
 *
 * shop PORT CONNECTIONS COUNT HEAR_PORT FIRST_NUMBER BEFORE AFTER
 *   asks for BEFORE + number + AFTER, COUNT times; ends when COUNT calls were heard, or when nothing
 *   has moved for ten seconds. Prints one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 16384, STALLED_S = 10 };
enum kind { DOOR, ASKING, HEARING };

typedef struct {
    int fd;
    enum kind kind;
    size_t held;
    char in[ROOM];
} talk;

static long asked, taken, refused, heard, count;
static double now, first_ask, last_taken, last_heard, moved_at;
static const char *before, *after;
static unsigned long long number;

static void die(const char *what) { perror(what); exit(1); }

static double clock_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void push(int fd, const char *bytes, int length)
{
    while (length > 0) { /* requests and answers are small: they fit into the socket's buffer */
        ssize_t n = send(fd, bytes, (size_t)length, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return;
        if (n > 0)
            bytes += n, length -= (int)n;
    }
}

static void ask(talk *t)
{
    char request[2048];
    if (asked == count)
        return;
    if (!asked)
        first_ask = clock_s();
    int n = snprintf(request, sizeof request,
                     "GET %s%llu%s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n\r\n",
                     before, number + (unsigned long long)asked, after);
    asked++;
    push(t->fd, request, n);
}

/* The length of a whole message that begins here, or 0 while it is not all there. */
static size_t whole(const char *from, size_t length)
{
    const char *end = memmem(from, length, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t header = (size_t)(end - from) + 4, body = 0;
    for (const char *line = from; line < end; line++) {
        if (!strncasecmp(line, "\r\ncontent-length:", 17))
            body = strtoul(line + 17, NULL, 10);
    }
    return header + body <= length ? header + body : 0;
}

static void hear(talk *t, const char *message)
{
    moved_at = now;
    if (t->kind == HEARING) {
        static const char fine[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        heard++;
        last_heard = now;
        push(t->fd, fine, sizeof fine - 1);
        return;
    }
    if (!strncmp(message + 9, "202", 3) || !strncmp(message + 9, "200", 3))
        taken++;
    else
        refused++;
    last_taken = now;
    ask(t);
}

static int reach(int port)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (fd < 0 || connect(fd, (void *)&there, sizeof there))
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static int open_door(int port)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (void *)&here, sizeof here) || listen(fd, 512))
        die("listen");
    return fd;
}

static talk *begin(int poller, int fd, enum kind kind)
{
    talk *t = calloc(1, sizeof *t);
    if (!t)
        die("memory");
    t->fd = fd;
    t->kind = kind;
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = t };
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
    return t;
}

static void read_in(talk *t)
{
    ssize_t n = recv(t->fd, t->in + t->held, ROOM - 1 - t->held, MSG_DONTWAIT);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            close(t->fd);
            free(t);
        }
        return;
    }
    int one = 1;
    setsockopt(t->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
    t->held += (size_t)n;
    size_t at = 0, length;
    while ((length = whole(t->in + at, t->held - at))) {
        hear(t, t->in + at);
        at += length;
    }
    memmove(t->in, t->in + at, t->held -= at);
}

int main(int argc, char **argv)
{
    if (argc != 8)
        return fprintf(stderr, "shop PORT CONNECTIONS COUNT HEAR_PORT FIRST BEFORE AFTER\n"), 2;
    int poller = epoll_create1(0), connections = atoi(argv[2]);
    count = atol(argv[3]);
    number = strtoull(argv[5], NULL, 10);
    before = argv[6], after = argv[7];
    talk *door = begin(poller, open_door(atoi(argv[4])), DOOR);
    moved_at = now = clock_s();
    for (int i = 0; i < connections; i++)
        ask(begin(poller, reach(atoi(argv[1])), ASKING));
    while (heard < count && now - moved_at < STALLED_S) {
        struct epoll_event events[64];
        int n = epoll_wait(poller, events, 64, 500), fd;
        now = clock_s();
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr != door)
                read_in(events[i].data.ptr);
            else
                while ((fd = accept4(door->fd, NULL, NULL, 0)) >= 0)
                    begin(poller, fd, HEARING);
        }
    }
    printf("{\"taken\": %ld, \"refused\": %ld, \"heard\": %ld, \"first_ask\": %.6f,"
           " \"last_taken\": %.6f, \"last_heard\": %.6f}\n",
           taken, refused, heard, first_ask, last_taken, last_heard);
    return 0;
}
