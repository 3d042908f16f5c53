#include "fcgi/rpc.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/log.h"
#include "fcgi/metrics.h"
#include "fcgi/rpc_circuit.h"
#include "fcgi/rpc_client.h"
#include "fcgi/rpc_http2.h"
#include "fcgi/rpc_wire.h"
#include "fcgi/suggest.h"

#define WRONG "Something went wrong on our side."
#define DOWN "A part of this site is not answering. Please try again in a moment."
#define STREAM_US (INT64_C(600) * 1000000) /* a stream without a deadline of its own may take this long */

enum result { ANSWERED, REFUSED, FAILED, NOT_TRIED, RESULTS };

/* How this process reaches a service that lives elsewhere. The service comes first, so that a call on it
 * finds the rest. */
struct proxy {
    ProtobufCService service;
    const struct service *what;
    struct rpc_client *client; /* made with the first call */
    struct rpc_circuit circuit;
    int calls[RESULTS], seconds, open; /* metrics */
};

static struct proxy proxies[SERVICE_MAX];

/* A reply that is not there although the call went well would be taken for an empty one: it is an error
 * instead. */
void rpc_done(const ProtobufCMessage *reply, void *data) {
    struct rpc_call *call = data;
    call->reply = reply;
    if (call->code == OK && reply == NULL)
        call->code = fail_detail(call->ctx, INTERNAL, WRONG, "a call gave no reply");
    if (call->code == OK && call->each != NULL)
        call->code = call->each(call->ctx, reply, call->arg);
}

/* ---- memory ---- */

static void *allocate(void *ctx, size_t n) { return arena_alloc(((struct ctx *)ctx)->arena, n); }

static void release(void *ctx, void *p) {
    (void)ctx;
    (void)p;
}

ProtobufCAllocator *rpc_allocator(struct ctx *ctx) {
    ProtobufCAllocator *a = arena_alloc(ctx->arena, sizeof *a);
    *a = (ProtobufCAllocator){.alloc = allocate, .free = release, .allocator_data = ctx};
    return a;
}

void rpc_pack(struct ctx *ctx, const ProtobufCMessage *m, const unsigned char **ret_p, size_t *ret_n) {
    size_t n = protobuf_c_message_get_packed_size(m);
    unsigned char *p = arena_alloc(ctx->arena, n);
    *ret_n = protobuf_c_message_pack(m, p);
    *ret_p = p;
}

ProtobufCMessage *rpc_unpack(struct ctx *ctx, const ProtobufCMessageDescriptor *d, const void *p, size_t n) {
    ProtobufCAllocator a = {.alloc = allocate, .free = release, .allocator_data = ctx};
    return protobuf_c_message_unpack(d, &a, n, p);
}

/* ---- one call to elsewhere ---- */

/* A call's message, on its way to the closure that waits for it. */
struct arrival {
    const ProtobufCMessageDescriptor *type;
    ProtobufCClosure done;
    struct rpc_call *call;
};

static enum code arrive(struct ctx *ctx, const unsigned char *p, size_t n, void *arg) {
    struct arrival *a = arg;
    const ProtobufCMessage *m = rpc_unpack(ctx, a->type, p, n);
    a->call->code = OK;
    if (m == NULL)
        return a->call->code = fail_detail(ctx, INTERNAL, WRONG, "%s: a message that is none", a->type->name);
    a->done(m, a->call);
    return a->call->code;
}

/* A write that carries a key of its own is done once, however often it comes. */
static bool has_key(const ProtobufCMessage *request) {
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field_by_name(request->descriptor, "idempotency_key");
    if (f == NULL || f->type != PROTOBUF_C_TYPE_STRING)
        return false;
    const char *key = *(const char *const *)(const void *)((const char *)request + f->offset);
    return key != NULL && key[0] != '\0';
}

static void note(struct proxy *p, bool well) {
    int change = rpc_circuit_note(&p->circuit, well, clock_mono_us());
    if (change > 0)
        log_error(NULL, "a service is left alone, since it does not answer", "service=%s", p->what->name);
    if (change < 0)
        log_info(NULL, "a service answers again", "service=%s", p->what->name);
    metrics_add(p->open, (uint64_t)(int64_t)change);
}

static enum code left_alone(struct ctx *ctx, struct proxy *p) {
    bool first = !ctx_failed(ctx);
    metrics_add(p->calls[NOT_TRIED], 1);
    fail_detail(ctx, UNAVAILABLE, DOWN, "%s: left alone for a while, since it does not answer",
                p->what->name);
    if (first)
        ctx->error.retry_after = rpc_circuit_wait_s(&p->circuit, clock_mono_us());
    return UNAVAILABLE;
}

