/* An SMSC for measurements: takes texts as fast as they come, answers, sends receipts, and knows
 * afterwards exactly which number got how many. One thread, epoll, 127.0.0.1 only.
 *
 * Everything taken lies in one ledger, an array of fixed entries. It is at once the record, the
 * queue of receipts (entries are due in the order in which they came) and, with --ledger, a mapped
 * file: an SMSC that is killed and begun again on it still owes the receipts that it owed before.
 *
 * The first line on stdout is {"port": N}. SIGUSR1 writes the counters as one line of JSON, SIGUSR2
 * cuts every link without a word, SIGTERM writes the counters and ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PACKET_MAX = 70000, READ_MAX = 1 << 18, BACKLOG_MAX = 1 << 20, MARKS_MAX = 4096, TICK_MS = 2, REPEAT_AFTER_S = 1
};
enum { /* SMPP 3.4, 5.1.2.1 */
    GENERIC_NACK = 0x80000000u, BIND_RECEIVER = 1, BIND_TRANSMITTER = 2, QUERY_SM = 3,
    SUBMIT_SM = 4, DELIVER_SM = 5, UNBIND = 6, BIND_TRANSCEIVER = 9, ENQUIRE_LINK = 0x15, RESPONSE = 0x80000000u
};
enum { OK = 0, RINVCMDLEN = 2, RINVCMDID = 3, RINVBNDSTS = 4, RTHROTTLED = 0x58,
       RQUERYFAIL = 0x67 };
enum state { FREE, OWED, TOLD, ACKNOWLEDGED, UNASKED }; /* of an entry's receipt */

typedef struct {
    uint64_t id, number;         /* number: the digits of the destination */
    double due;
    uint32_t link;               /* on which the receipt is under way */
    uint8_t account, state, source_ton, source_npi, dest_ton, dest_npi, answered, spare;
    char source[22], spare2[6];
} entry;                         /* counterpart.py reads it, too */
_Static_assert(sizeof(entry) == 64, "the ledger's entries are as counterpart.py reads them");

enum { ACCOUNTS_MAX = 64 };
typedef struct {                 /* the head of the ledger */
    uint64_t count, first_id, accounts_count;
    char accounts[ACCOUNTS_MAX][24];
} head;
_Static_assert(sizeof(head) == 1560, "the ledger's head is as counterpart.py reads it");

typedef struct {
    uint8_t *bytes;
    size_t from, to, room;
} buffer;

typedef struct { double due; uint32_t sequence; uint64_t index; } answer;

typedef struct link_ {
    struct link_ *next;
    int fd;
    uint32_t name, under_way;
    uint8_t account;
    bool speaks, hears, gone, wants_out;
    buffer in, out, answers;     /* answers: delayed ones, the oldest first */
} link_;

static struct {
    int port, window, tick_ms;
    bool receipts, hex_answer, hex_receipt;
    double receipt_delay_s, response_delay_s, throttle_per_s, drop_rate;
    uint64_t most, first_number, numbers, mark_every, seed;
    const char *ledger;
} wish = { .window = 500, .tick_ms = TICK_MS, .most = 20000000, .mark_every = 100000, .seed = 1 };

static struct {
    uint64_t submits, unique, doubles, strangers, throttled, forgotten, answered;
    uint64_t receipts_sent, receipts_acked, receipts_refused, binds, unbinds, enquiries, lost_links;
    double first_submit, last_submit, first_ack, last_ack;
    double submit_marks[MARKS_MAX], ack_marks[MARKS_MAX];
} seen;

static head *ledger;
static entry *entries;
static uint64_t next_receipt;    /* every entry before it was told at least once */
static struct { uint64_t *indexes; size_t count, room; } again; /* to be told once more */
static uint8_t *per_number;
static link_ *links;
static uint32_t links_made;
static int poller;
static double now, tokens;
static volatile sig_atomic_t asked_counters, asked_cut, asked_end;

/* ------------------------------------------------------------------ small things */

static double clock_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint32_t read_u32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return ntohl(v); }
static void write_u32(uint8_t *p, uint32_t v) { v = htonl(v); memcpy(p, &v, 4); }

static double chance(void)       /* xorshift64*: the same fate for the same seed */
{
    wish.seed ^= wish.seed >> 12;
    wish.seed ^= wish.seed << 25;
    wish.seed ^= wish.seed >> 27;
    return (double)(wish.seed * 2685821657736338717u >> 11) / 9007199254740992.0;
}

