/* Web Push: content-free messages to the push services that browsers and apps named. */
#include <inttypes.h>
#include <string.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/http.h"
#include "fcgi/drivers/webpush.h"
#include "fcgi/i18n.h"
#include "fcgi/json.h"
#include "fcgi/lane.h"
#include "fcgi/log.h"
#include "gen/static.h"
#include "gen/stubs.h"
#include "handlers/common/vapid.h"
#include "handlers/notification/worker_deliver.h"

#define TTL_S (48 * 3600)

/* In its flight's arena. */
struct push {
    struct flight *flight;
    struct errand errand;
    bool is_called;
};

/* ---- what is said: that there is something, of which kind, and under which number. Whoever may read it asks
 * the site for the rest, with a token that is not in here. */

static const char *const titles[PREFS_KINDS] = {
    [PREFS_MENTION] = tr_mark("Somebody mentioned you"),
    [PREFS_COMMENT] = tr_mark("New comment on your post"),
    [PREFS_LIKE] = tr_mark("Somebody likes your post"),
    [PREFS_REPOST] = tr_mark("Somebody reposted your post"),
    [PREFS_FOLLOW] = tr_mark("Somebody follows you"),
    [PREFS_FOLLOW_REQUEST] = tr_mark("Somebody asks to follow you"),
    [PREFS_FOLLOW_ACCEPTED] = tr_mark("Your request to follow was accepted"),
    [PREFS_EDIT] = tr_mark("A post that you reposted was edited"),
    [PREFS_SIGN_IN] = tr_mark("A new device logged in to your account"),
    [PREFS_MODERATION] = tr_mark("A moderator acted on your account"),
    [PREFS_POST] = tr_mark("There is a new post that you wanted to be told of"),
};

/* Apps read Mastodon's names and a number; browsers get ours, and the number as text. */
static void write_payload(struct ctx *ctx, const Pb__PushSubscription *s, const Pb__Contact *who,
                          const struct outgoing *o, struct buf *out) {
    const char *alert = prefs_alert_of(o->kind);
    bool app = s->token_id != 0;
    int lang = i18n_find(who->language), kind = prefs_kind_of(o->kind);
    struct json j;

    json_init(&j, out);
    json_open_object(&j);
    json_put_str(&j, "preferred_locale", i18n_code(lang < 0 ? 0 : lang));
    if (app)
        json_put_int(&j, "notification_id", o->notification_id);
    else
        json_put_id(&j, "notification_id", o->notification_id);
    json_put_str(&j, "notification_type", app && alert != NULL ? alert : o->kind);
    json_put_str(&j, "title", kind < 0 ? ctx->env->config->site_name : tr(lang < 0 ? 0 : lang, titles[kind]));
    json_put_str(&j, "body", "");
    json_put_str(&j, "icon",
                 arena_printf(ctx->arena, "%s%s", ctx->env->config->base_url, STATIC_URL_FAVICON_SVG));
    json_close_object(&j);
}

/* Whom push services may write to when something is wrong (RFC 8292, section 2.1). */
static const char *subject(struct ctx *ctx) {
    const struct config *config = ctx->env->config;

    return config->contact_email[0] != '\0' ? arena_printf(ctx->arena, "mailto:%s", config->contact_email)
                                            : config->base_url;
}

/* ---- what came of it */

static enum code target_gone(struct errand *e, const char *why) {
    enum code c = notification_store_pushes_gone(e->ctx, &e->rows[0].target_id, 1);

    return c != OK ? c : notification_errand_drop(e, why);
}

static enum code answered(struct errand *e, const struct http_reply *r) {
    const char *why = arena_printf(e->ctx->arena, "the push service said %d", r->status);

    if (r->status >= 200 && r->status < 300)
        return notification_store_end(e->ctx, e->lease, e->ids, e->n_ids, OUTGOING_SENT, "");
    if (r->status == 404 || r->status == 410)
        return target_gone(e, why);
    if (r->status == 429 || r->status >= 500)
        return notification_errand_again(e, r->retry_after, why);
    log_warn(e->ctx, "a push service does not take a message", "member=%lld status=%d",
             (long long)e->rows[0].user_id, r->status);
    return notification_errand_give_up(e, why);
}

static enum code settle(struct errand *e, enum code sent, const struct http_reply *r) {
    struct ctx *ctx = e->ctx;
    const char *why = ctx->error.detail != NULL ? ctx->error.detail : "";

    fail_clear(ctx);
    if (sent == OK)
        return answered(e, r);
    if (sent == CANCELLED)
        return OK;
    if (sent == DENIED)
        return target_gone(e, why);
    if (r->sent) {
        log_warn(ctx, "not known whether a push arrived", "member=%lld cause=%s",
                 (long long)e->rows[0].user_id, why);
        return notification_store_end(ctx, e->lease, e->ids, e->n_ids, OUTGOING_UNKNOWN, "unknown");
    }
    return notification_errand_again(e, 0, why);
}

/* What can't be noted now stays as it was: handed over, and never sent again, or else leased, until that is
 * over. */
static void landed(void *arg, enum code sent, const struct http_reply *r) {
    struct push *p = arg;
    struct errand *e = &p->errand;

    if (settle(e, sent, r) != OK)
        log_warn(e->ctx, "it can't be noted what came of a push", "member=%lld cause=%s",
                 (long long)e->rows[0].user_id, e->ctx->error.detail);
    flight_over(p->flight);
}

static bool hand(void *arg) { return notification_errand_hand(&((struct push *)arg)->errand); }

