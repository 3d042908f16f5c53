/* Webhooks: what happened becomes calls, and calls go out until they were heard. */
#include <inttypes.h>
#include <string.h>

#include "deeplink/v1/connection.pb-c.h"
#include "deeplink/v1/post.pb-c.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/drivers/http.h"
#include "fcgi/json.h"
#include "fcgi/lane.h"
#include "fcgi/log.h"
#include "fcgi/rpc.h"
#include "handlers/notification/service_hooks.h"
#include "handlers/notification/worker_deliver.h"

#define FIRST_S 10 /* after the first failure; then twice as long each time, up to an hour */
#define ERROR_MAX 200

/* ---- what happened, as ids */

struct ids {
    struct json j;
    struct buf out;
};

static void begin(struct ctx *ctx, struct ids *to) {
    buf_init(&to->out, ctx->arena, 4096);
    json_init(&to->j, &to->out);
    json_open_object(&to->j);
}

static const char *end(struct ids *to) {
    json_close_object(&to->j);
    return buf_str(&to->out);
}

static void put_if(struct ids *to, const char *name, int64_t id) {
    if (id != 0)
        json_put_id(&to->j, name, id);
}

static bool post_created(struct ctx *ctx, const struct event *e, struct ids *to) {
    const Pb__PostCreated *p =
        (const Pb__PostCreated *)rpc_unpack(ctx, &pb__post_created__descriptor, e->body, e->n);

    if (p == NULL)
        return false;
    put_if(to, "post_id", p->post_id);
    put_if(to, "author_id", p->author_id);
    put_if(to, "in_reply_to_id", p->in_reply_to_id);
    put_if(to, "repost_of_id", p->repost_of_id);
    return true;
}

static bool post_changed(struct ctx *ctx, const struct event *e, struct ids *to) {
    const Pb__PostChanged *p =
        (const Pb__PostChanged *)rpc_unpack(ctx, &pb__post_changed__descriptor, e->body, e->n);

    if (p == NULL)
        return false;
    put_if(to, "post_id", p->post_id);
    put_if(to, "author_id", p->author_id);
    return true;
}

static bool post_deleted(struct ctx *ctx, const struct event *e, struct ids *to) {
    const Pb__PostDeleted *p =
        (const Pb__PostDeleted *)rpc_unpack(ctx, &pb__post_deleted__descriptor, e->body, e->n);

    if (p == NULL)
        return false;
    put_if(to, "post_id", p->post_id);
    put_if(to, "author_id", p->author_id);
    return true;
}

static bool user_by_key(struct ctx *ctx, const struct event *e, struct ids *to) {
    (void)ctx;
    put_if(to, "user_id", e->key);
    return true;
}

static bool edge_changed(struct ctx *ctx, const struct event *e, struct ids *to) {
    const Pb__EdgeChanged *p =
        (const Pb__EdgeChanged *)rpc_unpack(ctx, &pb__edge_changed__descriptor, e->body, e->n);

    if (p == NULL)
        return false;
    put_if(to, "follower_id", e->key);
    put_if(to, "followed_id", p->target_id);
    return true;
}

typedef bool data_writer(struct ctx *ctx, const struct event *e, struct ids *to);

static const struct {
    const char *event;
    data_writer *write;
} events_known[] = {
    {"post.created", post_created},   {"post.changed", post_changed},      {"post.deleted", post_deleted},
    {"user.registered", user_by_key}, {"user.state_changed", user_by_key}, {"follow.added", edge_changed},
    {"follow.removed", edge_changed},
};

/* NULL: no webhook can want such an event. */
static data_writer *writer_of(const struct event *e) {
    for (size_t i = 0; i < sizeof events_known / sizeof *events_known; i++)
        if (strcmp(events_known[i].event, e->type) == 0)
            return events_known[i].write;
    return NULL;
}

/* A call of each of these n hooks, which all want the same event. */
static enum code queue(struct ctx *ctx, const struct event *e, const struct hook_want *wants, size_t n) {
    int64_t *hooks = arena_many(ctx->arena, int64_t, n), *ids = arena_many(ctx->arena, int64_t, n);
    const char **bodies = arena_many(ctx->arena, const char *, n), *data;
    struct ids to;

    begin(ctx, &to);
    if (!writer_of(e)(ctx, e, &to))
        return fail_detail(ctx, DATA_LOSS, "An event can't be read.", "%s %s %lld", e->topic, e->type,
                           (long long)e->id);
    data = end(&to);
    for (size_t i = 0; i < n; i++) {
        ids[i] = id_next();
        hooks[i] = wants[i].hook;
        bodies[i] = notification_hook_body(ctx, ids[i], e->type, e->time_ms, data);
    }
    return notification_store_hook_call_add(ctx, &(struct hook_calls){ids, hooks, bodies, n, e->id, e->type});
}

/* Old events that come again are no news. Mostly nobody wants any of them, and that takes one question. */
enum code notification_hook_events(struct ctx *ctx, const struct event *events, size_t n) {
    int64_t now_ms = clock_now_ms(), *times = arena_many(ctx->arena, int64_t, n);
    const struct event **news = arena_many(ctx->arena, const struct event *, n);
    const char **types = arena_many(ctx->arena, const char *, n);
    struct hook_want *wants = NULL;
    size_t k = 0, n_wants = 0;
    enum code c;

