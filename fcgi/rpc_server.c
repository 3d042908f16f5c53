#include "fcgi/rpc_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/env.h"
#include "fcgi/log.h"
#include "fcgi/metrics.h"
#include "fcgi/pool.h"
#include "fcgi/rpc.h"
#include "fcgi/rpc_http2.h"
#include "fcgi/rpc_session.h"
#include "fcgi/rpc_tls.h"

#define CONNECTIONS_MAX 512 /* of one worker */
#define EVENTS 64
#define TICK_US 1000000
#define LOOK_AGAIN_MS 2                    /* for a connection, or a turn, that was left to others */
#define NEW_US (INT64_C(10) * 1000000)     /* for a first call that is let in */
#define IDLE_US (INT64_C(600) * 1000000)   /* without any */
#define PROMISED_US INT64_C(5000)          /* … for the first words of a connection */
#define BLOCKED_US (INT64_C(20) * 1000000) /* without taking what is sent */
#define LAST_US (INT64_C(10) * 1000000)    /* for calls at hand, once asked to stop */

/* What the workers of a pool know of each other. */
struct board {
    int n;
    _Atomic int outer;             /* calls being run that may call on */
    _Atomic int loads[POOL_MAX];   /* connections; -1: the worker does not run */
    _Atomic int running[POOL_MAX]; /* 1: it counts in `outer` */
};

struct connection {
    struct connection *next;
    struct rpc_pipe pipe; /* its session is the session's */
    struct rpc_session *session;
    bool blocked, dead;
    int64_t since_us; /* of what state it is in: new, idle, blocked */
    uint32_t events;  /* asked for */
};

struct loop {
    int epoll, listen, slot;
    struct rpc_host *host;
    const struct rpc_tls_keys *keys; /* NULL: plain */
    struct connection *connections;
    int n;
    bool listening, deferred, stopping, all_outer;
    int64_t ticked_us;
};

enum group { WELL, REFUSED, FAILED, GROUPS };

static struct board *board;
static int calls[GROUPS] = {-1, -1, -1}, seconds = -1;

void rpc_server_init(int n) {
    static const char *const results[GROUPS] = {"result=\"answered\"", "result=\"refused\"",
                                                "result=\"failed\""};
    metrics_init();
    for (int i = 0; i < GROUPS; i++)
        calls[i] = metrics_register(METRIC_COUNTER, "deeplink_grpc_calls_total", results[i],
                                    "Calls that came by gRPC.");
    seconds = metrics_register(METRIC_HISTOGRAM, "deeplink_grpc_seconds", "",
                               "Time that running such a call took.");
    void *p = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return; /* then nothing is spread */
    board = p;
    board->n = n < POOL_MAX ? n : POOL_MAX;
    for (int i = 0; i < POOL_MAX; i++)
        board->loads[i] = -1;
}

void rpc_server_count(enum code code, int64_t us) {
    struct error e = {.code = code};
    metrics_add(calls[code == OK ? WELL : error_http_status(&e) < 500 ? REFUSED : FAILED], 1);
    metrics_observe(seconds, us);
}

/* ---- connections ---- */

static void ask_for(struct loop *l, struct connection *c, uint32_t events) {
    struct epoll_event e = {.events = events, .data.ptr = c};
    if (c->events == events)
        return;
    epoll_ctl(l->epoll, c->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->pipe.fd, &e);
    c->events = events;
}

/* Writes what there is. Of a peer that does not take it, nothing further is read. */
static void flush(struct loop *l, struct connection *c) {
    enum rpc_moved m = c->dead ? RPC_DEAD : rpc_pipe_send(&c->pipe);
    bool blocked = m == RPC_BLOCKED;
    if (blocked != c->blocked)
        c->since_us = clock_mono_us();
    c->blocked = blocked;
    c->dead = c->dead || m == RPC_DEAD || (!blocked && rpc_session_is_over(c->session));
    if (!c->dead)
        ask_for(l, c, blocked ? EPOLLOUT : EPOLLIN);
}

static void load_note(const struct loop *l) {
    if (board != NULL)
        atomic_store_explicit(&board->loads[l->slot], l->n, memory_order_relaxed);
}

/* Kernel's word that the other end of a unix socket is a process of our user, or of root. */
static bool is_our_user(int fd) {
    struct ucred who;
    socklen_t n = sizeof who;
    int domain = 0;
    socklen_t domain_n = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_n) != 0 || domain != AF_UNIX)
        return false;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && (who.uid == geteuid() || who.uid == 0);
}

