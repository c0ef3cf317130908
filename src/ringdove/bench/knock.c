/* Opens links as fast as they are answered, or at an even pace: HTTP/1.1 over kept connections, one
 * request at a time on each, with the headers of a phone's browser.
 *
 * knock PORT CONNECTIONS COUNT PER_SECOND FILE: paths stand in FILE, a line each, and begin again
 * at its end; PER_SECOND 0: as fast as they are answered. At a pace, a time is measured from when
 * the request was due, so that a stall is not hidden by what was not sent meanwhile. Prints one
 * line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN_MAX = 16384, EVENTS_MAX = 512, PATH_MAX_ = 200 };

struct link {
    int fd, is_busy;
    size_t filled;
    double due;
    char in[IN_MAX];
};

static int port, poller, statuses[600];
static long count, issued, done, failed;
static double per_s, begun;
static char *text;
static char **paths;
static long path_count;
static float *took;

static const char HEADERS[] =
    " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\nUpgrade-Insecure-Requests: 1\r\n"
    "sec-ch-ua: \"Chromium\";v=\"131\", \"Not_A Brand\";v=\"24\"\r\nsec-ch-ua-mobile: ?1\r\n"
    "sec-ch-ua-platform: \"Android\"\r\nUser-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/"
    "537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36\r\nAccept: text/html,applica"
    "tion/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: "
    "navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\nAccept-Encoding: gzip, br\r\n"
    "Accept-Language: ru-BY,ru;q=0.9,en;q=0.8\r\n\r\n";

static void die(const char *what) { perror(what); exit(1); }

static double clock_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void read_paths(const char *name)
{
    FILE *file = fopen(name, "r");
    if (!file)
        die(name);
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    rewind(file);
    text = malloc((size_t)length + 1);
    if (fread(text, 1, (size_t)length, file) != (size_t)length)
        die(name);
    text[length] = 0;
    fclose(file);
    for (char *p = text; *p; p++)
        path_count += *p == '\n';
    paths = calloc((size_t)path_count + 1, sizeof *paths);
    long n = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        paths[n++] = line;
    path_count = n;
}

static void dial(struct link *link)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};
    int one = 1;
    link->fd = socket(AF_INET, SOCK_STREAM, 0);
    link->filled = 0, link->is_busy = 0;
    if (connect(link->fd, (struct sockaddr *)&to, sizeof to))
        die("connect");
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(link->fd, F_SETFL, O_NONBLOCK);
    epoll_ctl(poller, EPOLL_CTL_ADD, link->fd, &event);
}

static void ask(struct link *link)
{
    char out[PATH_MAX_ + sizeof HEADERS + 8];
    double now = clock_s(), due = per_s > 0 ? begun + (double)issued / per_s : now;
    if (link->is_busy || issued >= count || due > now)
        return;
    int length = snprintf(out, sizeof out, "GET %s%s", paths[issued++ % path_count], HEADERS);
    link->due = due, link->is_busy = 1;
    if (send(link->fd, out, (size_t)length, MSG_NOSIGNAL) != length) {
        failed++, done++;
        close(link->fd);
        dial(link);
    }
}

/* Octets of the whole answer, 0: not all here. What has no length is answered without a body. */
static size_t whole(struct link *link, int *status)
{
    char *end = memmem(link->in, link->filled, "\r\n\r\n", 4), *said;
    if (!end)
        return 0;
    *end = 0;
    *status = atoi(link->in + 9);
    said = strcasestr(link->in, "\r\ncontent-length:");
    *end = '\r';
    size_t length = (size_t)(end + 4 - link->in) + (said ? strtoul(said + 17, NULL, 10) : 0);
    return link->filled >= length ? length : 0;
}

static void hear(struct link *link)
{
    int status = 0;
    ssize_t n = recv(link->fd, link->in + link->filled, IN_MAX - link->filled, 0);
    if (n <= 0) {
        failed += link->is_busy, done += link->is_busy;
        close(link->fd);
        dial(link);
        return;
    }
    link->filled += (size_t)n;
    size_t length = whole(link, &status);
    if (!length)
        return;
    took[done++ - failed] = (float)(clock_s() - link->due);
    statuses[status > 0 && status < 600 ? status : 0]++;
    memmove(link->in, link->in + length, link->filled - length);
    link->filled -= length, link->is_busy = 0;
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS_MAX];
    if (argc != 6)
        return 2;
    port = atoi(argv[1]);
    int links = atoi(argv[2]);
    count = atol(argv[3]), per_s = atof(argv[4]);
    read_paths(argv[5]);
    took = calloc((size_t)count + 1, sizeof *took);
    poller = epoll_create1(0);
    struct link *all = calloc((size_t)links, sizeof *all);
    for (int i = 0; i < links; i++)
        dial(&all[i]);
    begun = clock_s();
    double heard = begun;
    while (done < count && clock_s() - heard < 30) {
        for (int i = 0; i < links; i++)
            ask(&all[i]);
        int n = epoll_wait(poller, events, EVENTS_MAX, per_s > 0 ? 1 : 1000);
        for (int i = 0; i < n; i++)
            hear(events[i].data.ptr);
        if (n > 0)
            heard = clock_s();
    }
    double s = clock_s() - begun;
    long good = done - failed;
    qsort(took, (size_t)good, sizeof *took, by_size);
    printf("{\"done\": %ld, \"failed\": %ld, \"seconds\": %.4f, \"per_s\": %.0f", done, failed, s,
           (double)done / s);
    printf(", \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"max_ms\": %.2f, \"redirects\": %d}\n",
           good ? took[good / 2] * 1e3 : 0, good ? took[(long)((double)good * 0.99)] * 1e3 : 0,
           good ? took[good - 1] * 1e3 : 0, statuses[302]);
    return 0;
}
