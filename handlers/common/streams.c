#include "handlers/common/streams.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/i18n.h"
#include "fcgi/router.h"
#include "fcgi/rpc.h"
#include "fcgi/stream_wire.h"
#include "gen/stubs.h"
#include "handlers/common/bearer.h"
#include "handlers/common/edge.h"
#include "handlers/common/live.h"
#include "handlers/common/models.h"
#include "handlers/common/scopes.h"
#include "handlers/common/session.h"
#include "handlers/common/token.h"

#define ALL_SCOPES (STREAM_SCOPE_POSTS | STREAM_SCOPE_NOTIFICATIONS)

/* ---- The streams */

/* All members are here: what is remote is nothing. */
static const struct stream_kind kinds[] = {
    {.name = "user",
     .events = "update|status.update|delete|notification",
     .quiet = "notification",
     .scopes = STREAM_SCOPE_POSTS},
    {.name = "user:notification", .events = "notification", .scopes = STREAM_SCOPE_NOTIFICATIONS},
    {.name = "public", .channel = "local", .scopes = STREAM_SCOPE_POSTS},
    {.name = "public:local", .channel = "local", .scopes = STREAM_SCOPE_POSTS},
    {.name = "public:remote", .scopes = STREAM_SCOPE_POSTS},
    {.name = "public:media", .channel = "local:media", .scopes = STREAM_SCOPE_POSTS},
    {.name = "public:local:media", .channel = "local:media", .scopes = STREAM_SCOPE_POSTS},
    {.name = "public:remote:media", .scopes = STREAM_SCOPE_POSTS},
    {.name = "hashtag", .channel = "tag:", .parameter = "tag", .scopes = STREAM_SCOPE_POSTS},
    {.name = "hashtag:local", .channel = "tag:", .parameter = "tag", .scopes = STREAM_SCOPE_POSTS},
    {.name = "direct", .scopes = STREAM_SCOPE_POSTS},
    {.name = "list",
     .channel = LIVE_LIST,
     .parameter = "list",
     .scopes = STREAM_SCOPE_POSTS,
     .refused = "Not authorized to stream this list"},
    {0},
};

static const struct stream_kind page = {
    .name = "page", .events = "badge|update|delete|media", .brief = "update|delete", .scopes = ALL_SCOPES};

/* ---- What the hub looks at */

/* "bits" or "bits:until" of conn:rel:<member>. */
static bool hides(const char *value, int64_t *ret_until_ms) {
    char *rest;
    unsigned long bits = strtoul(value, &rest, 10);

    *ret_until_ms = 0;
    if ((bits & EDGE_SEVERED) != 0)
        return true;
    if ((bits & EDGE_MUTING) != 0 && *rest == ':')
        *ret_until_ms = strtoll(rest + 1, NULL, 10);
    return (bits & EDGE_MUTING) != 0;
}

static void state_key(int64_t id, char *key, size_t max) { snprintf(key, max, "post:stat:%019" PRId64, id); }

/* "<revision> <version> <likes> <reposts> <comments>" of post:stat. */
static bool state(int64_t id, const char *value, struct buf *out, int64_t *ret_version) {
    int64_t n[5];
    char *at = (char *)(uintptr_t)value;

    for (int i = 0; i < 5; i++)
        n[i] = strtoll(at, &at, 10);
    *ret_version = n[1];
    if (n[1] < 0)
        return false;
    live_counts_write(out, id, n[1], n[2], n[3], n[4]);
    return true;
}

const struct stream_app stream_app = {
    .kinds = kinds,
    .page = &page,
    .relations = "conn:rel:",
    .hides = hides,
    .state_key = state_key,
    .state = state,
};

/* ---- Tickets */

const char *stream_token(const struct request *req) {
    const char *query = params_get(&req->query, "access_token");

    return !text_is_empty(query) ? query : request_header(req, "Sec-WebSocket-Protocol");
}

/* Where what lets the request in stands in Redis. */
static const char *key_of_claim(struct request *req) {
    unsigned char hash[32];
    int64_t user;

    if (req->session.access == NULL)
        return session_key(&req->ctx, req->session.token, &user);
    return token_hash(req->session.token, hash, &user) ? token_key(&req->ctx, hash) : NULL;
}

/* A token that Redis has lost may be good all the same: its owner knows. */
static enum code ask_owner(struct request *req) {
    Pb__VerifyTokenRequest verify = PB__VERIFY_TOKEN_REQUEST__INIT;

    if (req->session.access == NULL)
        return fail(&req->ctx, UNAUTHENTICATED, "Log in to go on.");
    verify.token = req->session.token;
    if (user_verify_token(&req->ctx, &verify, NULL) != UNAUTHENTICATED)
        return req->ctx.error.code;
    fail_clear(&req->ctx);
    return bearer_refuse(req);
}

