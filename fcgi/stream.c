/* `deeplink stream`: hub processes side by side, each an event loop with its share of the open streams. */
#include "fcgi/stream.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/base/text.h"
#include "fcgi/command.h"
#include "fcgi/config.h"
#include "fcgi/ctx.h"
#include "fcgi/log.h"
#include "fcgi/pool.h"
#include "fcgi/process.h"
#include "fcgi/request.h"
#include "fcgi/serve.h"
#include "fcgi/stream_hub.h"

#define NAME "stream"
#define BACKLOG 1024
#define GRACE_S 5
#define ARENA_MAX ((size_t)4 << 20)
#define DRAIN_TURNS 10 /* streams are closed in so many parts */
#define DRAIN_EVERY_S 0.1

struct stream {
    struct config *config;
    int fd;
};

/* ---- One hub */

static void on_accept(struct ev_loop *loop, ev_io *io, int what) {
    (void)loop;
    (void)what;
    hub_accept(io->data);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int what) {
    struct hub *h = timer->data;

    (void)loop;
    (void)what;
    h->second++;
    for (struct conn *c = h->beats[h->second % HUB_BEAT_S], *next; c != NULL; c = next) {
        next = c->next_beat;
        conn_beat(c);
    }
    hub_presence(h, h->second);
    stream_open_set(h->slot, h->n_conns);
}

/* No new streams; those that are open are closed part by part, so that not all come back at once. */
static void on_drain(struct ev_loop *loop, ev_timer *timer, int what) {
    struct hub *h = timer->data;
    unsigned i = 0;

    (void)what;
    for (unsigned k = 0; k < HUB_BEAT_S; k++)
        for (struct conn *c = h->beats[k]; c != NULL; c = c->next_beat)
            if (i++ % DRAIN_TURNS == 0 || h->drain_turn >= DRAIN_TURNS)
                conn_end(c, 1012);
    if (h->n_conns == 0 || h->drain_turn++ > 2 * DRAIN_TURNS)
        ev_break(loop, EVBREAK_ALL);
}

static void on_stop(struct ev_loop *loop, ev_signal *signal, int what) {
    struct hub *h = signal->data;

    (void)what;
    if (h->draining)
        return;
    h->draining = true;
    ev_io_stop(loop, &h->accept);
    close(h->listen_fd); /* with the last of these gone, another master may listen there */
    ev_timer_stop(loop, &h->tick);
    ev_init(&h->tick, on_drain);
    ev_timer_set(&h->tick, 0, DRAIN_EVERY_S);
    ev_timer_start(loop, &h->tick);
}

static void channels_up(void *arg) { hub_topics_up(arg); }
static void channels_down(void *arg) { hub_topics_down(arg); }
static void channels_push(void *arg, const redisReply *message) { hub_heard(arg, message); }
static void commands_up(void *arg) { hub_commands_up(arg); }
static void commands_down(void *arg) { (void)arg; }

static bool open_redis(struct hub *h) {
    const struct redis_async_events commands = {commands_up, commands_down, NULL, h},
                                    channels = {channels_up, channels_down, channels_push, h};

    h->commands = redis_async_open(h->loop, h->config->redis, &commands);
    h->channels = redis_async_open(h->loop, h->config->redis, &channels);
    return h->commands != NULL && h->channels != NULL;
}

static void watch(struct hub *h) {
    ev_io_init(&h->accept, on_accept, h->listen_fd, EV_READ);
    ev_timer_init(&h->tick, on_tick, 1, 1);
    ev_signal_init(&h->stop, on_stop, SIGTERM);
    h->accept.data = h->tick.data = h->stop.data = h;
    ev_io_start(h->loop, &h->accept);
    ev_timer_start(h->loop, &h->tick);
    ev_signal_start(h->loop, &h->stop);
}

static int hub_run(int slot, void *arg) {
    static struct hub hub;
    const struct stream *s = arg;

    log_process(NAME);
    hub = (struct hub){.config = s->config,
                       .app = deeplink_app.streams,
                       .secret = config_secret(s->config),
                       .listen_fd = s->fd,
                       .slot = slot,
                       .arena = arena_new(ARENA_MAX)};
    stream_site(hub.secret, hub.site);
    stream_count_reset(slot);
    hub.loop = ev_default_loop(EVFLAG_NOSIGMASK);
    if (hub.loop == NULL || !hub_lws_open(&hub) || !open_redis(&hub)) {
        pool_refuse(
            "the hub cannot be opened (is libwebsockets-evlib-ev installed? does `redis` say where it is?)");
        return POOL_EXIT_REFUSED;
    }
    watch(&hub);
    pool_busy(false);
    ev_run(hub.loop, 0);
    redis_async_close(hub.commands);
    redis_async_close(hub.channels);
    stream_count_reset(slot);
    log_info(NULL, "hub stops", "streams=%zu", hub.n_conns);
    return 0;
}

/* ---- The command */

static void reload(void *arg) { process_reload(((struct stream *)arg)->config, NAME); }

/* Every stream is an open file. */
static void raise_limit(const struct config *c) {
    struct rlimit l;
    rlim_t needed = (rlim_t)c->stream_max + 256;

    if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur >= needed)
        return;
    l.rlim_cur = l.rlim_max < needed ? l.rlim_max : needed;
    if (setrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur < needed)
        log_warn(NULL, "fewer files can be open than stream_max needs", "files=%llu",
                 (unsigned long long)l.rlim_cur);
}

static int run(struct stream *s) {
    const struct config *c = s->config;

    fcntl(s->fd, F_SETFL, fcntl(s->fd, F_GETFL) | O_NONBLOCK);
    raise_limit(c);
    stream_count_init(c->stream_workers);
    log_info(NULL, "holding streams", "listen=%s hubs=%d", c->stream_listen, c->stream_workers);
    return pool_run(c->stream_workers, GRACE_S, 0, hub_run, reload, s);
}

int stream_command(struct ctx *ctx, int argc, char **argv) {
    struct stream s = {.config = (struct config *)(uintptr_t)ctx->env->config};
    int status = COMMAND_CONFIG;

    (void)argc;
    (void)argv;
    process_log(s.config, NAME);
    if (!config_secret_load(s.config, stderr))
        return COMMAND_CONFIG;
    s.fd = request_listen(s.config->stream_listen, BACKLOG);
    if (s.fd < 0) {
        fprintf(stderr, "deeplink stream: cannot listen on %s: %s\n", s.config->stream_listen,
                strerror(errno));
        return COMMAND_CONFIG;
    }
    status = run(&s);
    close(s.fd);
    if (text_starts(s.config->stream_listen, "unix:"))
        unlink(s.config->stream_listen + 5);
    return status;
}
