#include "fcgi/drivers/redis_async.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fcgi/drivers/redis_address.h"
#include "fcgi/log.h"

#define RETRY_MIN_S 0.1
#define RETRY_MAX_S 5.0

/* A reply that is due. */
struct due {
    redis_async_fn *fn;
    void *arg;
    struct due *next;
};

enum state { AWAY, CONNECTING, UP };

struct redis_async {
    struct ev_loop *loop;
    struct redis_address at;
    struct redis_async_events events;
    redisContext *conn;
    enum state state;
    ev_io io;
    ev_timer retry;
    int watched; /* EV_READ and EV_WRITE of io; 0: it is stopped */
    double delay_s;
    bool told;   /* that it is down is logged */
    bool failed; /* inside a callback: hung up when that returns */
    struct due *due, **due_end;
    struct due *spare; /* kept for the next ones */
};

static void watch(struct redis_async *r, int what) {
    if (what == r->watched)
        return;
    if (r->watched != 0)
        ev_io_stop(r->loop, &r->io);
    r->watched = what;
    if (what == 0)
        return;
    ev_io_set(&r->io, r->conn->fd, what);
    ev_io_start(r->loop, &r->io);
}

static struct due *due_new(struct redis_async *r) {
    struct due *d = r->spare;

    if (d == NULL)
        return malloc(sizeof *d); /* lint: memory-of-the-arena: outlives any piece of work */
    r->spare = d->next;
    return d;
}

static void due_take(struct redis_async *r, const redisReply *reply) {
    struct due *d = r->due, kept = *d;

    r->due = d->next;
    if (r->due == NULL)
        r->due_end = &r->due;
    d->next = r->spare;
    r->spare = d;
    if (kept.fn != NULL)
        kept.fn(kept.arg, reply);
}

static void hang_up(struct redis_async *r, const char *why) {
    bool was_up = r->state == UP;

    if (!r->told)
        log_warn(NULL, "redis is unavailable", "error=%s", why);
    r->told = true;
    watch(r, 0);
    r->state = AWAY;
    if (r->conn != NULL)
        redisFree(r->conn);
    r->conn = NULL;
    r->failed = false;
    while (r->due != NULL)
        due_take(r, NULL);
    if (was_up)
        r->events.down(r->events.arg);
    ev_timer_stop(r->loop, &r->retry);
    ev_timer_set(&r->retry, r->delay_s, 0);
    ev_timer_start(r->loop, &r->retry);
    r->delay_s = r->delay_s * 2 > RETRY_MAX_S ? RETRY_MAX_S : r->delay_s * 2;
}

static bool add(struct redis_async *r, redis_async_fn *fn, void *arg, int argc, const char **argv) {
    struct due *d = NULL;

    if (r->events.push == NULL) {
        if ((d = due_new(r)) == NULL)
            return false;
        *d = (struct due){fn, arg, NULL};
        *r->due_end = d;
        r->due_end = &d->next;
    }
    if (redisAppendCommandArgv(r->conn, argc, argv, NULL) != REDIS_OK)
        r->failed = true;
    watch(r, EV_READ | EV_WRITE);
    return true;
}

bool redis_async_do(struct redis_async *r, redis_async_fn *fn, void *arg, int argc, const char **argv) {
    return r->state == UP && add(r, fn, arg, argc, argv);
}

/* The replies to AUTH and SELECT. */
static void set_up(void *arg, const redisReply *reply) {
    struct redis_async *r = arg;

    if (reply == NULL || reply->type != REDIS_REPLY_ERROR)
        return;
    log_error(NULL, "redis does not take us", "error=%s", reply->str);
    r->failed = true;
}