/* With TLS a session hears nothing before its peer has shown a certificate of ours. */
static struct connection *connection_new(const struct loop *l, int fd) {
    struct connection *c = calloc(1, sizeof *c);
    struct rpc_session *s = rpc_session_new(l->host, l->keys != NULL || is_our_user(fd));
    struct rpc_tls *tls = l->keys != NULL ? rpc_tls_accept(l->keys) : NULL;
    if (c == NULL || s == NULL || (l->keys != NULL && tls == NULL)) {
        rpc_tls_free(tls);
        rpc_session_free(s);
        free(c);
        return NULL;
    }
    c->session = s;
    c->pipe = (struct rpc_pipe){.fd = fd, .session = s->http2, .tls = tls};
    return c;
}

static void connection_add(struct loop *l, int fd) {
    struct connection *c = connection_new(l, fd);
    int yes = 1;
    if (c == NULL) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* a unix socket has none: no matter */
    c->since_us = clock_mono_us();
    c->next = l->connections;
    l->connections = c;
    l->n++;
    load_note(l);
    flush(l, c);
}

static void connection_free(struct loop *l, struct connection *c) {
    if (c->pipe.tls != NULL && rpc_tls_why(c->pipe.tls)[0] != '\0')
        log_debug(NULL, "a connection by gRPC ended", "cause=%s", rpc_tls_why(c->pipe.tls));
    c->pipe.session = NULL; /* the session's to free */
    rpc_pipe_close(&c->pipe);
    rpc_session_free(c->session);
    free(c);
    l->n--;
}

static void remove_dead(struct loop *l) {
    int before = l->n;
    for (struct connection **at = &l->connections; *at != NULL;) {
        struct connection *c = *at;
        if (!c->dead) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        connection_free(l, c);
    }
    if (l->n != before)
        load_note(l);
}

/* ---- accepting ---- */

static void listen_switch(struct loop *l, bool on) {
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    if (l->listening != on)
        epoll_ctl(l->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, l->listen, &e);
    l->listening = on;
}

/* Whether another worker has fewer connections. */
static bool others_have_less(const struct loop *l) {
    for (int i = 0; board != NULL && i < board->n; i++) {
        int load = atomic_load_explicit(&board->loads[i], memory_order_relaxed);
        if (load >= 0 && load < l->n)
            return true;
    }
    return false;
}

