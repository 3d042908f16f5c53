#include "fcgi/drivers/redis.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/drivers/redis_address.h"
#include "fcgi/drivers/redis_reply.h"
#include "fcgi/log.h"

#define OUT_MAX ((size_t)64 * 1024 * 1024)
#define OUT_KEEP ((size_t)256 * 1024) /* a larger buffer is given back when it is empty */
#define RETRY_US INT64_C(1000000)
#define IDLE_US INT64_C(1000000) /* after this long without use, look whether the server has hung up */

/* A reply read ahead of its turn, or a script whose reply is still to come. */
struct stashed {
    redisReply *reply;
    struct stashed *next;
};

/* A command whose reply is kept for whoever asks for it. */
struct redis_want {
    redisReply *reply; /* NULL: still to come, or lost */
    bool lost;
    unsigned before;         /* other commands queued between the want before it and this one, not read yet */
    struct redis_want *next; /* in order */
    const char *bytes;       /* asked ahead: the command as it was sent */
    size_t n;
    struct redis_want *next_ahead;
};

struct script_call {
    struct redis_script *script;
    const char **argv;
    const size_t *lens;
    int n_keys, argc;
    bool loads; /* a SCRIPT LOAD stands before it */
    struct script_call *next;
};

struct redis {
    struct redis_address at;
    int timeout_ms;

    redisContext *conn;
    struct buf out;   /* commands not sent yet */
    unsigned unsent;  /* how many they are */
    unsigned waiting; /* sent, reply not read yet */
    unsigned lost;    /* their replies will never come: the connection failed */
    struct stashed *stash, **stash_end;
    struct redis_want *wants, **wants_end; /* whose replies are not read yet */
    unsigned behind_wants;                 /* other commands queued behind the last of them, not read yet */
    struct redis_want *ahead, **ahead_end;
    uint64_t changes;
    size_t newest_at; /* where the newest want's command begins in `out` */
    struct script_call *calls, **calls_end;
    bool parsing; /* inside the parser: true at settle when the arena ran out in there */
    bool down;
    int64_t retry_us, used_us;
    char why[160]; /* what went wrong last, for the log */
};

static void forget_all(struct redis *r) {
    r->waiting = r->lost = r->behind_wants = 0;
    r->stash = NULL;
    r->stash_end = &r->stash;
    r->wants = NULL;
    r->wants_end = &r->wants;
    r->ahead = NULL;
    r->ahead_end = &r->ahead;
    r->calls = NULL;
    r->calls_end = &r->calls;
}

struct redis *redis_open(const char *url, int timeout_ms) {
    struct redis *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->timeout_ms = timeout_ms > 0 ? timeout_ms : 2000;
    forget_all(r);
    buf_init(&r->out, NULL, OUT_MAX);
    if (!redis_address_parse(url, &r->at)) {
        redis_close(r);
        return NULL;
    }
    return r;
}

void redis_close(struct redis *r) {
    if (r == NULL)
        return;
    if (r->conn != NULL)
        redisFree(r->conn);
    buf_free(&r->out);
    redis_address_free(&r->at);
    free(r);
}

uint64_t redis_changes(const struct redis *r) { return r->changes; }

bool redis_is_up(const struct redis *r) { return !r->down; }

/* The connection. */

static void hang_up(struct redis *r) {
    if (r->conn != NULL)
        redisFree(r->conn);
    r->conn = NULL;
    r->parsing = false;
}

/* No reply still to come will. */
static void lose_all(struct redis *r) {
    r->lost += r->waiting + r->unsent;
    for (struct redis_want *w = r->wants; w != NULL; w = w->next) {
        w->lost = true;
        r->lost--;
    }
    r->wants = NULL;
    r->wants_end = &r->wants;
    r->waiting = r->unsent = r->behind_wants = 0;
    r->out.n = 0;
    r->out.overflowed = false;
}