static void connected(struct redis_async *r) {
    const char *user = r->at.user != NULL ? r->at.user : r->at.password;
    const char *auth[] = {"AUTH", user, r->at.password};
    char db[16];
    const char *select[] = {"SELECT", db};

    snprintf(db, sizeof db, "%d", r->at.db);
    r->state = UP;
    r->delay_s = RETRY_MIN_S;
    if (r->told)
        log_info(NULL, "redis is back", "where=%s", r->at.path != NULL ? r->at.path : r->at.host);
    r->told = false;
    if (r->at.password != NULL)
        add(r, set_up, r, r->at.user != NULL ? 3 : 2, auth);
    if (r->at.db != 0)
        add(r, set_up, r, 2, select);
    r->events.up(r->events.arg);
}

/* A connection attempt has come to its end. */
static bool finish_connecting(struct redis_async *r) {
    int error = 0;
    socklen_t n = sizeof error;

    if (getsockopt(r->conn->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0) {
        hang_up(r, strerror(error != 0 ? error : errno));
        return false;
    }
    connected(r);
    return true;
}

static void take(struct redis_async *r, const redisReply *reply) {
    if (r->events.push != NULL)
        r->events.push(r->events.arg, reply);
    else if (r->due != NULL)
        due_take(r, reply);
}

/* False: hung up. */
static bool read_all(struct redis_async *r) {
    void *reply = NULL;

    if (redisBufferRead(r->conn) != REDIS_OK) {
        hang_up(r, r->conn->errstr);
        return false;
    }
    while (!r->failed) {
        if (redisGetReplyFromReader(r->conn, &reply) != REDIS_OK) {
            hang_up(r, r->conn->errstr);
            return false;
        }
        if (reply == NULL)
            return true;
        take(r, reply);
        freeReplyObject(reply);
    }
    hang_up(r, "it does not go on");
    return false;
}

static void write_all(struct redis_async *r) {
    int done = 0;

    if (redisBufferWrite(r->conn, &done) != REDIS_OK)
        hang_up(r, r->conn->errstr);
    else if (done)
        watch(r, EV_READ);
}

static void on_io(struct ev_loop *loop, ev_io *io, int what) {
    struct redis_async *r = io->data;

    (void)loop;
    if (r->state == CONNECTING && !finish_connecting(r))
        return;
    if ((what & EV_READ) != 0 && !read_all(r))
        return;
    if ((what & EV_WRITE) != 0 && r->conn != NULL)
        write_all(r);
}

static void dial(struct redis_async *r) {
    r->conn = r->at.path != NULL ? redisConnectUnixNonBlock(r->at.path)
                                 : redisConnectNonBlock(r->at.host, r->at.port);
    if (r->conn == NULL || r->conn->err != 0) {
        hang_up(r, r->conn == NULL ? "no memory" : r->conn->errstr);
        return;
    }
    fcntl(r->conn->fd, F_SETFD, FD_CLOEXEC);
    r->state = CONNECTING;
    watch(r, EV_READ | EV_WRITE);
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int what) {
    (void)loop;
    (void)what;
    dial(timer->data);
}

struct redis_async *redis_async_open(struct ev_loop *loop, const char *url,
                                     const struct redis_async_events *events) {
    struct redis_async *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->loop = loop;
    r->events = *events;
    r->due_end = &r->due;
    r->delay_s = RETRY_MIN_S;
    ev_io_init(&r->io, on_io, -1, EV_READ);
    ev_timer_init(&r->retry, on_retry, 0, 0);
    r->io.data = r->retry.data = r;
    if (!redis_address_parse(url, &r->at)) {
        redis_async_close(r);
        return NULL;
    }
    ev_timer_start(loop, &r->retry);
    return r;
}

static void free_all(struct due *d) {
    while (d != NULL) {
        struct due *next = d->next;

        free(d);
        d = next;
    }
}

void redis_async_close(struct redis_async *r) {
    if (r == NULL)
        return;
    ev_timer_stop(r->loop, &r->retry);
    if (r->conn != NULL) {
        watch(r, 0);
        redisFree(r->conn);
    }
    free_all(r->due);
    free_all(r->spare);
    redis_address_free(&r->at);
    free(r);
}

bool redis_async_is_up(const struct redis_async *r) { return r->state == UP; }