/* Everybody is woken by a new connection; who has more than others looks away for a moment first. */
static void accept_some(struct loop *l) {
    if (!l->deferred && others_have_less(l)) {
        l->deferred = true;
        listen_switch(l, false);
        return;
    }
    l->deferred = false;
    int fd = l->n < CONNECTIONS_MAX ? accept4(l->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
    if (fd >= 0)
        connection_add(l, fd);
}

/* ---- running ---- */

/* Whether somebody counts on this worker: a call from within a call is on its way, or may be. Whoever took
 * its connection must not begin what could make it wait. */
static bool is_promised(const struct loop *l) {
    int64_t now = clock_mono_us();
    for (const struct connection *c = l->connections; c != NULL; c = c->next) {
        if (!c->session->known && c->session->n_streams == 0 && now - c->since_us < PROMISED_US)
            return true;
        for (const struct rpc_stream *s = c->session->streams; s != NULL; s = s->next)
            if (s->meta.depth >= RPC_DEPTH_MAX && !s->done)
                return true;
    }
    return false;
}

/* Takes a turn for a call that may call on; one worker is kept for those that may not. */
static bool outer_begin(const struct loop *l) {
    if (board == NULL || l->all_outer)
        return true;
    if (is_promised(l))
        return false;
    int n = atomic_load(&board->outer);
    while (n < board->n - 1)
        if (atomic_compare_exchange_weak(&board->outer, &n, n + 1)) {
            atomic_store(&board->running[l->slot], 1);
            return true;
        }
    return false;
}

/* Gives the turn back, if there was one; also for a worker of this slot that was killed in the middle. */
static void outer_end(const struct loop *l) {
    if (board != NULL && atomic_exchange(&board->running[l->slot], 0) == 1)
        atomic_fetch_sub(&board->outer, 1);
}

/* One call of each connection, so that none waits for all of another's. Returns whether anything is left that
 * could run, and in *ret_held whether something waits for its turn. */
static bool run_some(struct loop *l, bool *ret_held) {
    bool more = false;
    *ret_held = false;
    for (struct connection *c = l->connections; c != NULL; c = c->next) {
        if (c->dead || c->blocked)
            continue;
        struct rpc_stream *stream = rpc_session_next(c->session, false);
        if (stream == NULL && rpc_session_next(c->session, true) != NULL) {
            if (outer_begin(l))
                stream = rpc_session_next(c->session, true);
            else
                *ret_held = true;
        }
        if (stream == NULL)
            continue;
        rpc_run(stream);
        outer_end(l);
        c->since_us = clock_mono_us();
        flush(l, c);
        more = more || rpc_session_next(c->session, true) != NULL;
    }
    return more;
}

/* ---- time ---- */

static void tick_connection(struct connection *c, int64_t now) {
    int64_t age = now - c->since_us;
    bool quiet = c->session->n_streams == 0;
    rpc_session_tick(c->session, now);
    if (c->blocked ? age > BLOCKED_US : !c->session->known ? age > NEW_US : quiet && age > IDLE_US)
        c->dead = true;
}

static void tick(struct loop *l) {
    int64_t now = clock_mono_us();
    if (now - l->ticked_us < TICK_US)
        return;
    l->ticked_us = now;
    for (struct connection *c = l->connections; c != NULL; c = c->next) {
        tick_connection(c, now);
        if (!c->dead)
            flush(l, c);
    }
    env_tick(l->host->env);
}

/* ---- the loop ---- */

static void take_event(struct loop *l, const struct epoll_event *e) {
    struct connection *c = e->data.ptr;
    if (c == NULL) {
        accept_some(l);
        return;
    }
    bool open = rpc_pipe_is_open(&c->pipe);
    if ((e->events & EPOLLIN) != 0 && rpc_pipe_receive(&c->pipe) == RPC_DEAD) {
        rpc_pipe_send(&c->pipe); /* what the session has to say to that */
        c->dead = true;
    }
    if (!open && rpc_pipe_is_open(&c->pipe))
        c->since_us = clock_mono_us(); /* only now its first words are due */
    if ((e->events & (EPOLLERR | EPOLLHUP)) != 0 && (e->events & EPOLLIN) == 0)
        c->dead = true;
    if (!c->dead)
        flush(l, c);
}

static void turn(struct loop *l) {
    struct epoll_event events[EVENTS];
    bool held = false, more = run_some(l, &held);
    remove_dead(l);
    int wait = more ? 0 : held || l->deferred ? LOOK_AGAIN_MS : (int)(TICK_US / 1000);
    int n = epoll_wait(l->epoll, events, EVENTS, wait);
    if (l->deferred && !l->stopping)
        listen_switch(l, true);
    for (int i = 0; i < n; i++)
        take_event(l, &events[i]);
    remove_dead(l);
    tick(l);
}

static void stop_all(struct loop *l) {
    int64_t until = clock_mono_us() + LAST_US;
    l->stopping = true;
    listen_switch(l, false);
    load_note(l);
    for (struct connection *c = l->connections; c != NULL; c = c->next) {
        rpc_session_leave(c->session);
        flush(l, c);
    }
    while (l->connections != NULL && clock_mono_us() < until)
        turn(l);
    while (l->connections != NULL) {
        l->connections->dead = true;
        remove_dead(l);
    }
}

/* Without services elsewhere no call can call on, and no worker need be kept free. */
static bool nothing_is_elsewhere(const struct app *app) {
    for (const struct service *const *s = app->services; *s != NULL; s++)
        if (!rpc_is_here(*s))
            return false;
    return true;
}

uint64_t rpc_server_loop(int fd, int slot, struct env *env, bool (*stop)(void)) {
    struct loop l = {.epoll = epoll_create1(EPOLL_CLOEXEC), .listen = fd, .slot = slot};
    l.host = rpc_host_new(env);
    if (l.epoll < 0 || l.host == NULL) {
        log_error(NULL, "no gRPC worker", "error=%s", strerror(errno));
        return 0;
    }
    l.keys = config_grpc_is_tls(env->config) ? env->tls : NULL;
    l.all_outer = nothing_is_elsewhere(env->app);
    outer_end(&l);
    load_note(&l);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    listen_switch(&l, true);
    pool_busy(false);
    while (!stop())
        turn(&l);
    stop_all(&l);
    if (board != NULL)
        atomic_store(&board->loads[slot], -1);
    uint64_t n = l.host->calls;
    rpc_host_free(l.host);
    close(l.epoll);
    return n;
}
