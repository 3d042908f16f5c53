#include "fcgi/health.h"

#include <inttypes.h>
#include <stddef.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/docs.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/json.h"
#include "fcgi/metrics.h"
#include "fcgi/pool.h"
#include "fcgi/rpc.h"
#include "gen/queries.h"

#define PLAIN "text/plain; charset=utf-8"
#define PROMETHEUS "text/plain; version=0.0.4; charset=utf-8"
#define CLASSES 4 /* 2xx … 5xx */

enum group { PAGE, JSON, FEED, BUILT_IN, NO_ROUTE, GROUPS };

static int requests[GROUPS][CLASSES], seconds[GROUPS], answered_bytes;

static enum code live(struct request *req) {
    buf_puts(respond(req, 200, PLAIN), "ok\n");
    return OK;
}

/* Every service has a login of its own, so each is tried. */
static bool postgresql_is_up(struct ctx *ctx) {
    bool up = true;
    for (size_t i = 0; i < SERVICE_MAX; i++)
        if (ctx->env->pg[i] != NULL)
            up = up && pg_run(ctx, ctx->env->pg[i], &Q_RUNTIME_PING, NULL) == OK;
    fail_clear(ctx);
    return up;
}

static bool redis_answers(struct ctx *ctx) {
    bool up = ctx->env->redis != NULL && redis_do(ctx, ctx->env->redis, "PING") != NULL;
    fail_clear(ctx);
    return up;
}

/* A pool without a service that keeps documents has no connection to them, and needs none. */
static bool documents_are_up(struct ctx *ctx) {
    bool up = ctx->env->docs == NULL || docs_ping(ctx, ctx->env->docs) == OK;
    fail_clear(ctx);
    return up;
}

/* Services that live elsewhere, by their names. */
static bool services_answer(struct ctx *ctx, struct json *j) {
    bool all = true;
    for (unsigned i = 0; ctx->env->app->services[i] != NULL; i++) {
        const struct service *s = ctx->env->app->services[i];
        if (rpc_is_here(s))
            continue;
        bool up = rpc_answers(ctx, i);
        json_put_str(j, s->name, up ? "up" : "down");
        all = all && up;
    }
    return all;
}

static enum code ready(struct request *req) {
    static const struct {
        const char *name;
        bool (*is_up)(struct ctx *ctx);
    } servers[] = {
        {"postgresql", postgresql_is_up}, {"redis", redis_answers}, {"documents", documents_are_up}};
    struct json j;
    struct buf out;
    bool all = true;
    buf_init(&out, req->ctx.arena, 4096);
    json_init(&j, &out);
    json_open_object(&j);
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        bool up = servers[i].is_up(&req->ctx);
        json_put_str(&j, servers[i].name, up ? "up" : "down");
        all = all && up;
    }
    all = services_answer(&req->ctx, &j) && all;
    json_put_bool(&j, "ready", all);
    json_close_object(&j);
    struct buf *body = respond(req, all ? 200 : 503, "application/json");
    buf_add(body, out.p, out.n);
    buf_putc(body, '\n');
    return OK;
}

static void write_pool(struct buf *out) {
    struct pool_counts c = pool_count();
    buf_printf(
        out,
        "# HELP deeplink_workers Worker processes by what they are doing.\n# TYPE deeplink_workers gauge\n"
        "deeplink_workers{state=\"idle\"} %d\ndeeplink_workers{state=\"busy\"} %d\n"
        "deeplink_workers{state=\"starting\"} %d\ndeeplink_workers{state=\"stopping\"} %d\n"
        "# HELP deeplink_worker_restarts_total Workers that ended without being asked to.\n"
        "# TYPE deeplink_worker_restarts_total counter\ndeeplink_worker_restarts_total %lu\n",
        c.idle, c.busy, c.starting, c.stopping, c.restarts);
}

/* Gauges of events, one for each consumer. */
static const struct gauge {
    const char *name, *help;
} gauges[] = {
    {"deeplink_events_waiting", "Events not yet handled by a consumer, or not yet published by the relay."},
    {"deeplink_events_age_seconds", "Age of the oldest of them."},
    {"deeplink_events_retrying", "Events that failed and are tried again."},
    {"deeplink_events_dead", "Dead letters: events that kept failing."},
};
#define N_GAUGES (sizeof gauges / sizeof gauges[0])

/* What is told of one consumer, or of the relay. */
struct telling {
    const char *consumer;
    struct bus_state state;
};

static void write_gauge(struct buf *out, size_t gauge, const struct telling *t) {
    const struct bus_state *s = &t->state;
    buf_printf(out, "%s{consumer=\"%s\"} ", gauges[gauge].name, t->consumer);
    if (gauge == 1)
        buf_printf(out, "%.3f\n", (double)s->age_ms / 1000);
    else
        buf_printf(out, "%" PRId64 "\n", gauge == 0 ? s->events : gauge == 2 ? s->retried : s->dead);
}

