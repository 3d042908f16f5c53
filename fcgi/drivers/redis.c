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

struct script_call {
    struct redis_script *script;
    const char **argv;
    const size_t *lens;
    int n_keys, argc;
    bool loads; /* a SCRIPT LOAD stands before it */
    struct script_call *next;
};

struct redis {
    char *host; /* NULL: a unix socket */
    char *path;
    char *user, *password; /* NULL: none */
    int port, db, timeout_ms;

    redisContext *conn;
    struct buf out;   /* commands not sent yet */
    unsigned unsent;  /* how many they are */
    unsigned waiting; /* sent, reply not read yet */
    unsigned lost;    /* their replies will never come: the connection failed */
    struct stashed *stash, **stash_end;
    struct script_call *calls, **calls_end;
    bool parsing; /* inside the parser: true at settle when the arena ran out in there */
    bool down;
    int64_t retry_us, used_us;
    char why[160]; /* what went wrong last, for the log */
};

/* Replies in the arena. Without one (replies that nobody wants) everything is the same empty object. */

static redisReply nothing;

static redisReply *reply_new(const redisReadTask *task, int type, size_t extra) {
    struct arena *arena = task->privdata;
    if (arena == NULL)
        return &nothing;
    redisReply *r = arena_alloc(arena, sizeof(*r) + extra);
    *r = (redisReply){.type = type};
    if (task->parent != NULL)
        ((redisReply *)task->parent->obj)->element[task->idx] = r;
    return r;
}

static void *reply_string(const redisReadTask *task, char *s, size_t n) {
    redisReply *r = reply_new(task, task->type, n + 1);
    if (r != &nothing) {
        r->str = (char *)(r + 1);
        r->len = n;
        memcpy(r->str, s, n);
        r->str[n] = '\0';
    }
    return r;
}

static void *reply_array(const redisReadTask *task, int n) {
    size_t bytes = n > 0 ? (size_t)n * sizeof(redisReply *) : 0;
    redisReply *r = reply_new(task, REDIS_REPLY_ARRAY, bytes);
    if (r != &nothing && n > 0) {
        r->element = (redisReply **)(r + 1);
        r->elements = (size_t)n;
        memset(r->element, 0, bytes);
    }
    return r;
}

static void *reply_integer(const redisReadTask *task, long long v) {
    redisReply *r = reply_new(task, REDIS_REPLY_INTEGER, 0);
    if (r != &nothing)
        r->integer = v;
    return r;
}

static void *reply_nil(const redisReadTask *task) { return reply_new(task, REDIS_REPLY_NIL, 0); }

static void reply_free(void *reply) { (void)reply; }

static redisReplyObjectFunctions reply_functions = {reply_string, reply_array, reply_integer, reply_nil,
                                                    reply_free};