static uint8_t *reserve(buffer *b, size_t more)
{
    if (b->from == b->to)
        b->from = b->to = 0;
    if (b->to + more > b->room && b->from) {
        memmove(b->bytes, b->bytes + b->from, b->to - b->from);
        b->to -= b->from;
        b->from = 0;
    }
    if (b->to + more > b->room) {
        b->room = (b->to + more) * 2;
        if (!(b->bytes = realloc(b->bytes, b->room)))
            die("memory");
    }
    return b->bytes + b->to;
}

static void mark(double *marks, uint64_t count)
{
    if (count % wish.mark_every == 0 && count / wish.mark_every <= MARKS_MAX)
        marks[count / wish.mark_every - 1] = now;
}

/* ------------------------------------------------------------------ the ledger */

static void open_ledger(void)
{
    size_t size = sizeof(head) + wish.most * sizeof(entry);
    int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, fd = -1;
    if (wish.ledger) {
        fd = open(wish.ledger, O_RDWR | O_CREAT, 0600);
        if (fd < 0 || ftruncate(fd, (off_t)size))
            die(wish.ledger);
        flags = MAP_SHARED;
    }
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (map == MAP_FAILED)
        die("mmap");
    ledger = map;
    entries = (entry *)(ledger + 1);
    if (!ledger->first_id)       /* an SMSC numbers on; two runs seldom begin with the same */
        ledger->first_id = 1000000000u + (uint64_t)(clock_s() * 1000) % 1000000000u;
    per_number = calloc(wish.numbers ? wish.numbers : 1, 1);
    for (uint64_t i = 0; i < ledger->count; i++) {
        entry *e = &entries[i];
        if (e->state == TOLD)
            e->state = OWED;     /* told by the one that was killed: nobody knows whether heard */
        uint64_t n = e->number - wish.first_number;
        if (n < wish.numbers && per_number[n] < 255)
            per_number[n]++;
    }
}

static void count_number(uint64_t number)
{
    uint64_t n = number - wish.first_number;
    if (n >= wish.numbers) {
        seen.strangers++;
        return;
    }
    if (per_number[n] == 0)
        seen.unique++;
    else
        seen.doubles++;
    if (per_number[n] < 255)
        per_number[n]++;
}

static int account_of(const char *name)
{
    int count = (int)ledger->accounts_count;
    for (int i = 0; i < count; i++)
        if (!strcmp(ledger->accounts[i], name))
            return i;
    if (count == ACCOUNTS_MAX)
        return -1;
    snprintf(ledger->accounts[count], sizeof ledger->accounts[0], "%s", name);
    ledger->accounts_count++;
    return count;
}

/* ------------------------------------------------------------------ speaking */

static void say(link_ *l, uint32_t command, uint32_t status, uint32_t sequence, const void *body,
                size_t length)
{
    uint8_t *p = reserve(&l->out, 16 + length);
    write_u32(p, (uint32_t)(16 + length));
    write_u32(p + 4, command);
    write_u32(p + 8, status);
    write_u32(p + 12, sequence);
    if (length)
        memcpy(p + 16, body, length);
    l->out.to += 16 + length;
}

static void send_out(link_ *l)
{
    while (!l->gone && l->out.from < l->out.to) {
        ssize_t n = send(l->fd, l->out.bytes + l->out.from, l->out.to - l->out.from, MSG_NOSIGNAL);
        if (n > 0)
            l->out.from += (size_t)n;
        else if (n < 0 && errno == EINTR)
            continue;
        else {
            l->gone = n < 0 && errno != EAGAIN;
            break;
        }
    }
    bool wants = !l->gone && l->out.from < l->out.to;
    if (wants != l->wants_out) {
        struct epoll_event e = { .events = EPOLLIN | (wants ? EPOLLOUT : 0u), .data.ptr = l };
        epoll_ctl(poller, EPOLL_CTL_MOD, l->fd, &e);
        l->wants_out = wants;
    }
}

static void answer_submit(link_ *l, uint32_t sequence, uint64_t index)
{
    char id[24];
    int n = snprintf(id, sizeof id, wish.hex_answer ? "%" PRIX64 : "%" PRIu64, entries[index].id);
    say(l, SUBMIT_SM | RESPONSE, OK, sequence, id, (size_t)n + 1);
    entries[index].answered = 1;
    seen.answered++;
}