/* Once more where that can do no harm: nothing has come to a handler, or it would do the same again. */
static bool may_try_again(const struct rpc_exchange *x, enum code code, bool harmless) {
    return x->failed && code == UNAVAILABLE && x->taken == 0 && (harmless || !x->reached) &&
           clock_mono_us() < x->deadline_us;
}

static enum code attempt(struct ctx *ctx, struct proxy *p, struct rpc_exchange *x, bool harmless) {
    struct error before = ctx->error;
    enum code code = rpc_client_exchange(ctx, p->client, x);
    note(p, !x->failed);
    if (!may_try_again(x, code, harmless))
        return code;
    log_debug(ctx, "a call is tried again", "path=%s cause=%s", x->path, ctx->error.detail);
    ctx->error = before;
    code = rpc_client_exchange(ctx, p->client, x);
    note(p, !x->failed);
    return code;
}

static int64_t deadline_of(const struct ctx *ctx, bool stream) {
    int64_t now = clock_mono_us(),
            own = now + (stream ? STREAM_US : (int64_t)ctx->env->config->grpc_timeout_ms * 1000);
    return ctx->deadline_us != 0 && ctx->deadline_us < own ? ctx->deadline_us : own;
}

static enum code make_client(struct ctx *ctx, struct proxy *p) {
    const struct config *c = ctx->env->config;
    if (p->client == NULL)
        p->client = rpc_client_new(config_service(c, p->what->name), c->grpc_secret, ctx->env->tls);
    return p->client != NULL ? OK
                             : fail_detail(ctx, INTERNAL, WRONG, "service_%s: no address", p->what->name);
}

static enum code call_away(struct proxy *p, unsigned index, const ProtobufCMessage *request,
                           struct arrival *a) {
    struct ctx *ctx = a->call->ctx;
    const ProtobufCServiceDescriptor *d = p->what->descriptor;
    unsigned marks = p->what->marks != NULL ? p->what->marks[index] : 0;
    struct rpc_exchange x = {.path = arena_printf(ctx->arena, "/%s/%s", d->name, d->methods[index].name),
                             .stream = (marks & RPC_STREAM) != 0,
                             .fresh = ctx->depth > 0,
                             .take = arrive,
                             .arg = a};
    if (ctx->depth >= RPC_DEPTH_MAX)
        return fail_detail(ctx, INTERNAL, WRONG, "%s: calls lead too deep", x.path);
    if (make_client(ctx, p) != OK)
        return INTERNAL;
    if (!rpc_circuit_allows(&p->circuit, clock_mono_us()))
        return left_alone(ctx, p);
    int64_t begin = clock_mono_us();
    x.deadline_us = deadline_of(ctx, x.stream);
    x.quiet_us = x.stream ? (int64_t)ctx->env->config->grpc_timeout_ms * 1000 : 0;
    rpc_pack(ctx, request, &x.p, &x.n);
    enum code code = attempt(ctx, p, &x, (marks & RPC_SAFE) != 0 || has_key(request));
    metrics_add(p->calls[x.failed ? FAILED : code == OK ? ANSWERED : REFUSED], 1);
    metrics_observe(p->seconds, clock_mono_us() - begin);
    return code;
}

static void invoke(ProtobufCService *service, unsigned index, const ProtobufCMessage *request,
                   ProtobufCClosure done, void *data) {
    struct proxy *p = (struct proxy *)(void *)service;
    struct rpc_call *call = data;
    struct arrival a = {.type = service->descriptor->methods[index].output, .done = done, .call = call};
    call->code = call_away(p, index, request, &a);
    if (call->code != OK)
        call->reply = NULL;
}

static void destroy(ProtobufCService *service) { (void)service; }

/* ---- the choice ---- */

bool rpc_is_here(const struct service *service) { return service->table != NULL; }

static struct proxy *proxy_of(const struct service *s, unsigned index) {
    struct proxy *p = &proxies[index];
    if (p->what != s)
        *p = (struct proxy){.service = {.descriptor = s->descriptor, .invoke = invoke, .destroy = destroy},
                            .what = s,
                            .calls = {-1, -1, -1, -1},
                            .seconds = -1,
                            .open = -1};
    return p;
}

ProtobufCService *rpc_service(struct ctx *ctx, unsigned service_index) {
    const struct service *s = ctx->env->app->services[service_index];
    return rpc_is_here(s) ? s->table : &proxy_of(s, service_index)->service;
}

void rpc_close(void) {
    for (size_t i = 0; i < SERVICE_MAX; i++) {
        rpc_client_free(proxies[i].client);
        proxies[i].client = NULL;
    }
}

