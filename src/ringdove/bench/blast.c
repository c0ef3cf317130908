/* The floor of a wire: submit_sm packets made beforehand, pushed through one bind of 127.0.0.1 over
 * a window, responses counted, receipts acknowledged. Nothing is looked up, decided or stored, so
 * nothing that speaks SMPP to this SMSC on this machine can cost less.
 *
 * blast PORT COUNT WINDOW FIRST_NUMBER TEXT_OCTETS: prints one line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_MAX = 1 << 18 };
enum { SUBMIT_RESP = 0x80000004u, DELIVER = 5, DELIVER_RESP = 0x80000005u, BIND_RESP = 0x80000009u };

static void write_u32(uint8_t *p, uint32_t v) { v = htonl(v); memcpy(p, &v, 4); }
static uint32_t read_u32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return ntohl(v); }

static void die(const char *what) { perror(what); exit(1); }

static double clock_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void push(int fd, const uint8_t *bytes, size_t length)
{
    while (length) {
        ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            die("send");
        if (n > 0)
            bytes += n, length -= (size_t)n;
    }
}

static size_t make_submit(uint8_t *packet, uint32_t sequence, unsigned long long number, int octets)
{
    uint8_t *p = packet + 16;
    *p++ = 0;                                            /* service_type */
    *p++ = 5, *p++ = 0;
    memcpy(p, "Linden", 7), p += 7;
    *p++ = 1, *p++ = 1;
    p += sprintf((char *)p, "%llu", number) + 1;
    memset(p, 0, 5), p += 5;                             /* esm_class … validity_period */
    *p++ = 1;                                            /* registered_delivery */
    memset(p, 0, 3), p += 3;                             /* replace … sm_default_msg_id */
    *p++ = (uint8_t)octets;
    memset(p, 'a', (size_t)octets), p += octets;
    write_u32(packet, (uint32_t)(p - packet));
    write_u32(packet + 4, 4);
    write_u32(packet + 8, 0);
    write_u32(packet + 12, sequence);
    return (size_t)(p - packet);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return fprintf(stderr, "blast PORT COUNT WINDOW FIRST_NUMBER TEXT_OCTETS\n"), 2;
    long count = atol(argv[2]), window = atol(argv[3]), said = 0, answered = 0, receipts = 0;
    unsigned long long first = strtoull(argv[4], NULL, 10);
    int octets = atoi(argv[5]), fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    uint8_t *packets = malloc((size_t)count * 300), *end = packets;
    size_t *starts = malloc(((size_t)count + 1) * sizeof *starts);
    if (!packets || !starts)
        die("memory");
    for (long i = 0; i < count; i++) {
        starts[i] = (size_t)(end - packets);
        end += make_submit(end, (uint32_t)i + 2, first + (unsigned long long)i, octets);
    }
    starts[count] = (size_t)(end - packets);
    struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (fd < 0 || connect(fd, (void *)&there, sizeof there))
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    uint8_t bind[33] = { 0 };
    write_u32(bind, sizeof bind), write_u32(bind + 4, 9), write_u32(bind + 12, 1);
    memcpy(bind + 16, "blast\0blast\0", 12);             /* system_id, password */
    bind[29] = 0x34;                                     /* interface_version */
    push(fd, bind, sizeof bind);
    static uint8_t in[READ_MAX + 70000], out[READ_MAX];
    size_t held = 0, out_length = 0;
    double began = clock_s();
    int is_bound = 0;
    while (answered < count || receipts < count) {
        ssize_t n = recv(fd, in + held, READ_MAX, 0);
        if (n <= 0)
            die("recv");
        held += (size_t)n;
        size_t at = 0;
        while (held - at >= 16 && held - at >= read_u32(in + at)) {
            uint32_t command = read_u32(in + at + 4);
            if (command == SUBMIT_RESP)
                answered++;
            else if (command == BIND_RESP)
                is_bound = 1, began = clock_s();
            else if (command == DELIVER) {
                receipts++;
                write_u32(out + out_length, 17), write_u32(out + out_length + 4, DELIVER_RESP);
                write_u32(out + out_length + 8, 0);
                memcpy(out + out_length + 12, in + at + 12, 4);
                out[out_length + 16] = 0;
                if ((out_length += 17) > sizeof out - 17)
                    push(fd, out, out_length), out_length = 0;
            }
            at += read_u32(in + at);
        }
        memmove(in, in + at, held -= at);
        long more = window - (said - answered);
        if (more > count - said)
            more = count - said;
        if (is_bound && more > 0) {
            push(fd, packets + starts[said], starts[said + more] - starts[said]);
            said += more;
        }
        if (out_length)
            push(fd, out, out_length), out_length = 0;
    }
    double seconds = clock_s() - began;
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("{\"seconds\": %.6f, \"rate\": %.0f, \"receipts\": %ld, \"cpu_s\": %.3f}\n", seconds,
           (double)count / seconds, receipts,
           (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
               + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    close(fd);
    return 0;
}