/* Every reply still to come is lost with the connection. */
static void conn_failed(struct redis *r, const char *what) {
    if (!r->down)
        log_warn(NULL, "redis is unavailable", "error=%s", what);
    snprintf(r->why, sizeof(r->why), "%s", what);
    r->down = true;
    r->retry_us = clock_mono_us() + RETRY_US;
    hang_up(r);
    lose_all(r);
}

static bool send_all(struct redis *r, const char *p, size_t n) {
    while (n > 0) {
        ssize_t sent = send(r->conn->fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

static const char *io_error(void) {
    return errno == EAGAIN || errno == EWOULDBLOCK ? "time-out" : strerror(errno);
}

/* The next reply off the wire, into the arena (NULL: read and dropped). NULL: the connection failed. */
static redisReply *read_reply(struct redis *r, struct arena *arena) {
    char bytes[32 * 1024];
    redisReader *reader = r->conn->reader;
    reader->privdata = arena;
    for (;;) {
        void *reply = NULL;
        r->parsing = true;
        int status = redisReaderGetReply(reader, &reply);
        r->parsing = false;
        if (status != REDIS_OK) {
            conn_failed(r, reader->errstr);
            return NULL;
        }
        if (reply != NULL)
            return reply;
        ssize_t n = recv(r->conn->fd, bytes, sizeof(bytes), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            conn_failed(r, n == 0 ? "the server hung up" : io_error());
            return NULL;
        }
        if (redisReaderFeed(reader, bytes, (size_t)n) != REDIS_OK) {
            conn_failed(r, reader->errstr);
            return NULL;
        }
    }
}

/* Sends one command of the connection's set-up and checks that the answer is +OK. */
static bool setup_command(struct redis *r, int argc, const char **argv) {
    char *cmd;
    int n = redisFormatCommandArgv(&cmd, argc, argv, NULL);
    if (n < 0)
        return false;
    bool sent = send_all(r, cmd, (size_t)n);
    free(cmd);
    if (!sent)
        return false;
    struct arena *arena = arena_new(16 * 1024);
    redisReply *reply = read_reply(r, arena);
    bool good = reply != NULL && reply->type == REDIS_REPLY_STATUS;
    if (reply != NULL && !good)
        conn_failed(r, reply->type == REDIS_REPLY_ERROR ? reply->str : "unexpected answer");
    arena_free(arena);
    return good;
}

static bool set_up(struct redis *r) {
    if (r->at.password != NULL) {
        const char *argv[] = {"AUTH", r->at.user != NULL ? r->at.user : r->at.password, r->at.password};
        if (!setup_command(r, r->at.user != NULL ? 3 : 2, argv))
            return false;
    }
    if (r->at.db != 0) {
        char db[16];
        snprintf(db, sizeof(db), "%d", r->at.db);
        const char *argv[] = {"SELECT", db};
        if (!setup_command(r, 2, argv))
            return false;
    }
    return true;
}

static bool dial(struct redis *r) {
    struct timeval tv = {r->timeout_ms / 1000, r->timeout_ms % 1000 * 1000};
    if (r->down && clock_mono_us() < r->retry_us) {
        lose_all(r);
        return false;
    }
    r->conn = r->at.path != NULL ? redisConnectUnixWithTimeout(r->at.path, tv)
                                 : redisConnectWithTimeout(r->at.host, r->at.port, tv);
    if (r->conn == NULL || r->conn->err != 0) {
        conn_failed(r, r->conn == NULL ? "no memory" : r->conn->errstr);
        return false;
    }
    redisSetTimeout(r->conn, tv);
    if (r->at.host != NULL)
        redisEnableKeepAlive(r->conn);
    r->conn->reader->fn = &redis_reply_functions;
    if (!set_up(r)) {
        if (r->conn != NULL)
            conn_failed(r, "the connection could not be set up");
        return false;
    }
    if (r->down)
        log_info(NULL, "redis is back", "where=%s", r->at.path != NULL ? r->at.path : r->at.host);
    r->down = false;
    return true;
}

/* A server that was restarted while nobody asked has left a hung-up socket behind. */
static void drop_stale(struct redis *r) {
    char byte;
    if (r->conn == NULL || r->waiting > 0 || clock_mono_us() - r->used_us < IDLE_US)
        return;
    ssize_t n = recv(r->conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        hang_up(r);
}

static bool flush(struct redis *r) {
    if (r->unsent == 0)
        return true;
    drop_stale(r);
    if (r->conn == NULL && !dial(r))
        return false;
    if (!send_all(r, r->out.p, r->out.n)) {
        conn_failed(r, io_error());
        return false;
    }
    r->waiting += r->unsent;
    r->unsent = 0;
    r->out.n = 0;
    if (r->out.cap > OUT_KEEP)
        buf_free(&r->out);
    r->used_us = clock_mono_us();
    return true;
}

/* Commands. */

/* A command that does not fit is as lost as one whose connection failed. */
static void queued(struct redis *r) {
    r->changes++;
    r->ahead = NULL; /* it may change what they said */
    r->ahead_end = &r->ahead;
    r->unsent++;
    r->behind_wants++;
    if (buf_overflowed(&r->out))
        conn_failed(r, "more than 64 MiB of commands were queued");
}

static void add_formatted(struct redis *r, const char *fmt, va_list ap) {
    char *cmd = NULL;
    int n = redisvFormatCommand(&cmd, fmt, ap);
    if (n >= 0)
        buf_add(&r->out, cmd, (size_t)n);
    else
        r->out.overflowed = true;
    free(cmd);
    queued(r);
}

void redis_add(struct redis *r, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    add_formatted(r, fmt, ap);
    va_end(ap);
}

/* '$' or '*', a count, CR LF. */
static void add_count(struct buf *out, char kind, size_t n) {
    char text[24];
    size_t i = sizeof(text);
    text[--i] = '\n';
    text[--i] = '\r';
    do
        text[--i] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    text[--i] = kind;
    buf_add(out, text + i, sizeof(text) - i);
}

static void add_word(struct buf *out, const char *p, size_t n) {
    add_count(out, '$', n);
    buf_add(out, p, n);
    buf_add(out, "\r\n", 2);
}

static void add_words(struct buf *out, int argc, const char **argv, const size_t *lens) {
    add_count(out, '*', (size_t)argc);
    for (int i = 0; i < argc; i++)
        add_word(out, argv[i], lens != NULL ? lens[i] : strlen(argv[i]));
}

void redis_add_argv(struct redis *r, int argc, const char **argv, const size_t *lens) {
    add_words(&r->out, argc, argv, lens);
    queued(r);
}

static redisReply *unavailable(struct ctx *ctx, struct redis *r) {
    if (ctx->error.code == OK) {
        fail_detail(ctx, UNAVAILABLE, "A part of this site is not answering. Please try again in a moment.",
                    "redis: %s", r->why);
        ctx->error.retry_after = 1;
    }
    return NULL;
}

static redisReply *take_stashed(struct redis *r) {
    redisReply *reply = r->stash->reply;
    r->stash = r->stash->next;
    if (r->stash == NULL)
        r->stash_end = &r->stash;
    return reply;
}

/* The reply of the oldest command that was sent, which is a want's: for it. */
static bool read_want(struct ctx *ctx, struct redis *r) {
    redisReply *reply = read_reply(r, ctx->arena);
    struct redis_want *w = r->wants;
    if (reply == NULL)
        return false;
    w->reply = reply;
    r->waiting--;
    r->wants = w->next;
    if (r->wants == NULL)
        r->wants_end = &r->wants;
    return true;
}

static bool want_is_next(const struct redis *r) { return r->wants != NULL && r->wants->before == 0; }

/* The next reply that is no want's; those before it are read on the way. NULL: the connection failed. */
static redisReply *read_other(struct ctx *ctx, struct redis *r) {
    while (want_is_next(r))
        if (!read_want(ctx, r))
            return NULL;
    redisReply *reply = read_reply(r, ctx->arena);
    if (reply == NULL)
        return NULL;
    r->waiting--;
    --*(r->wants != NULL ? &r->wants->before : &r->behind_wants);
    return reply;
}

static void stash(struct ctx *ctx, struct redis *r, redisReply *reply) {
    struct stashed *stashed = arena_one(ctx->arena, struct stashed);
    stashed->reply = reply;
    *r->stash_end = stashed;
    r->stash_end = &stashed->next;
}

/* Reads one reply, for whomever it is. */
static bool read_one(struct ctx *ctx, struct redis *r) {
    if (want_is_next(r))
        return read_want(ctx, r);
    redisReply *reply = read_other(ctx, r);
    if (reply != NULL)
        stash(ctx, r, reply);
    return reply != NULL;
}

redisReply *redis_next(struct ctx *ctx, struct redis *r) {
    if (r->stash != NULL)
        return take_stashed(r);
    if (r->lost == 0)
        flush(r); /* what that loses, `lost` counts */
    if (r->lost > 0) {
        r->lost--;
        return unavailable(ctx, r);
    }
    if (r->waiting == 0) {
        fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "redis: a reply without a command");
        return NULL;
    }
    redisReply *reply = read_other(ctx, r);
    if (reply == NULL) {
        r->lost--;
        return unavailable(ctx, r);
    }
    return reply;
}

/* Wants. */

/* For the command that begins at `at` in what is not sent yet. */
static struct redis_want *want_new(struct ctx *ctx, struct redis *r, size_t at) {
    struct redis_want *w = arena_one(ctx->arena, struct redis_want);
    r->newest_at = at;
    w->before = r->behind_wants;
    r->behind_wants = 0;
    *r->wants_end = w;
    r->wants_end = &w->next;
    r->unsent++;
    if (buf_overflowed(&r->out))
        conn_failed(r, "more than 64 MiB of commands were queued");
    return w;
}

/* The one that was asked ahead by the same bytes. */
static struct redis_want *find_ahead(const struct redis *r, const char *bytes, size_t n) {
    struct redis_want *w = r->ahead;
    while (w != NULL && (w->n != n || memcmp(w->bytes, bytes, n) != 0))
        w = w->next_ahead;
    return w != NULL && !w->lost ? w : NULL;
}

void redis_ahead(struct ctx *ctx, struct redis *r, int argc, const char **argv) {
    struct redis_want *w = redis_want(ctx, r, argc, argv);
    if (w->lost || w->bytes != NULL)
        return;
    w->n = r->out.n - r->newest_at;
    w->bytes = arena_memdup(ctx->arena, r->out.p + r->newest_at, w->n);
    *r->ahead_end = w;
    r->ahead_end = &w->next_ahead;
}

struct redis_want *redis_want(struct ctx *ctx, struct redis *r, int argc, const char **argv) {
    size_t from = r->out.n;
    add_words(&r->out, argc, argv, NULL);
    struct redis_want *w =
        r->ahead != NULL && !buf_overflowed(&r->out) ? find_ahead(r, r->out.p + from, r->out.n - from) : NULL;
    if (w == NULL)
        return want_new(ctx, r, from);
    r->out.n = from;
    return w;
}

redisReply *redis_got(struct ctx *ctx, struct redis *r, const struct redis_want *w) {
    if (w->reply == NULL && !w->lost)
        flush(r);
    while (w->reply == NULL && !w->lost && r->waiting > 0) /* nothing is waited for any more after a settle */
        if (!read_one(ctx, r))
            break; /* then it is lost */
    return w->reply != NULL ? w->reply : unavailable(ctx, r);
}

/* One command out of its turn: what was queued before it is read first and kept for those who will ask for
 * it. */

struct aside {
    struct stashed *stash, **stash_end;
    unsigned lost;
};

static void set_aside(struct ctx *ctx, struct redis *r, struct aside *kept) {
    flush(r);
    while (r->waiting > 0 && read_one(ctx, r))
        ;
    *kept = (struct aside){r->stash, r->stash_end, r->lost};
    r->stash = NULL;
    r->stash_end = &r->stash;
    r->lost = 0;
}

static void put_back(struct redis *r, const struct aside *kept) {
    r->stash = kept->stash;
    r->stash_end = kept->stash != NULL ? kept->stash_end : &r->stash;
    r->lost = kept->lost;
}

redisReply *redis_do(struct ctx *ctx, struct redis *r, const char *fmt, ...) {
    struct aside kept;
    set_aside(ctx, r, &kept);
    va_list ap;
    va_start(ap, fmt);
    add_formatted(r, fmt, ap);
    va_end(ap);
    redisReply *reply = redis_next(ctx, r);
    put_back(r, &kept);
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
        fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "redis: %.32s: %s", fmt, reply->str);
        return NULL;
    }
    return reply;
}

/* Scripts. */

static void add_eval(struct redis *r, const char *how, const char *what, const struct script_call *call) {
    char keys[16];
    int n = snprintf(keys, sizeof(keys), "%d", call->n_keys);
    add_count(&r->out, '*', (size_t)call->argc + 3);
    add_word(&r->out, how, strlen(how));
    add_word(&r->out, what, strlen(what));
    add_word(&r->out, keys, (size_t)n);
    for (int i = 0; i < call->argc; i++)
        add_word(&r->out, call->argv[i], call->lens != NULL ? call->lens[i] : strlen(call->argv[i]));
    queued(r);
}

void redis_add_script(struct ctx *ctx, struct redis *r, struct redis_script *s, int n_keys, int argc,
                      const char **argv, const size_t *lens) {
    struct script_call *call = arena_one(ctx->arena, struct script_call);
    *call = (struct script_call){s, argv, lens, n_keys, argc, s->sha[0] == '\0', NULL};
    *r->calls_end = call;
    r->calls_end = &call->next;
    if (call->loads) {
        redis_add(r, "SCRIPT LOAD %s", s->src);
        add_eval(r, "EVAL", s->src, call);
    } else {
        add_eval(r, "EVALSHA", s->sha, call);
    }
}

/* Redis has lost its scripts (a restart, SCRIPT FLUSH): this one is sent whole. */
static redisReply *resend(struct ctx *ctx, struct redis *r, const struct script_call *call) {
    struct aside kept;
    set_aside(ctx, r, &kept);
    add_eval(r, "EVAL", call->script->src, call);
    redisReply *reply = redis_next(ctx, r);
    put_back(r, &kept);
    return reply;
}

redisReply *redis_next_script(struct ctx *ctx, struct redis *r) {
    struct script_call *call = r->calls;
    if (call == NULL) {
        fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "redis: a reply without a script");
        return NULL;
    }
    r->calls = call->next;
    if (r->calls == NULL)
        r->calls_end = &r->calls;
    if (call->loads) {
        redisReply *loaded = redis_next(ctx, r);
        if (loaded != NULL && loaded->type == REDIS_REPLY_STRING && loaded->len == 40)
            memcpy(call->script->sha, loaded->str, 41);
    }
    redisReply *reply = redis_next(ctx, r);
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT", 8) == 0)
        reply = resend(ctx, r, call);
    return reply;
}

void redis_settle(struct redis *r) {
    unsigned waiting = r->parsing ? 0 : r->waiting;
    if (r->parsing)
        hang_up(r);
    forget_all(r); /* what others have of it may be gone already, with the arena */
    r->changes++;
    r->waiting = waiting;
    if (r->unsent > 0)
        flush(r);
    while (r->waiting > 0 && read_reply(r, NULL) != NULL)
        r->waiting--;
    forget_all(r);
}
