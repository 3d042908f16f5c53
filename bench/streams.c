/* Opens streams, has likes sent at a steady rate, and says how long it took until the event of each was
 * there.
 *
 *   streams HOST:PORT FILE
 *
 * FILE has a line for each stream, "S <name> <path> <header line>", and for each like, "L <name> <path>
 * <header line>": the event that a like brings comes on the streams of the same name. On standard input, a
 * word a line: open            opens all streams, and says when that is done like RATE SECS  sends likes,
 * RATE a second, each when its time has come, whatever became of the others watch N SECS    counts "update"
 * events until there are N of them end Each is answered by a JSON object on a line. Times run from the
 * sending of a like's request to the reading of the event, all in this process. One epoll, so that it takes
 * little of the machine that it measures. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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

#define NAMES 4096
#define SENDERS 32
#define OPENING_MAX 40
#define LINE_MAX_BYTES 16384
#define SAMPLES (1 << 20)

/* What is waited for after a like: its event on a page, its event in an app, its own answer. */
enum { COUNTS, NOTIFICATION, EVENTS, ANSWER = EVENTS, KINDS };
static const char *const kinds[KINDS] = {"counts", "notification", "answer"};

/* One connection: a stream, or one that sends likes. */
struct conn {
    int fd;
    bool is_sender, is_open, is_busy;
    int name;
    const char *request;
    int64_t sent_us;           /* of a sender's like */
    char line[LINE_MAX_BYTES]; /* of a stream: what came of the line that is not whole yet */
    size_t n;
    int event; /* of a stream: what the data line will be about; -1: nothing that is measured */
    bool is_update;
};

struct request {
    int name;
    const char *text;
};

static struct sockaddr_in to;
static struct conn *streams, senders[SENDERS];
static struct request *likes;
static size_t n_streams, n_likes, next_like, n_open, n_opening, n_failed, n_sent, n_answered, n_bad;
static int64_t sent_us[NAMES][EVENTS]; /* when the like that is waited for was sent; 0: none is */
static uint32_t *samples[KINDS];
static size_t n_samples[KINDS], n_updates;
static int64_t first_update_us, last_update_us;
static int epoll;

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void dial(struct conn *c) {
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    int one = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
        die("connect");
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
        die("epoll_ctl");
}

static void hang_up(struct conn *c) {
    close(c->fd);
    c->fd = -1;
    n_open -= c->is_open;
    n_failed += !c->is_sender;
    c->is_open = c->is_busy = false;
}

static void send_all(struct conn *c, const char *p) {
    size_t n = strlen(p);

    if (send(c->fd, p, n, MSG_NOSIGNAL) != (ssize_t)n)
        hang_up(c);
}

/* ---- Streams */

static void take_sample(int kind, int64_t since_us) {
    if (n_samples[kind] < SAMPLES)
        samples[kind][n_samples[kind]++] = (uint32_t)(now_us() - since_us);
}

static void take_event(struct conn *c, int kind) {
    int64_t *sent = &sent_us[c->name][kind];

    if (*sent == 0)
        return;
    take_sample(kind, *sent);
    *sent = 0;
}

static void take_line(struct conn *c) {
    if (!c->is_open && strncmp(c->line, "HTTP/1.1 ", 9) == 0) {
        c->is_open = strncmp(c->line + 9, "200", 3) == 0;
        n_opening--;
        n_open += c->is_open;
        n_failed += !c->is_open;
    } else if (strncmp(c->line, "event: ", 7) == 0) {
        c->event = -1;
        for (int i = 0; i < EVENTS; i++)
            if (strcmp(c->line + 7, kinds[i]) == 0)
                c->event = i;
        c->is_update = strcmp(c->line + 7, "update") == 0;
    } else if (strncmp(c->line, "data: ", 6) == 0) {
        if (c->event >= 0)
            take_event(c, c->event);
        if (c->is_update) {
            last_update_us = now_us();
            if (n_updates++ == 0)
                first_update_us = last_update_us;
        }
        c->event = -1;
        c->is_update = false;
    }
}

static void take_stream(struct conn *c, const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\r')
            continue;
        if (p[i] != '\n') {
            if (c->n < LINE_MAX_BYTES - 1)
                c->line[c->n++] = p[i];
            continue;
        }
        c->line[c->n] = '\0';
        c->n = 0;
        take_line(c);
    }
}

/* ---- Likes: the answer is counted by its head; its body comes with it */

static void take_answer(struct conn *c, const char *p, size_t n) {
    if (!c->is_busy || n < 12 || strncmp(p, "HTTP/1.1 ", 9) != 0)
        return; /* the rest of one */
    n_answered++;
    n_bad += strncmp(p + 9, "200", 3) != 0;
    c->is_busy = false;
    take_sample(ANSWER, c->sent_us);
}

static void read_all(struct conn *c) {
    char bytes[65536];

    for (;;) {
        ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            n_opening -= !c->is_sender && !c->is_open;
            hang_up(c);
            return;
        }
        if (c->is_sender)
            take_answer(c, bytes, (size_t)n);
        else
            take_stream(c, bytes, (size_t)n);
    }
}