/* Receipts as in SMPP 3.4 Appendix B, with the TLVs of 5.3.2.12 and 5.3.2.35 beside the text. */
static void tell_receipt(link_ *l, uint64_t index)
{
    static char stamp[16];
    static time_t stamped;
    entry *e = &entries[index];
    if ((time_t)now != stamped) {
        struct tm at;
        stamped = (time_t)now;
        gmtime_r(&stamped, &at);
        strftime(stamp, sizeof stamp, "%y%m%d%H%M", &at);
    }
    char id[24], text[200], number[24];
    int id_length = snprintf(id, sizeof id, wish.hex_receipt ? "%" PRIX64 : "%" PRIu64, e->id);
    int text_length = snprintf(
        text, sizeof text,
        "id:%s sub:001 dlvrd:001 submit date:%s done date:%s stat:DELIVRD err:000 text:-",
        id, stamp, stamp);
    int number_length = snprintf(number, sizeof number, "%" PRIu64, e->number);
    uint8_t body[400], *p = body;
    *p++ = 0;                                        /* service_type */
    *p++ = e->dest_ton;
    *p++ = e->dest_npi;
    memcpy(p, number, (size_t)number_length + 1);
    p += number_length + 1;
    *p++ = e->source_ton;
    *p++ = e->source_npi;
    size_t source_length = strlen(e->source) + 1;
    memcpy(p, e->source, source_length);
    p += source_length;
    *p++ = 4;                                        /* esm_class: a receipt */
    memset(p, 0, 8);                                 /* protocol … sm_default_msg_id */
    p += 8;
    *p++ = (uint8_t)text_length;
    memcpy(p, text, (size_t)text_length);
    p += text_length;
    *p++ = 0x00, *p++ = 0x1e, *p++ = 0, *p++ = (uint8_t)(id_length + 1);
    memcpy(p, id, (size_t)id_length + 1);
    p += id_length + 1;
    *p++ = 0x04, *p++ = 0x27, *p++ = 0, *p++ = 1, *p++ = 2;
    /* The entry is its own sequence number: the acknowledgement then says whose it is. */
    say(l, DELIVER_SM, OK, (uint32_t)(index % 0x7fffffff) + 1, body, (size_t)(p - body));
    e->state = TOLD;
    e->link = l->name;
    l->under_way++;
    seen.receipts_sent++;
}

/* ------------------------------------------------------------------ hearing */

static const uint8_t *read_text(const uint8_t *p, const uint8_t *end, char *into, size_t room)
{
    const uint8_t *zero = p < end ? memchr(p, 0, (size_t)(end - p)) : NULL;
    if (!zero)
        return NULL;
    if (into)
        snprintf(into, room, "%s", (const char *)p);
    return zero + 1;
}

static bool is_too_fast(void)
{
    if (wish.throttle_per_s <= 0)
        return false;
    static double filled;
    tokens += (now - filled) * wish.throttle_per_s;
    filled = now;
    if (tokens > wish.throttle_per_s / 4)
        tokens = wish.throttle_per_s / 4;
    if (tokens < 1)
        return true;
    tokens -= 1;
    return false;
}

static void hear_submit(link_ *l, const uint8_t *packet, uint32_t length, uint32_t sequence)
{
    const uint8_t *end = packet + length, *p = packet + 16;
    char number[24];
    entry e = { .account = l->account };
    if (!l->speaks) {
        say(l, SUBMIT_SM | RESPONSE, RINVBNDSTS, sequence, "", 1);
        return;
    }
    if (!(p = read_text(p, end, NULL, 0)) || p + 2 > end)
        goto malformed;
    e.source_ton = p[0], e.source_npi = p[1];
    if (!(p = read_text(p + 2, end, e.source, sizeof e.source)) || p + 2 > end)
        goto malformed;
    e.dest_ton = p[0], e.dest_npi = p[1];
    if (!(p = read_text(p + 2, end, number, sizeof number)) || p + 3 > end)
        goto malformed;
    if (!(p = read_text(p + 3, end, NULL, 0)) || !(p = read_text(p, end, NULL, 0)) || p + 5 > end)
        goto malformed;
    if (is_too_fast() || ledger->count == wish.most) {
        seen.throttled++;
        say(l, SUBMIT_SM | RESPONSE, RTHROTTLED, sequence, "", 1);
        return;
    }
    uint64_t index = ledger->count;
    e.id = ledger->first_id + index;
    e.number = strtoull(number, NULL, 10);
    e.due = now + wish.receipt_delay_s;
    e.state = wish.receipts && (p[0] & 3) == 1 ? OWED : UNASKED;
    entries[index] = e;
    ledger->count = index + 1;   /* last: a kill in between leaves no half entry */
    seen.submits++;
    seen.last_submit = now;
    if (seen.first_submit == 0)
        seen.first_submit = now;
    mark(seen.submit_marks, seen.submits);
    count_number(e.number);
    if (wish.drop_rate > 0 && chance() < wish.drop_rate)
        seen.forgotten++;
    else if (wish.response_delay_s > 0) {
        answer late = { now + wish.response_delay_s, sequence, index };
        memcpy(reserve(&l->answers, sizeof late), &late, sizeof late);
        l->answers.to += sizeof late;
    } else
        answer_submit(l, sequence, index);
    return;
malformed:
    say(l, SUBMIT_SM | RESPONSE, RINVCMDLEN, sequence, "", 1);
}