/* The address. */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A copy of n bytes with %XX decoded. */
static char *url_part(const char *s, size_t n) {
    char *copy = malloc(n + 1), *to = copy;
    for (size_t i = 0; copy != NULL && i < n; i++) {
        int high = s[i] == '%' && i + 2 < n ? hex_digit(s[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(s[i + 2]) : -1;
        if (low >= 0) {
            *to++ = (char)(high * 16 + low);
            i += 2;
        } else {
            *to++ = s[i];
        }
    }
    if (copy != NULL)
        *to = '\0';
    return copy;
}

static bool parse_number(const char *s, int max, int *ret) {
    char *end;
    if (*s < '0' || *s > '9')
        return false;
    long v = strtol(s, &end, 10);
    if (*end != '\0' || v > max)
        return false;
    *ret = (int)v;
    return true;
}

static bool parse_unix(struct redis *r, const char *s) {
    const char *query = strchr(s, '?');
    size_t n = query == NULL ? strlen(s) : (size_t)(query - s);
    if (query != NULL && (strncmp(query, "?db=", 4) != 0 || !parse_number(query + 4, 65535, &r->db)))
        return false;
    r->path = url_part(s, n);
    return r->path != NULL && r->path[0] == '/';
}

static bool parse_login(struct redis *r, const char *s, size_t n) {
    const char *colon = memchr(s, ':', n);
    if (colon == NULL)
        return false;
    if (colon > s)
        r->user = url_part(s, (size_t)(colon - s));
    r->password = url_part(colon + 1, n - (size_t)(colon + 1 - s));
    return r->password != NULL;
}

static bool parse_tcp(struct redis *r, const char *s) {
    const char *at = strrchr(s, '@');
    if (at != NULL) {
        if (!parse_login(r, s, (size_t)(at - s)))
            return false;
        s = at + 1;
    }
    const char *slash = strchr(s, '/');
    if (slash != NULL && slash[1] != '\0' && !parse_number(slash + 1, 65535, &r->db))
        return false;
    size_t n = slash == NULL ? strlen(s) : (size_t)(slash - s);
    const char *colon = memchr(s, ':', n);
    r->port = 6379;
    if (colon != NULL) {
        char port[8];
        int len = snprintf(port, sizeof(port), "%.*s", (int)(n - (size_t)(colon + 1 - s)), colon + 1);
        if (len <= 0 || (size_t)len >= sizeof(port) || !parse_number(port, 65535, &r->port))
            return false;
        n = (size_t)(colon - s);
    }
    r->host = url_part(s, n);
    return r->host != NULL && r->host[0] != '\0';
}

struct redis *redis_open(const char *url, int timeout_ms) {
    struct redis *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->timeout_ms = timeout_ms > 0 ? timeout_ms : 2000;
    r->stash_end = &r->stash;
    r->calls_end = &r->calls;
    buf_init(&r->out, NULL, OUT_MAX);
    bool good = strncmp(url, "unix://", 7) == 0    ? parse_unix(r, url + 7)
                : strncmp(url, "redis://", 8) == 0 ? parse_tcp(r, url + 8)
                                                   : false;
    if (!good) {
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
    free(r->host);
    free(r->path);
    free(r->user);
    free(r->password);
    free(r);
}

bool redis_is_up(const struct redis *r) { return !r->down; }

/* The connection. */

static void hang_up(struct redis *r) {
    if (r->conn != NULL)
        redisFree(r->conn);
    r->conn = NULL;
    r->parsing = false;
}

/* Every reply still to come is lost with the connection. */
static void conn_failed(struct redis *r, const char *what) {
    if (!r->down)
        log_warn(NULL, "redis is unavailable", "error=%s", what);
    snprintf(r->why, sizeof(r->why), "%s", what);
    r->down = true;
    r->retry_us = clock_mono_us() + RETRY_US;
    hang_up(r);
    r->lost += r->waiting + r->unsent;
    r->waiting = r->unsent = 0;
    r->out.n = 0;
    r->out.overflowed = false;
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
    if (r->password != NULL) {
        const char *argv[] = {"AUTH", r->user != NULL ? r->user : r->password, r->password};
        if (!setup_command(r, r->user != NULL ? 3 : 2, argv))
            return false;
    }
    if (r->db != 0) {
        char db[16];
        snprintf(db, sizeof(db), "%d", r->db);
        const char *argv[] = {"SELECT", db};
        if (!setup_command(r, 2, argv))
            return false;
    }
    return true;
}

static bool dial(struct redis *r) {
    struct timeval tv = {r->timeout_ms / 1000, r->timeout_ms % 1000 * 1000};
    if (r->down && clock_mono_us() < r->retry_us) {
        r->lost += r->unsent;
        r->unsent = 0;
        r->out.n = 0;
        return false;
    }
    r->conn = r->path != NULL ? redisConnectUnixWithTimeout(r->path, tv)
                              : redisConnectWithTimeout(r->host, r->port, tv);
    if (r->conn == NULL || r->conn->err != 0) {
        conn_failed(r, r->conn == NULL ? "no memory" : r->conn->errstr);
        return false;
    }
    redisSetTimeout(r->conn, tv);
    if (r->host != NULL)
        redisEnableKeepAlive(r->conn);
    r->conn->reader->fn = &reply_functions;
    if (!set_up(r)) {
        if (r->conn != NULL)
            conn_failed(r, "the connection could not be set up");
        return false;
    }
    if (r->down)
        log_info(NULL, "redis is back", "where=%s", r->path != NULL ? r->path : r->host);
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
    r->unsent++;
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

void redis_add_argv(struct redis *r, int argc, const char **argv, const size_t *lens) {
    add_count(&r->out, '*', (size_t)argc);
    for (int i = 0; i < argc; i++)
        add_word(&r->out, argv[i], lens != NULL ? lens[i] : strlen(argv[i]));
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
    redisReply *reply = read_reply(r, ctx->arena);
    if (reply == NULL) {
        r->lost--;
        return unavailable(ctx, r);
    }
    r->waiting--;
    return reply;
}

/* One command out of its turn: what was queued before it is read first and kept for those who will ask for
 * it. */

struct aside {
    struct stashed *stash, **stash_end;
    unsigned lost;
};

static void set_aside(struct ctx *ctx, struct redis *r, struct aside *kept) {
    flush(r);
    while (r->waiting > 0) {
        redisReply *reply = read_reply(r, ctx->arena);
        if (reply == NULL)
            break;
        r->waiting--;
        struct stashed *stashed = arena_one(ctx->arena, struct stashed);
        stashed->reply = reply;
        *r->stash_end = stashed;
        r->stash_end = &stashed->next;
    }
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
    if (r->parsing) {
        hang_up(r);
        r->waiting = 0;
    }
    if (r->unsent > 0)
        flush(r);
    while (r->waiting > 0 && read_reply(r, NULL) != NULL)
        r->waiting--;
    r->waiting = r->lost = 0;
    r->stash = NULL;
    r->stash_end = &r->stash;
    r->calls = NULL;
    r->calls_end = &r->calls;
}
