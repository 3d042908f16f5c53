/* Loads an HTTP/1.1 server over kept connections and says how fast it answered.
 *
 *   load [-c CONNECTIONS] [-d SECONDS | -1] [-s START] [-o FILE] HOST:PORT REQUESTS
 *
 *   -c   connections, each with one request at a time (16)
 *   -d   how long to begin requests (2.0); those under way are waited for
 *   -1   each request of the file once, instead
 *   -s   the request of the file to begin with (0); after the last one comes the first again
 *   -o   writes every answer there: "ANSWER <request> <status> <head bytes> <body bytes>\n", head, body, "\n"
 *
 * REQUESTS holds requests as they are sent, each after a line of its own:
 *   "REQUEST <kind 0..7> <status expected> <bytes>\n", the bytes, "\n"
 *
 * Prints one JSON object. A latency runs from the sending of a request to the last byte of its answer.
 * Single-threaded, one epoll: it is to take little of the machine that it measures. Every answer's status is
 * compared, and its length is read to the end by its Content-Length; what differs is an error and counts
 * neither as an answer nor as a latency. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define KINDS 8
#define FINE_BITS 6                             /* a bucket is at most 1/64 wide */
#define BUCKETS ((40 - FINE_BITS) << FINE_BITS) /* µs up to 2^39 */
#define INPUT_MAX ((size_t)64 * 1024)
#define BODY_MAX ((long long)64 * 1024 * 1024)
#define PATIENCE_US INT64_C(10000000)
#define CONNECTIONS_MAX 1000

struct request {
    const char *bytes;
    size_t n;
    int kind, status;
};

/* What was answered to one kind of request. */
struct tally {
    uint64_t answers, body_bytes, us;
    uint32_t buckets[BUCKETS];
};

struct conn {
    int fd;
    const struct request *request; /* NULL: none is under way */
    int64_t began_us;
    size_t sent;
    bool waits_to_send;
    char *input; /* the answer's head, and of its body what came with it; with -o all of it */
    size_t room, used;
    size_t head; /* bytes of the head, once it is there */
    int status;
    size_t body, body_left;
    bool closes; /* the server closes after this answer */
};

static struct {
    struct sockaddr_in address;
    struct request *requests;
    size_t n_requests, next, begun, limit; /* limit: of those begun; 0: none */
    int64_t start_us, deadline_us, last_us;
    int epoll, n_conns, open; /* open: requests under way */
    struct conn conns[CONNECTIONS_MAX];
    struct tally tallies[KINDS];
    uint64_t wrong_status, broken, unanswered;
    FILE *save;
} load = {.n_conns = 16};

static void die(const char *what) {
    fprintf(stderr, "load: %s%s%s\n", what, errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    exit(2);
}

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- the histogram: linear up to 128 µs, then 64 buckets for each doubling ---- */

static size_t bucket_of(uint64_t us) {
    unsigned shift;

    if (us < 2u << FINE_BITS)
        return us;
    shift = 63u - (unsigned)__builtin_clzll(us) - FINE_BITS;
    size_t at = ((size_t)shift << FINE_BITS) + (size_t)(us >> shift);
    return at < BUCKETS ? at : BUCKETS - 1;
}

/* The middle of a bucket. */
static double bucket_us(size_t at) {
    size_t shift;

    if (at < 2u << FINE_BITS)
        return (double)at;
    shift = (at >> FINE_BITS) - 1;
    return ((double)(at - (shift << FINE_BITS)) + 0.5) * (double)(UINT64_C(1) << shift);
}

/* The latency, in µs, that `part` of the answers did not exceed. */
static double quantile(const struct tally *t, double part) {
    uint64_t seen = 0, wanted = (uint64_t)(part * (double)t->answers);

    for (size_t i = 0; i < BUCKETS; i++) {
        seen += t->buckets[i];
        if (seen > wanted)
            return bucket_us(i);
    }
    return t->answers > 0 ? bucket_us(BUCKETS - 1) : 0;
}

static void tally_add(struct tally *t, const struct tally *more) {
    t->answers += more->answers;
    t->body_bytes += more->body_bytes;
    t->us += more->us;
    for (size_t i = 0; i < BUCKETS; i++)
        t->buckets[i] += more->buckets[i];
}

/* ---- connections ---- */

static void watch(struct conn *c, int op, uint32_t what) {
    struct epoll_event e = {.events = what, .data.ptr = c};

    if (epoll_ctl(load.epoll, op, c->fd, &e) != 0)
        die("epoll_ctl");
}

static void conn_open(struct conn *c) {
    static const int yes = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&load.address, sizeof load.address) != 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
    c->waits_to_send = false;
}