/* 5.2.28: 1 under way, 2 delivered; when it was is not told. */
static void hear_query(link_ *l, const uint8_t *packet, uint32_t length, uint32_t sequence)
{
    char id[24];
    uint8_t body[32];
    uint64_t index = ledger->count;
    if (read_text(packet + 16, packet + length, id, sizeof id))
        index = strtoull(id, NULL, wish.hex_answer ? 16 : 10) - ledger->first_id;
    if (index >= ledger->count) {
        say(l, QUERY_SM | RESPONSE, RQUERYFAIL, sequence, "\0\0\0", 4);
        return;
    }
    size_t n = strlen(id) + 1;
    memcpy(body, id, n);
    body[n] = 0;
    body[n + 1] = entries[index].due > now ? 1 : 2;
    body[n + 2] = 0;
    say(l, QUERY_SM | RESPONSE, OK, sequence, body, n + 3);
}

static void tell_again(uint64_t index, double due)
{
    if (again.count == again.room) {
        again.room = again.room ? again.room * 2 : 1024;
        if (!(again.indexes = realloc(again.indexes, again.room * sizeof *again.indexes)))
            die("memory");
    }
    entries[index].state = OWED;
    entries[index].due = due;
    again.indexes[again.count++] = index;
}

static void hear_acknowledged(link_ *l, uint32_t status, uint32_t sequence)
{
    uint64_t index = (uint64_t)sequence - 1;
    if (index >= ledger->count || entries[index].state != TOLD || entries[index].link != l->name)
        return;
    l->under_way--;
    if (status != OK) {
        seen.receipts_refused++;
        tell_again(index, now + REPEAT_AFTER_S);
        return;
    }
    entries[index].state = ACKNOWLEDGED;
    seen.receipts_acked++;
    seen.last_ack = now;
    if (seen.first_ack == 0)
        seen.first_ack = now;
    mark(seen.ack_marks, seen.receipts_acked);
}

static void hear_bind(link_ *l, uint32_t command, const uint8_t *packet, uint32_t length,
                      uint32_t sequence)
{
    char name[20];
    int account = -1;
    if (read_text(packet + 16, packet + length, name, sizeof name))
        account = account_of(name);
    if (account < 0) {
        say(l, command | RESPONSE, RINVCMDLEN, sequence, "", 1);
        return;
    }
    l->account = (uint8_t)account;
    l->speaks = command != BIND_RECEIVER;
    l->hears = command != BIND_TRANSMITTER;
    seen.binds++;
    say(l, command | RESPONSE, OK, sequence, "bench", 6);
}

static void hear(link_ *l, const uint8_t *packet, uint32_t length)
{
    uint32_t command = read_u32(packet + 4), status = read_u32(packet + 8);
    uint32_t sequence = read_u32(packet + 12);
    switch (command) {
    case SUBMIT_SM:
        hear_submit(l, packet, length, sequence);
        break;
    case QUERY_SM:
        hear_query(l, packet, length, sequence);
        break;
    case DELIVER_SM | RESPONSE:
        hear_acknowledged(l, status, sequence);
        break;
    case BIND_RECEIVER: case BIND_TRANSMITTER: case BIND_TRANSCEIVER:
        hear_bind(l, command, packet, length, sequence);
        break;
    case ENQUIRE_LINK:
        seen.enquiries++;
        say(l, ENQUIRE_LINK | RESPONSE, OK, sequence, NULL, 0);
        break;
    case UNBIND:
        seen.unbinds++;
        l->speaks = l->hears = false;
        say(l, UNBIND | RESPONSE, OK, sequence, NULL, 0);
        break;
    default:
        if (!(command & RESPONSE))
            say(l, GENERIC_NACK, RINVCMDID, sequence, NULL, 0);
    }
}