    for (size_t i = 0; i < n; i++) {
        if (events[i].time_ms <= now_ms - WAIT_DAY_MS || writer_of(&events[i]) == NULL)
            continue;
        news[k] = &events[i];
        types[k] = events[i].type;
        times[k++] = events[i].time_ms;
    }
    c = k == 0 ? OK : notification_store_hooks_wanting(ctx, types, times, k, &wants, &n_wants);
    for (size_t i = 0, same; i < n_wants && c == OK; i += same) {
        for (same = 1; i + same < n_wants && wants[i + same].event == wants[i].event; same++)
            ;
        c = queue(ctx, news[wants[i].event], wants + i, same);
    }
    return c;
}

/* ---- calling */

/* One of a call; in its flight's arena. */
struct attempt {
    struct flight *flight;
    struct hook_call *call;
    int64_t lease;
};

/* "v1," and base64 of the HMAC over id, time and body, with dots between. */
static const char *signature(struct ctx *ctx, const struct hook_call *k, const char *id, const char *time_s) {
    unsigned char key[HOOK_KEY], mac[CRYPTO_HASH_BYTES];
    const char *text = arena_printf(ctx->arena, "%s.%s.%s", id, time_s, k->body);

    notification_hook_key(ctx, k->hook_id, k->salt, key);
    crypto_hmac256(mac, key, sizeof key, text, strlen(text));
    crypto_wipe(key, sizeof key);
    return arena_printf(ctx->arena, "v1,%s", text_base64(ctx->arena, mac, sizeof mac));
}

static int64_t wait_s(int attempts, int asked) {
    int64_t s = FIRST_S;

    for (int i = 1; i < attempts && s < 3600; i++)
        s *= 2;
    s = s < 3600 ? s : 3600;
    return asked > s ? asked : s;
}

static enum code failed(struct attempt *a, int status, int asked_s, const char *error) {
    struct ctx *ctx = &a->flight->ctx;
    const struct hook_call *k = a->call;
    int64_t now_ms = clock_now_ms();
    bool over = now_ms - k->created_ms > WAIT_DAY_MS, disabled;
    enum code c = notification_store_hook_failed(
        ctx, a->lease, k->id, status, text_ellipsis(ctx->arena, error, ERROR_MAX),
        over ? 0 : now_ms + wait_s(k->attempts, asked_s) * 1000,
        notification_hook_audit(ctx, 0, "webhook.disabled", k->url), &disabled);

    if (c != OK)
        return c;
    if (over)
        log_warn(ctx, "a webhook's call is given up after a day", "hook=%lld call=%lld error=%s",
                 (long long)k->hook_id, (long long)k->id, error);
    if (disabled)
        log_warn(ctx, "a webhook is switched off: it has failed for a day", "hook=%lld",
                 (long long)k->hook_id);
    return OK;
}

static enum code settle(struct attempt *a, enum code sent, const struct http_reply *r) {
    struct ctx *ctx = &a->flight->ctx;
    const char *error = ctx->error.detail != NULL ? ctx->error.detail : "";

    fail_clear(ctx);
    if (sent == OK && r->status >= 200 && r->status < 300)
        return notification_store_hook_done(ctx, a->lease, a->call->id, r->status);
    if (sent == OK)
        error = arena_printf(ctx->arena, "answered %d", r->status);
    return failed(a, r->status, r->retry_after, error);
}

/* What can't be noted now is called again when the lease is over. */
static void landed(void *arg, enum code sent, const struct http_reply *r) {
    struct attempt *a = arg;
    struct ctx *ctx = &a->flight->ctx;

    if (settle(a, sent, r) != OK)
        log_warn(ctx, "it can't be noted what came of a webhook's call", "call=%lld cause=%s",
                 (long long)a->call->id, ctx->error.detail);
    flight_over(a->flight);
}

static enum code call(struct attempt *a) {
    struct ctx *ctx = &a->flight->ctx;
    const struct hook_call *k = a->call;
    const char *id = arena_printf(ctx->arena, "%" PRId64, k->id);
    const char *time_s = arena_printf(ctx->arena, "%" PRId64, clock_now_ms() / 1000);
    const struct http_header headers[] = {{"Content-Type", "application/json"},
                                          {"Webhook-Id", id},
                                          {"Webhook-Timestamp", time_s},
                                          {"Webhook-Signature", signature(ctx, k, id, time_s)}};

    return notification_call_begin(ctx, &(struct http_request){.url = k->url,
                                                               .headers = headers,
                                                               .n_headers = sizeof headers / sizeof *headers,
                                                               .body = k->body,
                                                               .n = strlen(k->body),
                                                               .done = landed,
                                                               .arg = a});
}

static enum code take(struct flight *f, bool *ret_due) {
    struct attempt *a = arena_one(f->ctx.arena, struct attempt);
    int64_t busy[FLIGHTS];
    size_t n = lane_busy(f->lane, busy);
    enum code c;

    *a = (struct attempt){.flight = f, .lease = id_next()};
    c = notification_store_hook_take(&f->ctx, a->lease, busy, n, &a->call);
    *ret_due = c == OK && a->call != NULL;
    if (!*ret_due)
        return c;
    f->whose = a->call->hook_id;
    if ((c = call(a)) != INVALID)
        return c;
    fail_clear(&f->ctx);
    if ((c = failed(a, 0, 0, "the address is none")) == OK)
        flight_over(f);
    return c;
}

static struct lane lane = {.take = take, .step = notification_calls_step, .look_ms = CALL_LOOK_MS};

enum code notification_hooks_run(struct ctx *ctx, int64_t *ret_wait_ms) {
    return lane_run(&lane, ctx, ret_wait_ms);
}

void notification_hooks_finish(struct ctx *ctx) {
    (void)ctx;
    lane_finish(&lane);
}