static void conn_reopen(struct conn *c) {
    close(c->fd);
    conn_open(c);
}

static void conn_send(struct conn *c) {
    while (c->sent < c->request->n) {
        ssize_t n = send(c->fd, c->request->bytes + c->sent, c->request->n - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return; /* what the server says, or its closing, comes with the next read */
        if (n < 0)
            break;
        c->sent += (size_t)n;
    }
    if (c->waits_to_send != (c->sent < c->request->n)) {
        c->waits_to_send = !c->waits_to_send;
        watch(c, EPOLL_CTL_MOD, c->waits_to_send ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

static bool conn_begin(struct conn *c, int64_t now) {
    c->request = NULL;
    if (load.limit > 0 ? load.begun == load.limit : now >= load.deadline_us)
        return false;
    c->request = &load.requests[load.next];
    load.next = (load.next + 1) % load.n_requests;
    load.begun++;
    load.open++;
    c->sent = c->used = c->head = 0;
    c->began_us = now;
    conn_send(c);
    return true;
}

/* ---- answers ---- */

static void save_answer(const struct conn *c) {
    fprintf(load.save, "ANSWER %zu %d %zu %zu\n", (size_t)(c->request - load.requests), c->status, c->head,
            c->body);
    fwrite(c->input, 1, c->head + c->body, load.save);
    fputc('\n', load.save);
}

/* Says once what came instead of what was expected. */
static void show_wrong(const struct conn *c) {
    size_t n = strcspn(c->request->bytes, "\r\n");

    if (load.wrong_status == 1)
        fprintf(stderr, "load: %d instead of %d for %.*s\n%.*s\n", c->status, c->request->status, (int)n,
                c->request->bytes, (int)(c->used < 1500 ? c->used : 1500), c->input);
}

static void conn_done(struct conn *c) {
    int64_t now = now_us();
    uint64_t us = (uint64_t)(now - c->began_us);
    struct tally *t = &load.tallies[c->request->kind];

    load.open--;
    load.last_us = now;
    if (c->status != c->request->status) {
        load.wrong_status++;
        show_wrong(c);
    } else {
        t->answers++;
        t->body_bytes += c->body;
        t->us += us;
        t->buckets[bucket_of(us)]++;
    }
    if (load.save != NULL)
        save_answer(c);
    if (c->closes)
        conn_reopen(c);
    conn_begin(c, now);
}

static void conn_broken(struct conn *c) {
    if (c->request != NULL) {
        load.open--;
        load.broken++;
    }
    conn_reopen(c);
    conn_begin(c, now_us());
}

/* The value of a header in the answer's head, or NULL. */
static const char *header(const struct conn *c, const char *name) {
    size_t n = strlen(name);

    for (const char *p = memchr(c->input, '\n', c->head); p != NULL;
         p = memchr(p, '\n', (size_t)(c->input + c->head - p))) {
        p++;
        if (strncasecmp(p, name, n) == 0 && p[n] == ':')
            return p + n + 1 + strspn(p + n + 1, " ");
    }
    return NULL;
}

/* Room for all of the answer, which is to be saved. */
static void grow(struct conn *c) {
    if (c->head + c->body + 1 <= c->room)
        return;
    c->room = c->head + c->body + 1;
    c->input = realloc(c->input, c->room);
    if (c->input == NULL)
        die("no memory");
}

/* Returns whether the answer can be read on; *ret_ready: its head is there. */
static bool read_head(struct conn *c, bool *ret_ready) {
    const char *length, *connection;
    char *end;
    long long body;

    c->input[c->used] = '\0';
    end = memmem(c->input, c->used, "\r\n\r\n", 4);
    *ret_ready = end != NULL;
    if (end == NULL)
        return c->used < c->room - 1;
    c->head = (size_t)(end - c->input) + 4;
    if (sscanf(c->input, "HTTP/1.1 %d", &c->status) != 1)
        return false;
    length = header(c, "Content-Length");
    connection = header(c, "Connection");
    if (length == NULL && c->status != 204 && c->status != 304)
        return false;
    body = length != NULL ? strtoll(length, NULL, 10) : 0;
    if (body < 0 || body > BODY_MAX || c->used - c->head > (size_t)body)
        return false;
    c->body = (size_t)body;
    c->body_left = c->body - (c->used - c->head);
    c->closes = connection != NULL && strncasecmp(connection, "close", 5) == 0;
    if (load.save != NULL)
        grow(c);
    return true;
}

/* Takes n bytes that were read. False: they are no answer to what was asked. */
static bool take(struct conn *c, size_t n) {
    bool ready = true;

    if (c->request == NULL)
        return false;
    if (c->head != 0) {
        c->body_left -= n;
        c->used += load.save != NULL ? n : 0;
    } else {
        c->used += n;
        if (!read_head(c, &ready))
            return false;
    }
    if (ready && c->body_left == 0)
        conn_done(c);
    return true;
}

static void conn_read(struct conn *c) {
    static char waste[INPUT_MAX];
    bool in_body = c->request != NULL && c->head != 0;
    char *into = in_body && load.save == NULL ? waste : c->input + c->used;
    size_t room = !in_body                                           ? c->room - 1 - c->used
                  : load.save != NULL || c->body_left < sizeof waste ? c->body_left
                                                                     : sizeof waste;
    ssize_t n = recv(c->fd, into, room, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !take(c, (size_t)n))
        conn_broken(c);
}

/* ---- all together ---- */

static void drive(void) {
    struct epoll_event events[64];

    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < load.n_conns; i++) {
        load.conns[i].room = INPUT_MAX;
        load.conns[i].input = malloc(INPUT_MAX);
        if (load.conns[i].input == NULL)
            die("no memory");
        conn_open(&load.conns[i]);
    }
    load.start_us = load.last_us = now_us();
    for (int i = 0; i < load.n_conns; i++)
        conn_begin(&load.conns[i], load.start_us);
    while (load.open > 0) {
        int n = epoll_wait(load.epoll, events, 64, 1000);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT && c->request != NULL)
                conn_send(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                conn_read(c);
        }
        if (n == 0 && now_us() > load.last_us + PATIENCE_US && now_us() > load.deadline_us)
            break;
    }
    load.unanswered = (uint64_t)load.open;
}

static char *read_whole(const char *path, size_t *ret_n) {
    FILE *f = fopen(path, "re");
    char *p;
    long n;

    if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0 || (p = malloc((size_t)n + 1)) == NULL)
        die(path);
    rewind(f);
    *ret_n = fread(p, 1, (size_t)n, f);
    p[*ret_n] = '\0';
    fclose(f);
    return p;
}

static void read_requests(const char *path) {
    size_t n, room = 0;
    char *p = read_whole(path, &n), *end = p + n;

    while (p < end) {
        struct request r = {0};
        int skip = 0;
        if (sscanf(p, "REQUEST %d %d %zu%n", &r.kind, &r.status, &r.n, &skip) != 3 || r.kind < 0 ||
            r.kind >= KINDS || p[skip] != '\n' || r.n >= (size_t)(end - p - skip)) {
            errno = 0;
            die("the file of requests is broken");
        }
        r.bytes = p + skip + 1;
        p += (size_t)skip + 1 + r.n + 1;
        if (load.n_requests == room) {
            room = room > 0 ? room * 2 : 1024;
            load.requests = realloc(load.requests, room * sizeof *load.requests);
            if (load.requests == NULL)
                die("no memory");
        }
        load.requests[load.n_requests++] = r;
    }
    if (load.n_requests == 0)
        die("the file of requests is empty");
}

static void print_tally(const struct tally *t) {
    double n = t->answers > 0 ? (double)t->answers : 1;

    printf("{\"answers\": %llu, \"bytes\": %.1f, \"mean_ms\": %.4f, ", (unsigned long long)t->answers,
           (double)t->body_bytes / n, (double)t->us / n / 1e3);
    printf("\"p50_ms\": %.4f, \"p90_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f}", quantile(t, 0.5) / 1e3,
           quantile(t, 0.9) / 1e3, quantile(t, 0.99) / 1e3, quantile(t, 0.999999) / 1e3);
}

static void print_all(void) {
    static struct tally all;
    struct rusage use;
    const char *comma = "";

    for (int i = 0; i < KINDS; i++)
        tally_add(&all, &load.tallies[i]);
    getrusage(RUSAGE_SELF, &use);
    printf("{\"seconds\": %.6f, \"next\": %zu, \"cpu_ms\": %.3f, ",
           (double)(load.last_us - load.start_us) / 1e6, load.next,
           (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 +
               (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3);
    printf("\"errors\": {\"status\": %llu, \"broken\": %llu, \"unanswered\": %llu}, \"all\": ",
           (unsigned long long)load.wrong_status, (unsigned long long)load.broken,
           (unsigned long long)load.unanswered);
    print_tally(&all);
    printf(", \"kinds\": {");
    for (int i = 0; i < KINDS; i++)
        if (load.tallies[i].answers > 0) {
            printf("%s\"%d\": ", comma, i);
            print_tally(&load.tallies[i]);
            comma = ", ";
        }
    printf("}}\n");
}

static void read_address(const char *text) {
    char host[64];
    unsigned port;

    errno = 0;
    if (sscanf(text, "%63[0-9.]:%u", host, &port) != 2 || port > 65535 ||
        inet_pton(AF_INET, host, &load.address.sin_addr) != 1)
        die("the address should be like 127.0.0.1:8080");
    load.address.sin_family = AF_INET;
    load.address.sin_port = htons((uint16_t)port);
}

int main(int argc, char **argv) {
    double seconds = 2;
    bool once = false;
    int option;

    while ((option = getopt(argc, argv, "c:d:1s:o:")) != -1)
        switch (option) {
        case 'c':
            load.n_conns = (int)strtol(optarg, NULL, 10);
            break;
        case 'd':
            seconds = strtod(optarg, NULL);
            break;
        case '1':
            once = true;
            break;
        case 's':
            load.next = strtoul(optarg, NULL, 10);
            break;
        case 'o':
            load.save = fopen(optarg, "we");
            break;
        default:
            return 2;
        }
    errno = 0;
    if (argc - optind != 2 || load.n_conns < 1 || load.n_conns > CONNECTIONS_MAX)
        die("usage: load [-c CONNECTIONS] [-d SECONDS | -1] [-s START] [-o FILE] HOST:PORT REQUESTS");
    read_address(argv[optind]);
    read_requests(argv[optind + 1]);
    load.next %= load.n_requests;
    load.limit = once ? load.n_requests : 0;
    load.deadline_us = now_us() + (int64_t)(seconds * 1e6);
    drive();
    print_all();
    return load.save != NULL && fclose(load.save) != 0;
}
