/* The user service's rules, what all of its parts share. The rpcs stand in service_enter.c,
 * service_account.c, service_profile.c and service_admin.c. */
#include "handlers/user/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "fcgi/log.h"
#include "fcgi/rpc.h"
#include "handlers/common/live.h"
#include "handlers/common/models.h"
#include "handlers/common/permission.h"
#include "handlers/common/rate.h"
#include "handlers/user/rules.h"
#include "handlers/user/service_shared.h"

enum code user_person(struct ctx *ctx, int64_t id, struct person **ret) {
    enum code c = user_store_person(ctx, id, ret);

    if (c == OK && *ret == NULL)
        return fail(ctx, NOT_FOUND, "There is no such member.");
    return c;
}

enum code user_actor(struct ctx *ctx, int64_t actor_id, uint64_t permission, struct person **ret) {
    enum code c;

    *ret = NULL;
    if (actor_id == 0)
        return OK;
    if ((c = user_store_person(ctx, actor_id, ret)) != OK)
        return c;
    if (*ret == NULL || (*ret)->card->state != PB__ACCOUNT_STATE__STATE_ACTIVE ||
        ((*ret)->card->permissions & permission) != permission)
        return fail(ctx, DENIED, "Your role does not allow this.");
    return OK;
}

enum code user_actor_above(struct ctx *ctx, const struct person *actor, const struct person *target) {
    if (actor == NULL || strcmp(actor->card->role, "admin") == 0 || target->rank < actor->rank)
        return OK;
    return fail(ctx, DENIED, "This member's role is not below yours. Ask an administrator.");
}

int64_t user_actor_id(const struct person *actor) { return actor != NULL ? actor->card->id : 0; }

/* Nothing was changed though all looked well: which of the statement's conditions was it? */
enum code user_not_changed(struct ctx *ctx, const struct person *before) {
    struct person *now;
    enum code c = user_person(ctx, before->card->id, &now);

    if (c != OK)
        return c;
    if (now->card->state == before->card->state && strcmp(now->card->role, before->card->role) == 0)
        return fail(ctx, PRECONDITION,
                    tr_mark("This is the only administrator left. Make somebody else administrator first."));
    return fail(ctx, ABORTED, tr_mark("This member's state has changed meanwhile. Look at it again."));
}

struct body user_state_body(struct ctx *ctx, int64_t id, Pb__AccountState state, int64_t actor,
                            const char *note) {
    Pb__UserStateChanged e = PB__USER_STATE_CHANGED__INIT;
    struct body b;

    e.user_id = id;
    e.state = state;
    e.actor_id = actor;
    e.note = note;
    rpc_pack(ctx, &e.base, &b.p, &b.n);
    return b;
}

void user_publish(struct ctx *ctx, int64_t id) {
    Pb__UserCard **cards;
    size_t n;

    if (user_store_cards(ctx, &id, 1, &cards, &n) != OK) {
        log_warn(ctx, "card not published", "user=%" PRId64, id);
        fail_clear(ctx);
    } else if (n == 1) {
        card_publish(ctx, cards[0]);
    }
}

enum code user_sessions_end(struct ctx *ctx, int64_t user_id, int64_t except_id, int64_t until_ms) {
    struct stored_session *all;
    size_t n, k = 0;
    enum code c = user_store_sessions(ctx, user_id, &all, &n);

    if (c != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        if (all[i].session->id != except_id && all[i].session->created_ms <= until_ms)
            all[k++] = all[i];
    return user_sessions_end_these(ctx, user_id, all, k);
}

enum code user_sessions_end_these(struct ctx *ctx, int64_t user_id, const struct stored_session *sessions,
                                  size_t n) {
    enum code c = user_store_sessions_end(ctx, user_id, sessions, n);

    for (size_t i = 0; c == OK && i < n; i++)
        user_streams_end(ctx, user_id,
                         arena_printf(ctx->arena, "{\"session\":\"%" PRId64 "\"}", sessions[i].session->id));
    return c;
}

void user_streams_end(struct ctx *ctx, int64_t user_id, const char *which) {
    live_push(ctx, &user_id, 1, "end", which, strlen(which));
}

struct body user_security_body(struct ctx *ctx, int64_t who, const char *kind, const char *detail,
                               int64_t session_id) {
    Pb__UserSecurity s = PB__USER_SECURITY__INIT;
    struct body b;

    s.user_id = who;
    s.kind = kind;
    s.ip = ctx->ip != NULL ? ctx->ip : "";
    s.device = text_is_empty(ctx->user_agent) ? "" : rules_device(ctx->arena, ctx->user_agent);
    s.detail = detail;
    s.session_id = session_id;
    s.at_ms = clock_now_ms();
    rpc_pack(ctx, &s.base, &b.p, &b.n);
    return b;
}

/* ---- passwords */

static struct crypto_cost cost_of(const struct ctx *ctx) {
    const struct config *config = ctx->env->config;