static void turn(int timeout_ms) {
    struct epoll_event events[256];
    int n = epoll_wait(epoll, events, 256, timeout_ms);

    for (int i = 0; i < n; i++) {
        struct conn *c = events[i].data.ptr;

        if (c->fd >= 0 && (events[i].events & EPOLLOUT) != 0 && c->request != NULL) {
            const char *request = c->request;

            c->request = NULL;
            send_all(c, request);
        }
        if (c->fd >= 0 && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
            read_all(c);
    }
}

/* ---- Commands */

static void open_all(void) {
    int64_t begin = now_us();
    size_t next = 0;

    while (next < n_streams || n_opening > 0) {
        for (; next < n_streams && n_opening < OPENING_MAX; next++, n_opening++)
            dial(&streams[next]);
        turn(100);
        if (now_us() - begin > 120 * INT64_C(1000000))
            break;
    }
    printf("{\"open\":%zu,\"failed\":%zu,\"seconds\":%.3f}\n", n_open, n_failed,
           (double)(now_us() - begin) / 1e6);
}

static struct conn *free_sender(void) {
    for (int i = 0; i < SENDERS; i++) {
        struct conn *c = &senders[i];

        if (c->fd < 0) {
            c->is_sender = true;
            dial(c);
        }
        if (!c->is_busy)
            return c;
    }
    return NULL;
}

/* False: all senders are busy. */
static bool send_like(void) {
    struct conn *c = free_sender();
    const struct request *r = &likes[next_like % n_likes];

    if (c == NULL)
        return false;
    next_like++;
    n_sent++;
    c->is_busy = true;
    c->sent_us = now_us();
    for (int k = 0; k < EVENTS; k++)
        sent_us[r->name][k] = c->sent_us;
    if (c->request == NULL && c->name == -2) {
        send_all(c, r->text);
    } else {
        c->name = -2; /* connected with this first one */
        c->request = r->text;
    }
    return true;
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static void print_samples(int k) {
    size_t n = n_samples[k];
    uint32_t *s = samples[k];

    qsort(s, n, sizeof *s, by_value);
    printf(",\"%s\":{\"n\":%zu,\"p50_us\":%u,\"p90_us\":%u,\"p99_us\":%u,\"max_us\":%u}", kinds[k], n,
           n > 0 ? s[n / 2] : 0, n > 0 ? s[n * 9 / 10] : 0, n > 0 ? s[n * 99 / 100] : 0,
           n > 0 ? s[n - 1] : 0);
}

static void like(double rate, double seconds) {
    int64_t begin = now_us(), end = begin + (int64_t)(seconds * 1e6);
    size_t due = 0, late = 0;

    n_sent = n_answered = n_bad = 0;
    for (int k = 0; k < KINDS; k++)
        n_samples[k] = 0;
    memset(sent_us, 0, sizeof sent_us);
    for (int64_t now = begin; now < end; now = now_us()) {
        for (size_t all = (size_t)((double)(now - begin) / 1e6 * rate); due < all; due++)
            if (!send_like()) {
                late += 1;
                break;
            }
        turn(1);
    }
    for (int64_t stop = now_us() + 1000000; now_us() < stop;)
        turn(10);
    printf("{\"sent\":%zu,\"answered\":%zu,\"bad\":%zu,\"late\":%zu,\"seconds\":%.3f,\"open\":%zu", n_sent,
           n_answered, n_bad, late, seconds, n_open);
    for (int k = 0; k < KINDS; k++)
        print_samples(k);
    printf("}\n");
}

static void watch(size_t n, double seconds) {
    int64_t begin = now_us(), end = begin + (int64_t)(seconds * 1e6);

    n_updates = 0;
    printf("{\"watching\":true}\n");
    fflush(stdout);
    while (n_updates < n && now_us() < end)
        turn(10);
    printf("{\"updates\":%zu,\"first_s\":%.4f,\"last_s\":%.4f}\n", n_updates,
           (double)(first_update_us - begin) / 1e6, (double)(last_update_us - begin) / 1e6);
}

/* ---- The file */

static void read_file(const char *path, const char *host) {
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;

    if (f == NULL)
        die(path);
    while (getline(&line, &room, f) > 0) {
        char kind = line[0], *at = line + 2, *name = strsep(&at, " "), *target = strsep(&at, " "), *text;

        at[strcspn(at, "\n")] = '\0';
        if (asprintf(&text, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n%s\r\n", kind == 'S' ? "GET" : "POST",
                     target, host, at,
                     kind == 'S' ? "Accept: text/event-stream\r\n" : "Content-Length: 0\r\n") < 0)
            die("memory");
        if (kind == 'S') {
            streams = realloc(streams, (n_streams + 1) * sizeof *streams);
            streams[n_streams++] = (struct conn){.fd = -1, .name = atoi(name), .request = text, .event = -1};
        } else {
            likes = realloc(likes, (n_likes + 1) * sizeof *likes);
            likes[n_likes++] = (struct request){atoi(name), text};
        }
    }
    fclose(f);
}

int main(int argc, char **argv) {
    char line[256], *colon = argc == 3 ? strchr(argv[1], ':') : NULL;
    struct rlimit l;
    double a, b;

    if (colon == NULL) {
        fputs("usage: streams HOST:PORT FILE\n", stderr);
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &l);
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    read_file(argv[2], argv[1]);
    *colon = '\0';
    to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    for (int i = 0; i < SENDERS; i++)
        senders[i].fd = -1;
    for (int k = 0; k < KINDS; k++)
        samples[k] = malloc(SAMPLES * sizeof *samples[k]);
    while (fgets(line, sizeof line, stdin) != NULL && strncmp(line, "end", 3) != 0) {
        if (strncmp(line, "open", 4) == 0)
            open_all();
        else if (sscanf(line, "like %lf %lf", &a, &b) == 2)
            like(a, b);
        else if (sscanf(line, "watch %lf %lf", &a, &b) == 2)
            watch((size_t)a, b);
        fflush(stdout);
    }
    return 0;
}