static size_t tell_consumers(struct ctx *ctx, struct telling *ret) {
    size_t n = 0;
    bool has_relay;
    for (const struct service *const *s = ctx->env->app->services; s != NULL && *s != NULL; s++)
        for (const struct consumer *c = (*s)->consumers; c != NULL && c->name != NULL; c++) {
            ret[n].consumer = c->name;
            n += bus_state(ctx, c->name, &ret[n].state) == OK;
        }
    ret[n].consumer = "relay";
    if (bus_lag_relay(ctx, &has_relay, &ret[n].state.events, &ret[n].state.age_ms) == OK && has_relay)
        n++;
    return n;
}

/* What cannot be had, since the database is down, is left out. No broker is asked: the database knows. */
static void write_events(struct ctx *ctx, struct buf *out) {
    size_t max = 1;
    for (const struct service *const *s = ctx->env->app->services; s != NULL && *s != NULL; s++)
        for (const struct consumer *c = (*s)->consumers; c != NULL && c->name != NULL; c++)
            max++;
    struct telling *all = arena_many(ctx->arena, struct telling, max);
    size_t n = tell_consumers(ctx, all);
    fail_clear(ctx);
    for (size_t g = 0; g < N_GAUGES; g++) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", gauges[g].name, gauges[g].help, gauges[g].name);
        for (size_t i = 0; i < n; i++)
            write_gauge(out, g, &all[i]);
    }
}

/* What services that are here say of themselves. */
static void write_services(struct ctx *ctx, struct buf *out) {
    for (const struct service *const *s = ctx->env->app->services; s != NULL && *s != NULL; s++) {
        if ((*s)->table != NULL && (*s)->metrics != NULL)
            (*s)->metrics(ctx, out);
        fail_clear(ctx);
    }
}

static enum code show_metrics(struct request *req) {
    struct buf *out = respond(req, 200, PROMETHEUS);
    metrics_write(out);
    write_pool(out);
    write_events(&req->ctx, out);
    write_services(&req->ctx, out);
    return OK;
}

const struct route health_routes[] = {
    {.method = METHOD_GET,
     .pattern = "/livez",
     .handler = live,
     .auth = AUTH_ANYBODY,
     .face = FACE_JSON,
     .summary = "answers as long as a worker runs; touches no server"},
    {.method = METHOD_GET,
     .pattern = "/readyz",
     .handler = ready,
     .auth = AUTH_ANYBODY,
     .face = FACE_JSON,
     .summary = "200 when every server answers, else 503 and which do not"},
    {.method = METHOD_GET,
     .pattern = "/metrics",
     .handler = show_metrics,
     .auth = AUTH_ANYBODY,
     .face = FACE_JSON,
     .summary = "Prometheus metrics of the whole pool"},
    {.pattern = NULL},
};

bool health_is(const struct route *row) {
    for (const struct route *r = health_routes; r->pattern != NULL; r++)
        if (r == row)
            return true;
    return false;
}

void health_init(void) {
    static const char *const groups[GROUPS] = {"page", "json", "feed", "built-in", "none"};
    struct arena *a = arena_new((size_t)64 * 1024);
    metrics_init();
    for (int g = 0; g < GROUPS; g++) {
        for (int c = 0; c < CLASSES; c++)
            requests[g][c] =
                metrics_register(METRIC_COUNTER, "deeplink_requests_total",
                                 arena_printf(a, "face=\"%s\",status=\"%dxx\"", groups[g], c + 2),
                                 "Requests by what kind of route answered and how.");
        seconds[g] = metrics_register(METRIC_HISTOGRAM, "deeplink_request_seconds",
                                      arena_printf(a, "face=\"%s\"", groups[g]),
                                      "Time from accepting a request to having sent the answer.");
    }
    answered_bytes =
        metrics_register(METRIC_COUNTER, "deeplink_response_bytes_total", "", "Bytes of bodies sent.");
    arena_free(a);
}

static enum group group_of(const struct route *row) {
    if (row == NULL)
        return NO_ROUTE;
    if (health_is(row))
        return BUILT_IN;
    return row->face == FACE_JSON ? JSON : row->face == FACE_FEED ? FEED : PAGE;
}

void health_count(const struct request *req, int64_t us) {
    enum group g = group_of(req->route);
    int c = req->res.status / 100 - 2;
    if (c >= 0 && c < CLASSES)
        metrics_add(requests[g][c], 1);
    metrics_observe(seconds[g], us);
    metrics_add(answered_bytes, req->res.body.n);
}
