/* Leaving. Whoever deletes their account is gone from all pages at once and can come back for some days; then
 * every service erases what it has of them, in batches, and says so. The last one writes the proof. */
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/format.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/limit.h"
#include "handlers/common/page_cache.h"
#include "handlers/user/service_shared.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define RESTORE_MS (INT64_C(15) * 60 * 1000) /* how long the question whether to come back stands */

/* Who must say that they have nothing left. */
static const char *const erasers[] = {"connection", "media", "notification", "post", "user"};
#define N_ERASERS (sizeof erasers / sizeof *erasers)

/* ---- asking for it */

/* A member for themselves, with the password; or the operator. */
static enum code may_delete(struct ctx *ctx, const Pb__RequestDeletionRequest *req, const struct person *p) {
    if (req->actor_id == 0 && ctx->viewer_id == 0)
        return OK;
    if (req->actor_id != req->user_id || req->now)
        return fail(ctx, DENIED, "Members can delete their own accounts only.");
    if (p->card->state != PB__ACCOUNT_STATE__STATE_ACTIVE)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    return user_password_verify(ctx, p, p->card->handle, req->password, "password");
}

static enum code check_state(struct ctx *ctx, const struct person *p) {
    if (p->card->state == PB__ACCOUNT_STATE__STATE_DELETED)
        return fail(ctx, PRECONDITION, tr_mark("This account is deleted already."));
    if (p->card->state == PB__ACCOUNT_STATE__STATE_UNCONFIRMED)
        return fail(ctx, PRECONDITION,
                    tr_mark("Nobody has confirmed this account. It goes by itself within a week."));
    return OK;
}

static enum code hide(struct ctx *ctx, const struct person *p, int64_t actor, int64_t erase_ms,
                      bool *ret_ok) {
    struct leaving l = {.id = p->card->id,
                        .erase_ms = erase_ms,
                        .auth_version = actor != 0 ? p->auth_version : 0,
                        .mail_detail = arena_printf(ctx->arena, "%lld", (long long)erase_ms)};
    struct body state = user_state_body(ctx, l.id, PB__ACCOUNT_STATE__STATE_DELETED, actor, "");
    struct body security = user_security_body(ctx, actor, "account.deleted", "", 0);

    return user_store_delete_ask(ctx, &l, state, security, ret_ok);
}

enum code user_service_request_deletion(struct ctx *ctx, const Pb__RequestDeletionRequest *req,
                                        Pb__RequestDeletionReply *reply) {
    int64_t now = clock_now_ms();
    struct person *p;
    size_t begun;
    bool ok;
    enum code c;

    if ((c = user_person(ctx, req->user_id, &p)) != OK || (c = may_delete(ctx, req, p)) != OK)
        return c;
    reply->erase_ms = req->now ? now : now + ctx->env->config->delete_grace_days * DAY_MS;
    if (req->now && p->erase_ms != 0) { /* asked for before, and not to wait any longer */
        if ((c = user_store_delete_now(ctx, p->card->id)) != OK)
            return c;
        return user_store_erase_begin(ctx, &begun);
    }
    if ((c = check_state(ctx, p)) != OK || (c = hide(ctx, p, req->actor_id, reply->erase_ms, &ok)) != OK)
        return c;
    if (!ok)
        return user_not_changed(ctx, p);
    user_publish(ctx, p->card->id);
    user_streams_end(ctx, p->card->id, "{}");
    if (user_sessions_end(ctx, p->card->id, 0, now + DAY_MS) != OK)
        fail_clear(ctx); /* the worker repeats it, and until then the card says that they are dead */
    return reply->erase_ms > now ? OK : user_store_erase_begin(ctx, &begun);
}

/* ---- coming back */

enum code user_restore_offer(struct ctx *ctx, const struct person *p, Pb__LogInReply *reply) {
    char *token = crypto_token(ctx->arena, 32);
    unsigned char hash[CRYPTO_HASH_BYTES];

    crypto_digest(hash, token, strlen(token));
    reply->restore_token = token;
    reply->erase_ms = p->erase_ms;
    reply->card = p->card;
    return user_store_link_new(ctx, hash, p->card->id, "restore", p->email, clock_now_ms() + RESTORE_MS);
}