static enum code message_to(struct errand *e, const Pb__PushSubscription *s, const Pb__Contact *who,
                            const struct outgoing *o, struct webpush_message *ret) {
    struct ctx *ctx = e->ctx;
    struct webpush_wish wish = {subject(ctx), NULL, prefs_kind_of(o->kind) == PREFS_SIGN_IN, TTL_S,
                                clock_now_ms()};
    struct webpush_target target = {.endpoint = s->endpoint, .legacy = !s->standard};
    struct webpush_key key;
    struct buf payload;
    enum code c;

    if (!webpush_target_read(ctx, s->p256dh, s->auth, &target))
        return fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "push: no key");
    buf_init(&payload, ctx->arena, WEBPUSH_PAYLOAD_MAX);
    write_payload(ctx, s, who, o, &payload);
    if ((c = vapid_key(ctx, &key)) != OK)
        return c;
    return webpush_make(ctx, &key, &target, payload.p, payload.n, &wish, ret);
}

static enum code call(struct push *p, const Pb__PushSubscription *s, const Pb__Contact *who,
                      const struct outgoing *o) {
    struct errand *e = &p->errand;
    struct webpush_message m;
    enum code c = message_to(e, s, who, o, &m);

    if (c != OK)
        return c;
    c = notification_call_begin(e->ctx, &(struct http_request){.url = s->endpoint,
                                                               .headers = m.headers,
                                                               .n_headers = m.n_headers,
                                                               .body = m.body,
                                                               .n = m.n,
                                                               .before = hand,
                                                               .done = landed,
                                                               .arg = p});
    p->is_called = c == OK;
    return c == INVALID ? target_gone(e, "its address is none") : c;
}

/* ---- whether it may still go there */

/* The token was not revoked and the session not ended since; else the subscription goes with it. */
static enum code check_access(struct errand *e, const Pb__PushSubscription *s, bool *ret_alive) {
    Pb__LiveAccess ask = PB__LIVE_ACCESS__INIT;
    const Pb__LiveAccess *alive;
    int64_t token_id = s->token_id, session_id = s->session_id;
    enum code c;

    ask.user_id = s->user_id;
    ask.token_ids = &token_id;
    ask.n_token_ids = token_id != 0;
    ask.session_ids = &session_id;
    ask.n_session_ids = session_id != 0;
    if ((c = user_filter_access(e->ctx, &ask, &alive)) != OK)
        return c;
    *ret_alive = alive->n_token_ids + alive->n_session_ids > 0;
    return *ret_alive ? OK : target_gone(e, "its token or session has ended");
}

static enum code reader_of(struct ctx *ctx, int64_t user_id, const Pb__Contact **ret) {
    Pb__ContactsRequest ask = PB__CONTACTS_REQUEST__INIT;
    const Pb__ContactsReply *found;
    enum code c;

    ask.ids = &user_id;
    ask.n_ids = 1;
    if ((c = user_get_contacts(ctx, &ask, &found)) == OK)
        *ret = found->n_contacts > 0 ? found->contacts[0] : NULL;
    return c;
}

/* The newest one speaks for those that waited with it. */
static enum code push_news(struct push *p, const Pb__PushSubscription *s) {
    struct errand *e = &p->errand;
    const Pb__Contact *who;
    const struct outgoing *left;
    const struct news *news;
    enum code c = reader_of(e->ctx, s->user_id, &who);

    if (c != OK)
        return c;
    if (who == NULL)
        return notification_errand_drop(e, "not active");
    if ((c = notification_errand_sift(e, &left, &news)) != OK || e->n_ids == 0)
        return c;
    return call(p, s, who, &left[0]);
}

static enum code send_one(struct push *p) {
    struct errand *e = &p->errand;
    struct ctx *ctx = e->ctx;
    Pb__PushSubscription **found;
    int64_t now_ms = clock_now_ms(), due_ms;
    bool alive;
    size_t n;
    enum code c;

    if ((c = notification_prefs(ctx, e->rows[0].user_id, &e->prefs)) != OK ||
        (c = notification_store_pushes_queue(ctx, &e->rows[0].user_id, 1, e->rows[0].target_id)) != OK ||
        (c = notification_store_pushes_fetch(ctx, &found, &n)) != OK)
        return c;
    if (n == 0)
        return notification_errand_drop(e, "no such subscription any more");
    due_ms = prefs_push_due(&e->prefs, e->rows[0].kind, now_ms);
    if (due_ms > now_ms)
        return notification_store_later(ctx, e->lease, due_ms, true, "");
    if ((c = check_access(e, found[0], &alive)) != OK || !alive)
        return c;
    return push_news(p, found[0]);
}

static enum code take(struct flight *f, bool *ret_due) {
    struct push *p = arena_one(f->ctx.arena, struct push);
    struct errand *e = &p->errand;
    struct outgoing *rows;
    int64_t busy[FLIGHTS];
    size_t n = lane_busy(f->lane, busy);
    enum code c;

    *p = (struct push){.flight = f, .errand = {.ctx = &f->ctx, .lease = id_next()}};
    c = notification_store_take_push(&f->ctx, e->lease, busy, n, &rows, &e->n);
    *ret_due = c == OK && e->n > 0;
    if (!*ret_due)
        return c;
    e->rows = rows;
    f->whose = rows[0].user_id;
    if ((c = send_one(p)) != OK)
        c = notification_errand_failed(e, rows, e->n, c);
    if (c == OK && !p->is_called)
        flight_over(f);
    return c;
}

static struct lane lane = {.take = take, .step = notification_calls_step, .look_ms = CALL_LOOK_MS};

enum code notification_pushes_run(struct ctx *ctx, int64_t *ret_wait_ms) {
    return lane_run(&lane, ctx, ret_wait_ms);
}

void notification_pushes_finish(struct ctx *ctx) {
    (void)ctx;
    lane_finish(&lane);
}