void rpc_init(const struct app *app) {
    static const char *const results[RESULTS] = {"answered", "refused", "failed", "not_tried"};
    struct arena *a = arena_new((size_t)64 * 1024);
    metrics_init();
    for (unsigned i = 0; i < SERVICE_MAX && app->services[i] != NULL; i++) {
        if (rpc_is_here(app->services[i]))
            continue;
        struct proxy *p = proxy_of(app->services[i], i);
        const char *label = arena_printf(a, "service=\"%s\"", p->what->name);
        for (int r = 0; r < RESULTS; r++)
            p->calls[r] = metrics_register(METRIC_COUNTER, "deeplink_rpc_calls_total",
                                           arena_printf(a, "%s,result=\"%s\"", label, results[r]),
                                           "Calls to services that live elsewhere.");
        p->seconds = metrics_register(METRIC_HISTOGRAM, "deeplink_rpc_seconds", label,
                                      "Time from such a call to its answer.");
        p->open = metrics_register(METRIC_GAUGE, "deeplink_rpc_circuits_open", label,
                                   "Processes that leave the service alone, since it did not answer.");
    }
    arena_free(a);
}

/* ---- which services are here ---- */

static bool is_named(char *const *names, int n, const char *name) {
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool names_known(const struct app *all, char *const *names, int n, FILE *err) {
    for (int i = 0; i < n; i++) {
        struct suggest nearest;
        bool known = false;
        suggest_init(&nearest, names[i]);
        for (const struct service *const *s = all->services; *s != NULL; s++) {
            known = known || strcmp((*s)->name, names[i]) == 0;
            suggest_add(&nearest, (*s)->name);
        }
        if (known)
            continue;
        const char *best = suggest_best(&nearest);
        fprintf(err, "there is no service \"%s\"%s%s%s\n", names[i], best != NULL ? "; did you mean " : "",
                best != NULL ? best : "", best != NULL ? "?" : "");
        return false;
    }
    return true;
}

/* What rpc_app() made, for as long as the process lives. */
struct made {
    struct app app;
    const struct service *services[SERVICE_MAX + 1];
    struct service hulls[SERVICE_MAX]; /* what of a service is left when it lives elsewhere */
    struct made *earlier;
};
static struct made *made;

/* The service as it is in this process. NULL: it has no address, and neither is it here. */
static const struct service *placed(struct made *m, size_t i, const struct service *s,
                                    const struct config *config, char *const *names, int n, FILE *err) {
    const char *at = config_service(config, s->name);
    bool here = n > 0 ? is_named(names, n, s->name) : strcmp(at, "local") == 0;

    if (here)
        return s;
    if (!rpc_address_valid(at)) {
        fprintf(err,
                "service_%s is \"%s\": it must be %sgrpc://host:port, grpcs://host:port or grpc+unix:/path\n",
                s->name, at, n > 0 ? "" : "local, ");
        return NULL;
    }
    m->hulls[i] =
        (struct service){.name = s->name, .descriptor = s->descriptor, .marks = s->marks, .doors = s->doors};
    return &m->hulls[i];
}

const struct app *rpc_app(const struct app *all, const struct config *config, char *const *names, int n,
                          FILE *err) {
    struct made *m = calloc(1, sizeof *m);

    if (m == NULL)
        return NULL;
    m->earlier = made;
    made = m;
    if (!names_known(all, names, n, err))
        return NULL;
    for (size_t i = 0; i < SERVICE_MAX && all->services[i] != NULL; i++)
        if ((m->services[i] = placed(m, i, all->services[i], config, names, n, err)) == NULL)
            return NULL;
    m->app = *all;
    m->app.services = m->services;
    return &m->app;
}

/* ---- health ---- */

static enum code take_nothing(struct ctx *ctx, const unsigned char *p, size_t n, void *arg) {
    (void)ctx;
    *(bool *)arg = n == 2 && p[0] == 8 && p[1] == 1; /* HealthCheckResponse{status: SERVING} */
    return OK;
}

bool rpc_answers(struct ctx *ctx, unsigned service_index) {
    struct proxy *p = proxy_of(ctx->env->app->services[service_index], service_index);
    bool serving = false;
    struct rpc_exchange x = {.path = "/grpc.health.v1.Health/Check",
                             .deadline_us = deadline_of(ctx, false),
                             .take = take_nothing,
                             .arg = &serving};
    struct error before = ctx->error;
    bool ok = make_client(ctx, p) == OK && rpc_client_exchange(ctx, p->client, &x) == OK;
    ctx->error = before;
    return ok && serving;
}
