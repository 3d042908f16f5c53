#include "handlers/user/worker.h"

#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/log.h"
#include "fcgi/rpc.h"
#include "handlers/common/models.h"
#include "handlers/common/page_cache.h"
#include "handlers/services.h"
#include "handlers/user/service_tokens.h"
#include "handlers/user/worker_links.h"

#define SWEEP_EVERY_MS (3600 * 1000)

static const Pb__UserSecurity *security_of(struct ctx *ctx, const struct event *e) {
    return (const Pb__UserSecurity *)rpc_unpack(ctx, &pb__user_security__descriptor, e->body, e->n);
}

static enum code malformed(struct ctx *ctx, const struct event *e) {
    return fail_detail(ctx, DATA_LOSS, "An event can't be read.", "%s %s %lld", e->topic, e->type,
                       (long long)e->id);
}

/* ---- user_cards */

static enum code repeat_state(struct ctx *ctx, const struct event *e) {
    const Pb__UserStateChanged *s =
        (const Pb__UserStateChanged *)rpc_unpack(ctx, &pb__user_state_changed__descriptor, e->body, e->n);

    if (s == NULL)
        return malformed(ctx, e);
    if (s->state == PB__ACCOUNT_STATE__STATE_SUSPENDED || s->state == PB__ACCOUNT_STATE__STATE_DELETED)
        return user_sessions_end(ctx, e->key, 0, e->time_ms);
    if (s->state == PB__ACCOUNT_STATE__STATE_ACTIVE)
        page_purge_everything(ctx);
    return OK;
}

/* What ends tokens. */
static bool ends_tokens(const char *kind) {
    static const char *const kinds[] = {"password.changed", "password.reset", "member.password",
                                        "sessions.ended",   "app.left",       "app.ended",
                                        "token.ended",      "token.reused"};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i], kind) == 0)
            return true;
    return false;
}

/* Sessions that began before a password changed have ended with it, and so have tokens. */
static enum code repeat_security(struct ctx *ctx, const struct event *e) {
    const Pb__UserSecurity *s = security_of(ctx, e);
    enum code c;

    if (s == NULL)
        return malformed(ctx, e);
    if (ends_tokens(s->kind) && (c = user_store_tokens_forget(ctx, e->key)) != OK)
        return c;
    if (strcmp(s->kind, "password.changed") == 0 || strcmp(s->kind, "sessions.ended") == 0)
        return user_sessions_end(ctx, e->key, s->session_id, s->at_ms);
    if (strcmp(s->kind, "password.reset") == 0 || strcmp(s->kind, "member.password") == 0)
        return user_sessions_end(ctx, e->key, 0, s->at_ms);
    return OK;
}

static enum code on_change(struct ctx *ctx, const struct event *events, size_t n) {
    int64_t *ids = arena_many(ctx->arena, int64_t, n);
    size_t n_ids = 0, n_cards = 0;
    Pb__UserCard **cards;
    enum code c = OK;

    for (size_t i = 0; i < n && c == OK; i++) {
        if (strcmp(events[i].type, "user.state_changed") == 0)
            c = repeat_state(ctx, &events[i]);
        else if (strcmp(events[i].type, "user.security") == 0)
            c = repeat_security(ctx, &events[i]);
        else if (strcmp(events[i].type, "user.changed") == 0 && !id_among(events[i].key, ids, n_ids))
            ids[n_ids++] = events[i].key;
    }
    if (c != OK || n_ids == 0)
        return c;
    if ((c = user_store_cards(ctx, ids, n_ids, &cards, &n_cards)) != OK)
        return c;
    for (size_t i = 0; i < n_cards; i++)
        card_publish(ctx, cards[i]);
    return OK;
}

/* ---- user_history */

/* Nothing is written into the history of somebody whose erasure has begun: a broker keeps no order between
 * the topics that say one and the other. */
static enum code add_activity(struct ctx *ctx, const struct remembered *r, size_t n) {
    struct remembered *kept = arena_many(ctx->arena, struct remembered, n);
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        int64_t erasure = 0;
        enum code c = r[i].user_id != 0 ? user_store_erasure(ctx, r[i].user_id, &erasure) : OK;

        if (c != OK)
            return c;
        if (erasure == 0)
            kept[k++] = r[i];
    }
    return user_store_activity_add(ctx, kept, k);
}

/* By the consumer that writes the histories. */
static enum code erase(struct ctx *ctx, const struct event *events, size_t n) {
    enum code c = OK;

    for (size_t i = 0; i < n && c == OK; i++)
        if (strcmp(events[i].type, "user.erasing") == 0)
            c = user_erase(ctx, events[i].key);
    return c;
}

static enum code on_security(struct ctx *ctx, const struct event *events, size_t n) {
    struct remembered *r = arena_many(ctx->arena, struct remembered, n);
    size_t k = 0;
    enum code c;

    for (size_t i = 0; i < n; i++) {
        if (strcmp(events[i].type, "user.security") != 0)
            continue;
        r[k] = (struct remembered){events[i].id, events[i].key, security_of(ctx, &events[i])};
        if (r[k++].what == NULL)
            return malformed(ctx, &events[i]);
    }
    if ((c = add_activity(ctx, r, k)) != OK || (c = user_store_audit_add(ctx, r, k)) != OK)
        return c;
    return erase(ctx, events, n);
}

/* ---- user_mail */

/* Once an hour, whenever there is something to do anyway. */
static enum code sweep(struct ctx *ctx) {
    static int64_t last_ms;
    int64_t now = clock_now_ms();
    enum code c;

    if (now - last_ms < SWEEP_EVERY_MS)
        return OK;
    if ((c = user_store_sweep(ctx)) == OK && (c = user_store_sweep_apps(ctx)) == OK)
        last_ms = now;
    return c;
}

static enum code on_mail(struct ctx *ctx, const struct event *events, size_t n) {
    int64_t *ids = arena_many(ctx->arena, int64_t, n);
    struct mail_job *jobs;
    size_t n_jobs;
    enum code c;

    for (size_t i = 0; i < n; i++)
        ids[i] = events[i].key;
    if ((c = user_store_mails(ctx, ids, n, &jobs, &n_jobs)) != OK)
        return c;
    for (size_t i = 0; i < n_jobs; i++) {
        if ((c = user_mail_send(ctx, &jobs[i])) != OK || (c = user_store_mail_done(ctx, jobs[i].id)) != OK)
            return c;
    }
    return sweep(ctx);
}

static const char *const change_topics[] = {"user.v1", "user.security.v1", NULL};
static const char *const security_topics[] = {"user.security.v1", "erase.v1", NULL};
static const char *const link_topics[] = {"user.v1", NULL};
static const char *const mail_topics[] = {"user.mail.v1", NULL};
static const char *const picture_topics[] = {"media.v1", "user.picture.v1", NULL};

const struct consumer user_consumers[] = {
    {.name = "user_cards", .service = SVC_USER, .topics = change_topics, .batch = 200, .handle = on_change},
    {.name = "user_history",
     .service = SVC_USER,
     .topics = security_topics,
     .batch = 100,
     .handle = on_security},
    {.name = "user_mail", .service = SVC_USER, .topics = mail_topics, .batch = 20, .handle = on_mail},
    {.name = "user_links",
     .service = SVC_USER,
     .topics = link_topics,
     .batch = 200,
     .handle = user_links_events},
    {.name = "user_pictures",
     .service = SVC_USER,
     .topics = picture_topics,
     .batch = 50,
     .handle = user_picture_events},
    {0},
};