    return (struct crypto_cost){(unsigned long long)config->argon2_ops,
                                (size_t)config->argon2_memory_kib * 1024};
}

const char *user_password_hash(struct ctx *ctx, const char *password) {
    struct crypto_cost cost = cost_of(ctx);
    const char *hash = crypto_password_hash(ctx->arena, password, &cost);

    if (hash == NULL)
        fail_retry(ctx, UNAVAILABLE, 5, "We can't take a password right now. Try again in a moment.");
    return hash;
}

bool user_password_is_old(struct ctx *ctx, const struct person *p) {
    struct crypto_cost cost = cost_of(ctx);

    return crypto_password_needs_rehash(p->password_hash, &cost);
}

enum code user_password_check(struct ctx *ctx, const char *field, const char *password,
                              const struct person *p) {
    const char *problem = rules_password_problem(ctx->arena, password, p->card->handle, p->email,
                                                 ctx->env->config->password_min, ctx->lang);

    return problem == NULL ? OK : fail_field(ctx, field, problem);
}

/* A hash that no password fits and that takes as long as a real one: what unknown names are checked against.
 */
static const char *dummy_hash(struct ctx *ctx) {
    const struct config *config = ctx->env->config;

    return arena_printf(
        ctx->arena,
        "$argon2id$v=19$m=%d,t=%d,p=1$ZGVlcGxpbmsvbm9ib2R5$nobodyhasthispasswordnobodyhasthispassword0",
        config->argon2_memory_kib, config->argon2_ops);
}

/* The throttles of one try: the name that was typed, wherever it comes from, and the address. An account's
 * handle and its e-mail address are counted apart: a wait for the one after tries at the other would tell
 * that both belong together. */
static size_t throttles(struct ctx *ctx, const char *login, struct throttle t[2]) {
    unsigned char hash[CRYPTO_HASH_BYTES];
    const char *folded = text_fold(ctx->arena, login[0] == '@' ? login + 1 : login);
    const char *ip = ctx->ip != NULL ? ctx->ip : "";

    crypto_digest(hash, folded != NULL ? folded : "", folded != NULL ? strlen(folded) : 0);
    t[0].key = arena_printf(ctx->arena, "throttle:login:%s", text_hex(ctx->arena, hash, 16));
    t[0].free = 5;
    t[0].base_s = 30;
    t[0].max_s = 3600;
    t[0].forget_s = 86400;
    t[1] = (struct throttle){NULL, 20, 30, 900, 3600};
    if (text_is_empty(ip))
        return 1;
    t[1].key = arena_printf(ctx->arena, "throttle:address:%s", rate_address(ctx));
    return 2;
}

static const char *wait_text(struct ctx *ctx, int64_t wait_s) {
    char number[24];
    int64_t minutes = (wait_s + 59) / 60;

    snprintf(number, sizeof number, "%" PRId64, wait_s < 60 ? wait_s : minutes);
    return tr_fill(ctx->arena, ctx->lang,
                   wait_s < 60 ? tr_n(ctx->lang, "Too many tries. You can try again in {n} second.",
                                      "Too many tries. You can try again in {n} seconds.", wait_s)
                               : tr_n(ctx->lang, "Too many tries. You can try again in {n} minute.",
                                      "Too many tries. You can try again in {n} minutes.", minutes),
                   "n", number, NULL);
}

/* Notes a wrong password in the history of whose it should have been. Also done where it is nobody's: that
 * takes as long. */
static enum code wrong_password(struct ctx *ctx, const struct person *p, const char *field) {
    int64_t id = p != NULL ? p->card->id : 0;
    enum code c = user_store_security(
        ctx, id, user_security_body(ctx, id, field == NULL ? "login.failed" : "password.wrong", "", 0));

    if (c != OK)
        return c;
    if (field != NULL)
        return fail_field(ctx, field, tr_mark("This is not your current password."));
    return fail(
        ctx, UNAUTHENTICATED,
        tr_mark("This handle or e-mail address and this password don't belong together. Try again, or reset "
                "your password."));
}

enum code user_password_verify(struct ctx *ctx, const struct person *p, const char *login,
                               const char *password, const char *field) {
    struct throttle t[2];
    size_t n = throttles(ctx, login, t);
    bool has = p != NULL && !text_is_empty(p->password_hash) && strlen(password) <= RULES_PASSWORD_MAX;
    int64_t wait;
    bool right;
    enum code c = user_store_throttle(ctx, t, n, &wait);

    if (c != OK)
        return c;
    if (wait > 0)
        return fail_retry(ctx, EXHAUSTED, (int)wait, wait_text(ctx, wait));
    right = crypto_password_verify(has ? p->password_hash : dummy_hash(ctx), has ? password : "") && has;
    if (!right)
        return wrong_password(ctx, p, field);
    user_store_throttle_good(ctx, t, n);
    return OK;
}

/* ---- texts */

static enum code limited(struct ctx *ctx, const char *field, const char *clean, int max, const char **ret) {
    if (clean == NULL)
        return fail_field(ctx, field, tr_mark("This holds something that is no text. Type it again."));
    if (text_utf8_count(clean, strlen(clean)) > (size_t)max)
        return fail_field(ctx, field,
                          tr_fill(ctx->arena, ctx->lang, "This is too long. Use at most {max} characters.",
                                  "max", arena_printf(ctx->arena, "%d", max), NULL));
    *ret = clean;
    return OK;
}

enum code user_line(struct ctx *ctx, const char *field, const char *text, int max, const char **ret) {
    return limited(ctx, field, text_clean_line(ctx->arena, text, strlen(text)), max, ret);
}

enum code user_text(struct ctx *ctx, const char *field, const char *text, int max, const char **ret) {
    return limited(ctx, field, text_clean(ctx->arena, text, strlen(text)), max, ret);
}

size_t user_words(struct ctx *ctx, const char *handle, const char *name, const char *headline,
                  const char ***ret) {
    return rules_words(ctx->arena, arena_printf(ctx->arena, "%s %s %s", handle, name, headline), ret);
}

enum code user_changed_or_gone(struct ctx *ctx, enum code c, const bool *ok) {
    if (c == OK && !*ok)
        return fail(ctx, NOT_FOUND, "There is no such member.");
    return c;
}

enum code user_changed_or_stale(struct ctx *ctx, enum code c, const bool *ok, int64_t if_version) {
    if (c == OK && !*ok && if_version != 0)
        return fail(ctx, ABORTED, tr_mark("This has been changed meanwhile. Read it again, then change it."));
    return user_changed_or_gone(ctx, c, ok);
}