static void read_in(link_ *l)
{
    reserve(&l->in, READ_MAX);
    ssize_t n = recv(l->fd, l->in.bytes + l->in.to, READ_MAX, 0);
    if (n <= 0) {
        l->gone = n == 0 || (errno != EAGAIN && errno != EINTR);
        return;
    }
    /* A client with Nagle's algorithm on would else wait for our delayed acknowledgement. */
    int one = 1;
    setsockopt(l->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
    l->in.to += (size_t)n;
    while (l->in.to - l->in.from >= 16) {
        const uint8_t *packet = l->in.bytes + l->in.from;
        uint32_t length = read_u32(packet);
        if (length < 16 || length > PACKET_MAX) {
            l->gone = true;
            return;
        }
        if (l->in.to - l->in.from < length)
            break;
        hear(l, packet, length);
        l->in.from += length;
    }
}

/* ------------------------------------------------------------------ what is due */

static void tell_answers(void)
{
    if (wish.response_delay_s <= 0)
        return;
    for (link_ *l = links; l; l = l->next)
        while (!l->gone && l->answers.from < l->answers.to) {
            answer *late = (answer *)(void *)(l->answers.bytes + l->answers.from);
            if (late->due > now)
                break;
            answer_submit(l, late->sequence, late->index);
            l->answers.from += sizeof *late;
        }
}

static link_ *hearer(uint8_t account)
{
    link_ *best = NULL;
    for (link_ *l = links; l; l = l->next)
        if (l->hears && !l->gone && l->account == account
            && l->under_way < (uint32_t)wish.window && l->out.to - l->out.from < BACKLOG_MAX
            && (!best || l->under_way < best->under_way))
            best = l;
    return best;
}

static void tell_receipts(void)
{
    size_t kept = 0;
    for (size_t i = 0; i < again.count; i++) {
        uint64_t index = again.indexes[i];
        link_ *l = entries[index].due <= now ? hearer(entries[index].account) : NULL;
        if (l)
            tell_receipt(l, index);
        else
            again.indexes[kept++] = index;
    }
    again.count = kept;
    while (next_receipt < ledger->count) {
        entry *e = &entries[next_receipt];
        if (e->state == OWED) {
            if (e->due > now)
                return;
            link_ *l = hearer(e->account);
            if (!l)
                return;
            tell_receipt(l, next_receipt);
        }
        next_receipt++;
    }
}

static void bury(void)
{
    for (link_ **at = &links; *at;) {
        link_ *l = *at;
        if (!l->gone) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        seen.lost_links++;
        for (uint64_t i = next_receipt; l->under_way && i-- > 0;)
            if (entries[i].state == TOLD && entries[i].link == l->name) {
                tell_again(i, now);
                l->under_way--;
            }
        close(l->fd);
        free(l->in.bytes);
        free(l->out.bytes);
        free(l->answers.bytes);
        free(l);
    }
}

/* ------------------------------------------------------------------ life */

static void write_marks(const char *name, const double *marks)
{
    printf(", \"%s\": [", name);
    for (int i = 0; i < MARKS_MAX && marks[i] > 0; i++)
        printf("%s%.6f", i ? ", " : "", marks[i]);
    printf("]");
}

static void write_counters(void)
{
    uint64_t owed = again.count;
    for (uint64_t i = next_receipt; i < ledger->count; i++)
        owed += entries[i].state == OWED;
    for (link_ *l = links; l; l = l->next)
        owed += l->under_way;
    printf("{\"submits\": %" PRIu64 ", \"unique\": %" PRIu64 ", \"doubles\": %" PRIu64
           ", \"strangers\": %" PRIu64 ", \"throttled\": %" PRIu64 ", \"forgotten\": %" PRIu64
           ", \"answered\": %" PRIu64 ", \"receipts_sent\": %" PRIu64 ", \"receipts_acked\": %" PRIu64
           ", \"receipts_refused\": %" PRIu64 ", \"receipts_owed\": %" PRIu64 ", \"binds\": %" PRIu64
           ", \"unbinds\": %" PRIu64 ", \"enquiries\": %" PRIu64 ", \"lost_links\": %" PRIu64
           ", \"first_submit\": %.6f, \"last_submit\": %.6f, \"first_ack\": %.6f, \"last_ack\": %.6f",
           seen.submits, seen.unique, seen.doubles, seen.strangers, seen.throttled, seen.forgotten,
           seen.answered, seen.receipts_sent, seen.receipts_acked, seen.receipts_refused, owed,
           seen.binds, seen.unbinds, seen.enquiries, seen.lost_links, seen.first_submit,
           seen.last_submit, seen.first_ack, seen.last_ack);
    write_marks("submit_marks", seen.submit_marks);
    write_marks("ack_marks", seen.ack_marks);
    printf("}\n");
    fflush(stdout);
}

static void on_signal(int number)
{
    if (number == SIGUSR1)
        asked_counters = 1;
    else if (number == SIGUSR2)
        asked_cut = 1;
    else
        asked_end = 1;
}

static void welcome(int door)
{
    int fd, one = 1;
    while ((fd = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        link_ *l = calloc(1, sizeof *l);
        if (!l)
            die("memory");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        l->fd = fd;
        l->name = ++links_made;
        l->next = links;
        links = l;
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = l };
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
    }
}

static int open_door(void)
{
    int one = 1, door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons((uint16_t)wish.port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof here;
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (door < 0 || bind(door, (void *)&here, size) || listen(door, 128)
        || getsockname(door, (void *)&here, &size))
        die("listen");
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = NULL };
    epoll_ctl(poller, EPOLL_CTL_ADD, door, &e);
    printf("{\"port\": %d}\n", ntohs(here.sin_port));
    fflush(stdout);
    return door;
}

static void work(int door)
{
    struct epoll_event events[64];
    while (!asked_end) {
        bool due_soon = again.count || next_receipt < ledger->count || wish.response_delay_s > 0;
        int n = epoll_wait(poller, events, 64, due_soon ? wish.tick_ms : 200);
        now = clock_s();
        for (int i = 0; i < n; i++) {
            if (!events[i].data.ptr)
                welcome(door);
            else if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                read_in(events[i].data.ptr);
        }
        tell_answers();
        tell_receipts();
        for (link_ *l = links; l; l = l->next) {
            send_out(l);
            l->gone = l->gone || asked_cut;
        }
        asked_cut = 0;
        bury();
        if (asked_counters) {
            asked_counters = 0;
            write_counters();
        }
    }
}

static void read_wishes(int count, char **words)
{
    for (int i = 1; i < count; i++) {
        const char *word = words[i], *value = i + 1 < count ? words[i + 1] : "";
        i++;
        if (!strcmp(word, "--receipts"))
            wish.receipts = true, i--;
        else if (!strcmp(word, "--port"))
            wish.port = atoi(value);
        else if (!strcmp(word, "--receipt-delay-ms"))
            wish.receipt_delay_s = atof(value) / 1000;
        else if (!strcmp(word, "--response-delay-ms"))
            wish.response_delay_s = atof(value) / 1000;
        else if (!strcmp(word, "--window"))
            wish.window = atoi(value);
        else if (!strcmp(word, "--id-form")) /* mixed: hexadecimal answer, decimal receipt */
            wish.hex_answer = strcmp(value, "decimal"), wish.hex_receipt = !strcmp(value, "hex");
        else if (!strcmp(word, "--throttle-per-s"))
            wish.throttle_per_s = atof(value);
        else if (!strcmp(word, "--drop-rate"))
            wish.drop_rate = atof(value);
        else if (!strcmp(word, "--first-number"))
            wish.first_number = strtoull(value, NULL, 10);
        else if (!strcmp(word, "--numbers"))
            wish.numbers = strtoull(value, NULL, 10);
        else if (!strcmp(word, "--mark-every"))
            wish.mark_every = strtoull(value, NULL, 10);
        else if (!strcmp(word, "--most"))
            wish.most = strtoull(value, NULL, 10);
        else if (!strcmp(word, "--seed"))
            wish.seed = strtoull(value, NULL, 10) | 1;
        else if (!strcmp(word, "--ledger"))
            wish.ledger = value;
        else {
            fprintf(stderr, "smsc: what is %s?\n", word);
            exit(2);
        }
    }
}

int main(int count, char **words)
{
    struct sigaction heard = { .sa_handler = on_signal };
    read_wishes(count, words);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* it never outlives the measurement, however that dies */
    sigaction(SIGUSR1, &heard, NULL);
    sigaction(SIGUSR2, &heard, NULL);
    sigaction(SIGTERM, &heard, NULL);
    sigaction(SIGINT, &heard, NULL);
    now = clock_s();
    open_ledger();
    poller = epoll_create1(EPOLL_CLOEXEC);
    work(open_door());
    write_counters();
    return 0;
}