/* Begins the member's sequence, then looks again whether session or token, and the member, are good. */
static enum code arm(struct request *req, const char **ret_from) {
    struct ctx *ctx = &req->ctx;
    const char *key = arena_printf(ctx->arena, STREAM_MEMBER_KEY "%" PRId64, ctx->viewer_id),
               *claim = key_of_claim(req);
    const redisReply *from, *is_good, *card;
    const Pb__UserCard *now;

    redis_add(ctx->env->redis, "EVAL %s 2 %s " STREAM_OPEN_KEY " %d", stream_arm_script, key, STREAM_KEEP_S);
    redis_add(ctx->env->redis, "EXISTS %s", claim != NULL ? claim : "");
    redis_add(ctx->env->redis, "GET user:card:%lld", (long long)ctx->viewer_id);
    from = redis_next(ctx, ctx->env->redis);
    is_good = redis_next(ctx, ctx->env->redis);
    card = redis_next(ctx, ctx->env->redis);
    if (from == NULL || is_good == NULL || card == NULL)
        return ctx->error.code;
    if (from->type != REDIS_REPLY_STRING || !stream_id_valid(from->str))
        return fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "redis: no sequence: %s",
                           from->type == REDIS_REPLY_ERROR ? from->str : "");
    *ret_from = from->str;
    if (card->type == REDIS_REPLY_STRING &&
        (now = (const Pb__UserCard *)rpc_unpack(ctx, &pb__user_card__descriptor, card->str, card->len)) !=
            NULL &&
        now->state != PB__ACCOUNT_STATE__STATE_ACTIVE)
        return bearer_unavailable(ctx, now->state);
    return is_good->integer == 1 ? OK : ask_owner(req);
}

static unsigned scopes_of(const struct request *req) {
    const Pb__AccessToken *access = req->session.access;

    if (access == NULL)
        return ALL_SCOPES;
    return (scopes_allow(access->scopes, "read:statuses") ? STREAM_SCOPE_POSTS : 0) |
           (scopes_allow(access->scopes, "read:notifications") ? STREAM_SCOPE_NOTIFICATIONS : 0);
}

static enum code check_list(struct request *req, const char *id) {
    Pb__ListRequest ask = PB__LIST_REQUEST__INIT;
    enum code c = NOT_FOUND;

    ask.viewer_id = req->ctx.viewer_id;
    if (id_parse(id, &ask.list_id))
        c = connection_get_list(&req->ctx, &ask, NULL);
    if (c != NOT_FOUND)
        return c;
    fail_clear(&req->ctx);
    return fail(&req->ctx, UNAUTHENTICATED, tr_mark("Not authorized to stream this list"));
}

/* A name that is refused is refused here: once it is a stream, an EventSource cannot be told any more. */
static enum code check_wish(struct request *req, const struct stream_wish *wish, unsigned scopes) {
    const struct stream_kind *kind;

    if (wish->face == STREAM_PAGE || *wish->stream == '\0')
        return OK;
    if ((kind = stream_kind_named(&stream_app, wish->stream)) == NULL)
        return wish->face == STREAM_EVENTS
                   ? fail(&req->ctx, NOT_FOUND, tr_mark("Not found"))
                   : fail_http(&req->ctx, 400, INVALID, tr_mark("Unknown stream type"));
    if (kind->parameter != NULL && *wish->parameter == '\0')
        return fail_http(&req->ctx, 400, INVALID,
                         strcmp(kind->parameter, "tag") == 0 ? tr_mark("Missing tag name parameter")
                                                             : tr_mark("Missing list name parameter"));
    if ((scopes & kind->scopes) != kind->scopes)
        return fail(&req->ctx, UNAUTHENTICATED, tr_mark("Access token does not have the required scopes"));
    return kind->refused != NULL ? check_list(req, wish->parameter) : OK;
}

enum code stream_open(struct request *req, const struct stream_wish *wish) {
    struct ctx *ctx = &req->ctx;
    const Pb__AccessToken *access = req->session.access;
    struct stream_ticket t = {.face = wish->face,
                              .issued_ms = clock_now_ms(),
                              .until_ms = access != NULL ? access->expires_ms : 0,
                              .member_id = ctx->viewer_id,
                              .session_id = ctx->session_id,
                              .token_id = ctx->token_id,
                              .scopes = scopes_of(req),
                              .last = stream_id_valid(wish->last) ? wish->last : "",
                              .ip = ctx->ip,
                              .stream = wish->stream,
                              .parameter = wish->parameter,
                              .posts = wish->posts,
                              .n_posts = wish->n_posts};
    uint32_t edges;
    enum code c;

    if ((c = check_wish(req, wish, t.scopes)) != OK || (c = arm(req, &t.from)) != OK)
        return c;
    if (edges_get(ctx, ctx->viewer_id, &ctx->viewer_id, 1, &edges) != OK) /* for the hub, who reads them */
        fail_clear(ctx);
    respond(req, 200, "text/event-stream");
    respond_header(req, "X-Accel-Redirect",
                   arena_printf(ctx->arena, "/-/stream?t=%s",
                                stream_ticket_write(ctx->arena, config_secret(ctx->env->config), &t)));
    return OK;
}
