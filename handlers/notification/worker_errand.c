/* What mails and pushes have in common once they are due. */
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/drivers/http.h"
#include "fcgi/log.h"
#include "handlers/common/edge.h"
#include "handlers/common/models.h"
#include "handlers/notification/worker_deliver.h"

#define HTTP_MS 4000 /* to connect; twice that in all */
#define TIDY_MS (10 * WAIT_MINUTE_MS)
#define BACKOFF_MIN_S 60
#define BACKOFF_MAX_S 3600

/* ---- what is still to be told */

/* Whether the reader hears nothing of somebody: gone, suspended, blocked either way or muted. */
static bool is_silent(const Pb__UserCard *actor, uint32_t edges) {
    return actor == NULL || actor->state != PB__ACCOUNT_STATE__STATE_ACTIVE ||
           (edges & (EDGE_SEVERED | EDGE_MUTING)) != 0;
}

static enum code silence(struct errand *e, bool *ret) {
    struct ctx *ctx = e->ctx;
    int64_t *actors = arena_many(ctx->arena, int64_t, e->n);
    const Pb__UserCard **cards = arena_many(ctx->arena, const Pb__UserCard *, e->n);
    uint32_t *edges = arena_many(ctx->arena, uint32_t, e->n);
    enum code c;

    for (size_t i = 0; i < e->n; i++)
        actors[i] = e->rows[i].actor_id;
    if ((c = cards_get(ctx, actors, e->n, cards)) != OK ||
        (c = edges_get(ctx, e->rows[0].user_id, actors, e->n, edges)) != OK)
        return c;
    for (size_t i = 0; i < e->n; i++)
        ret[i] = actors[i] != 0 && is_silent(cards[i], edges[i]);
    return OK;
}

static const struct news *news_of(const struct news *news, size_t n, int64_t id) {
    for (size_t i = 0; i < n; i++)
        if (news[i].id == id)
            return &news[i];
    return NULL;
}

static int64_t *ids_of(struct errand *e) {
    int64_t *ids = arena_many(e->ctx->arena, int64_t, e->n);

    for (size_t i = 0; i < e->n; i++)
        ids[i] = e->rows[i].notification_id;
    return ids;
}

enum code notification_errand_sift(struct errand *e, const struct outgoing **ret_left,
                                   const struct news **ret_news) {
    struct arena *a = e->ctx->arena;
    struct outgoing *left = arena_many(a, struct outgoing, e->n);
    struct news *news, *kept = arena_many(a, struct news, e->n);
    int64_t *dropped = arena_many(a, int64_t, e->n);
    bool *silent = arena_many(a, bool, e->n);
    size_t n_news, n_dropped = 0;
    enum code c = notification_store_news(e->ctx, e->rows[0].user_id, ids_of(e), e->n, &news, &n_news);

    if (c != OK || (c = silence(e, silent)) != OK)
        return c;
    e->ids = arena_many(a, int64_t, e->n);
    for (size_t i = 0; i < e->n; i++) {
        const struct news *what = news_of(news, n_news, e->rows[i].notification_id);

        if (what == NULL || silent[i]) {
            dropped[n_dropped++] = e->rows[i].notification_id;
            continue;
        }
        left[e->n_ids] = e->rows[i];
        kept[e->n_ids] = *what;
        e->ids[e->n_ids++] = what->id;
    }
    *ret_left = left;
    *ret_news = kept;
    return notification_store_end(e->ctx, e->lease, dropped, n_dropped, OUTGOING_DROPPED,
                                  "read, undone, or silenced");
}

enum code notification_errand_drop(struct errand *e, const char *why) {
    return notification_store_end(e->ctx, e->lease, ids_of(e), e->n, OUTGOING_DROPPED, why);
}

enum code notification_errand_give_up(struct errand *e, const char *why) {
    return notification_store_end(e->ctx, e->lease, ids_of(e), e->n, OUTGOING_FAILED, why);
}

/* ---- going out */

bool notification_errand_hand(void *errand) {
    struct errand *e = errand;
    struct error before = e->ctx->error;
    enum code c =
        notification_store_hand(e->ctx, e->lease, e->ids, e->n_ids, e->rows, e->mail_id, &e->handed);

    if (c != OK)
        log_warn(e->ctx, "nothing was sent: it can't be noted", "cause=%s", e->ctx->error.detail);
    e->ctx->error = before;
    return c == OK && e->handed;
}

int64_t notification_backoff_s(int attempts) {
    int64_t s = BACKOFF_MIN_S;

    for (int i = 1; i < attempts && s < BACKOFF_MAX_S; i++)
        s *= 2;
    return s < BACKOFF_MAX_S ? s : BACKOFF_MAX_S;
}

enum code notification_errand_again(struct errand *e, int wait_s, const char *why) {
    const struct outgoing *first = &e->rows[0];
    int64_t now_ms = clock_now_ms(), s = notification_backoff_s(first->attempts);

    if (now_ms - first->tried_ms > WAIT_DAY_MS) {
        log_warn(e->ctx, "given up after a day", "channel=%s member=%lld notification=%lld n=%zu why=%s",
                 first->channel, (long long)first->user_id, (long long)first->notification_id, e->n, why);
        return notification_errand_give_up(e, why);
    }
    if (wait_s > s)
        s = wait_s;
    return notification_store_later(e->ctx, e->lease, now_ms + s * 1000, first->held, why);
}

enum code notification_errand_failed(struct errand *e, const struct outgoing *rows, size_t n, enum code c) {
    const char *why = e->ctx->error.detail != NULL ? e->ctx->error.detail : code_name(c);

    if (c == UNAVAILABLE || c == DEADLINE)
        return c;
    log_error(e->ctx, "a notification can't be sent", "channel=%s member=%lld notification=%lld cause=%s",
              rows[0].channel, (long long)rows[0].user_id, (long long)rows[0].notification_id, why);
    fail_clear(e->ctx);
    e->rows = rows;
    e->n = n;
    return notification_errand_again(e, 0, why);
}

/* ---- calls */

static struct http *http; /* of this process */

enum code notification_call_begin(struct ctx *ctx, const struct http_request *req) {
    if (http == NULL)
        http = http_open(HTTP_MS, ctx->env->config->outbound_private);
    return http != NULL ? http_begin(ctx, http, req)
                        : fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "http: no memory");
}

void notification_calls_step(int wait_ms) {
    if (http != NULL)
        http_step(http, wait_ms);
}

/* ---- what has grown old */

enum code notification_tidy_run(struct ctx *ctx, int64_t *ret_wait_ms) {
    size_t lost = 0;
    enum code c = notification_store_lost(ctx, &lost);

    *ret_wait_ms = TIDY_MS;
    if (c != OK)
        return c;
    if (lost > 0)
        log_warn(ctx, "handed over when a worker died: not known whether it arrived", "n=%zu", lost);
    return notification_store_delivery_sweep(ctx, DELIVER_KEEP_DAYS);
}