static enum code restore_lost(struct ctx *ctx) {
    return fail_http(ctx, 410, PRECONDITION,
                     tr_mark("This question has been answered, or waited too long. Log in again to restore "
                             "your account."));
}

static enum code restore_read(struct ctx *ctx, const char *token, unsigned char hash[CRYPTO_HASH_BYTES],
                              struct person **ret) {
    struct link_state link;
    enum code c;

    crypto_digest(hash, token, strlen(token));
    if ((c = user_store_link_peek(ctx, hash, &link)) != OK)
        return c;
    if (link.user_id == 0 || strcmp(link.purpose, "restore") != 0 || link.used || link.expired)
        return restore_lost(ctx);
    if ((c = user_person(ctx, link.user_id, ret)) != OK)
        return c;
    return (*ret)->erase_ms != 0 ? OK : restore_lost(ctx);
}

enum code user_service_peek_deletion(struct ctx *ctx, const Pb__TokenRequest *req, Pb__RestoreReply *reply) {
    unsigned char hash[CRYPTO_HASH_BYTES];
    struct person *p;
    enum code c = restore_read(ctx, req->token, hash, &p);

    if (c != OK)
        return c;
    reply->id = p->card->id;
    reply->handle = p->card->handle;
    reply->erase_ms = p->erase_ms;
    return OK;
}

enum code user_service_cancel_deletion(struct ctx *ctx, const Pb__TokenRequest *req,
                                       Pb__RestoreReply *reply) {
    unsigned char hash[CRYPTO_HASH_BYTES];
    struct person *p;
    enum code c;

    if (!text_is_empty(req->ip))
        ctx->ip = req->ip;
    if ((c = restore_read(ctx, req->token, hash, &p)) != OK ||
        (c = user_store_delete_cancel(ctx, hash,
                                      user_security_body(ctx, p->card->id, "account.restored", "", 0),
                                      &reply->id, &reply->handle)) != OK)
        return c;
    if (reply->id == 0)
        return restore_lost(ctx);
    user_publish(ctx, reply->id);
    page_purge_everything(ctx);
    return OK;
}

/* ---- erasing */

enum code user_service_erase_due(struct ctx *ctx, const Pb__Empty *req, Pb__Empty *reply) {
    size_t n;
    enum code c = limit_to_workers(ctx);

    (void)req;
    (void)reply;
    if (c != OK)
        return c;
    do
        c = user_store_erase_begin(ctx, &n);
    while (c == OK && n > 0);
    return c != OK ? c : user_store_erase_again(ctx, &n);
}

/* The proof says that, and by whom, not whose it was. */
static struct body proof(struct ctx *ctx, int64_t erasure) {
    const char *detail = arena_printf(ctx->arena, "#%lld:", (long long)erasure);
    struct ctx nobody = *ctx;

    for (size_t i = 0; i < N_ERASERS; i++)
        detail = arena_printf(ctx->arena, "%s %s", detail, erasers[i]);
    nobody.ip = nobody.user_agent = "";
    return user_security_body(&nobody, 0, "account.erased", detail, 0);
}

enum code user_service_acknowledge_erasure(struct ctx *ctx, const Pb__ErasureDone *req, Pb__Empty *reply) {
    int64_t erasure;
    enum code c;

    (void)reply;
    if ((c = limit_to_workers(ctx)) != OK || (c = user_store_erasure(ctx, req->user_id, &erasure)) != OK)
        return c;
    if (erasure == 0)
        return fail(ctx, NOT_FOUND, "No erasure of this member has begun.");
    return user_store_erasure_done(ctx, req->user_id, req->service, erasers, N_ERASERS, proof(ctx, erasure));
}

enum code user_erase(struct ctx *ctx, int64_t id) {
    Pb__ErasureDone done = PB__ERASURE_DONE__INIT;
    int64_t erasure;
    bool ok;
    enum code c;

    if ((c = user_store_erasure(ctx, id, &erasure)) != OK || erasure == 0)
        return c; /* 0: only who is being erased is erased, whatever an event says */
    if ((c = user_sessions_end(ctx, id, 0, INT64_MAX)) != OK ||
        (c = user_store_activity_erase(ctx, id)) != OK || (c = user_store_erase(ctx, id, &ok)) != OK)
        return c;
    user_publish(ctx, id);
    done.user_id = id;
    done.service = "user";
    return user_service_acknowledge_erasure(ctx, &done, NULL);
}
