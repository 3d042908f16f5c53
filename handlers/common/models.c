#include "handlers/common/models.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/lru.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/log.h"
#include "fcgi/rpc.h"
#include "gen/stubs.h"
#include "handlers/common/edge.h"
#include "handlers/common/kept.h"
#include "handlers/common/limit.h"
#include "handlers/common/marked.h"
#include "handlers/common/page_cache.h"

#define CARDS_BYTES (1u << 19)
#define PROFILES_BYTES ((size_t)384 << 10)
#define CARD_TTL_S (7 * 86400)

/* Cards in this worker, unpacked by malloc. What falls out of the cache during a request may still be pointed
 * to: it is freed when the request ends. */
static struct lru *cards;
static int64_t cards_at = -1;
static bool epoch_known; /* since this piece of work began */
static Pb__UserCard **dropped;
static size_t n_dropped, dropped_room;

static void card_drop(void *card) {
    if (n_dropped == dropped_room) {
        size_t room = dropped_room ? dropped_room * 2 : 64;
        Pb__UserCard **more =
            realloc(dropped, room * sizeof *more); /* lint: memory-of-the-arena: outlives it */

        if (more == NULL)
            return; /* leaks one card rather than freeing what may be in use */
        dropped = more;
        dropped_room = room;
    }
    dropped[n_dropped++] = card;
}

void models_finish(void) {
    while (n_dropped > 0)
        pb__user_card__free_unpacked(dropped[--n_dropped], NULL);
    epoch_known = false;
}

/* Profiles in this worker, by handle; right as long as cards are. */
static struct lru *profiles;
static struct arena *current; /* of the request that puts something in, which may still show what falls out */

static void profile_free(void *profile) { pb__profile__free_unpacked(profile, NULL); }

static void profile_drop(void *profile) {
    if (current != NULL)
        arena_defer(current, profile_free, profile);
    else
        profile_free(profile);
}

void cards_epoch(int64_t epoch) {
    epoch_known = true;
    if (epoch == cards_at)
        return;
    if (cards != NULL)
        lru_clear(cards);
    if (profiles != NULL)
        lru_clear(profiles);
    cards_at = epoch;
}

static const Pb__UserCard *card_keep(const void *packed, size_t n) {
    Pb__UserCard *card = pb__user_card__unpack(NULL, n, packed);

    if (card == NULL)
        return NULL;
    if (cards == NULL)
        cards = lru_new(CARDS_BYTES);
    lru_put(cards, card->id, card, sizeof *card + 2 * n + 64, card_drop);
    return card;
}

static const Pb__UserCard *in_reply(const Pb__GetUsersReply *reply, int64_t id) {
    for (size_t i = 0; i < reply->n_users; i++)
        if (reply->users[i]->id == id)
            return reply->users[i];
    return NULL;
}

/* Fills the gaps that neither the worker nor Redis could: the owner answers (and publishes, so that the next
 * look finds them). */
static enum code cards_ask_owner(struct ctx *ctx, const int64_t *ids, size_t n, const Pb__UserCard **ret) {
    Pb__GetUsersRequest req = PB__GET_USERS_REQUEST__INIT;
    const Pb__GetUsersReply *reply;
    enum code c;

    req.ids = arena_many(ctx->arena, int64_t, n);
    for (size_t i = 0; i < n; i++)
        if (ret[i] == NULL && ids[i] != 0)
            req.ids[req.n_ids++] = ids[i];
    if (req.n_ids == 0)
        return OK;
    if ((c = user_get_users(ctx, &req, &reply)) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        if (ret[i] == NULL)
            ret[i] = in_reply(reply, ids[i]);
    return OK;
}

static int64_t number_of(const redisReply *r) {
    return r->type == REDIS_REPLY_STRING ? strtoll(r->str, NULL, 10) : 0;
}

/* Asks Redis for all that the worker does not have, in one MGET; and for the epoch where nobody told it yet
 * (a call by gRPC, an event), so that what is kept from now on may be used again. */
static void cards_ask_redis(struct ctx *ctx, const int64_t *ids, size_t n, const Pb__UserCard **ret,
                            size_t missing) {
    const char **argv = arena_many(ctx->arena, const char *, missing + 2);
    size_t *where = arena_many(ctx->arena, size_t, missing), k = 0;
    const redisReply *r;

    argv[0] = "MGET";
    argv[1] = "user:epoch";
    for (size_t i = 0; i < n; i++) {
        if (ret[i] == NULL && ids[i] != 0) {
            where[k] = i;
            argv[++k + 1] = arena_printf(ctx->arena, "user:card:%lld", (long long)ids[i]);
        }
    }
    r = redis_got(ctx, ctx->env->redis, redis_want(ctx, ctx->env->redis, (int)(k + 2), argv));
    if (r == NULL)
        fail_clear(ctx); /* the owner will know */
    if (r == NULL || r->type != REDIS_REPLY_ARRAY)
        return;
    if (!epoch_known)
        cards_epoch(number_of(r->element[0]));
    for (size_t i = 0; i < k && i + 1 < r->elements; i++)
        if (r->element[i + 1]->type == REDIS_REPLY_STRING)
            ret[where[i]] = card_keep(r->element[i + 1]->str, r->element[i + 1]->len);
}

enum code cards_get(struct ctx *ctx, const int64_t *ids, size_t n, const Pb__UserCard **ret) {
    size_t missing = 0;

    for (size_t i = 0; i < n; i++) {
        ret[i] = epoch_known && cards != NULL && ids[i] != 0 ? lru_get(cards, ids[i]) : NULL;
        missing += ret[i] == NULL && ids[i] != 0;
    }
    if (missing == 0)
        return OK;
    cards_ask_redis(ctx, ids, n, ret, missing);
    return cards_ask_owner(ctx, ids, n, ret);
}

enum code card_get(struct ctx *ctx, int64_t id, const Pb__UserCard **ret) {
    enum code c = cards_get(ctx, &id, 1, ret);

    if (c == OK && *ret == NULL)
        return fail(ctx, NOT_FOUND, "There is no such member.");
    return c;
}

enum code card_check_erasing(struct ctx *ctx, int64_t id) {
    const Pb__UserCard *card = NULL;
    enum code c;

    if ((c = limit_to_workers(ctx)) != OK || (c = cards_ask_owner(ctx, &id, 1, &card)) != OK)
        return c;
    return card != NULL && card->state == PB__ACCOUNT_STATE__STATE_DELETED
               ? OK
               : fail(ctx, PRECONDITION, "This member's account is not deleted.");
}

enum code card_by_handle(struct ctx *ctx, const char *handle, const Pb__UserCard **ret) {
    Pb__ResolveHandlesRequest req = PB__RESOLVE_HANDLES_REQUEST__INIT;
    const Pb__ResolveHandlesReply *reply;
    enum code c;

    req.handles = &handle;
    req.n_handles = 1;
    if ((c = user_resolve_handles(ctx, &req, &reply)) != OK)
        return c;
    if (reply->n_users == 0)
        return fail(ctx, NOT_FOUND, "There is no member of this name. Check the spelling.");
    *ret = reply->users[0];
    return OK;
}

/* ---- Profiles */

static int64_t handle_key(const char *handle) {
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */

    for (; *handle != '\0'; handle++) {
        unsigned char c = (unsigned char)*handle;

        h = (h ^ (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c)) * UINT64_C(1099511628211);
    }
    return (int64_t)h;
}

static const Pb__Profile *profile_known(const char *handle) {
    const Pb__Profile *p = profiles != NULL ? lru_get(profiles, handle_key(handle)) : NULL;

    return p != NULL && strcasecmp(p->card->handle, handle) == 0 ? p : NULL;
}

int64_t profile_known_id(const char *handle) {
    const Pb__Profile *p = profile_known(handle);

    return p != NULL ? p->card->id : 0;
}

static void profile_keep(struct ctx *ctx, const char *handle, const Pb__Profile *profile) {
    const unsigned char *packed;
    Pb__Profile *own;
    size_t n;

    rpc_pack(ctx, &profile->base, &packed, &n);
    if (profiles == NULL)
        profiles = lru_new(PROFILES_BYTES);
    own = profiles != NULL ? pb__profile__unpack(NULL, n, packed) : NULL;
    if (own == NULL)
        return;
    current = ctx->arena;
    lru_put(profiles, handle_key(handle), own, sizeof *own + sizeof *own->card + 2 * n + 128, profile_drop);
    current = NULL;
}

enum code profile_get(struct ctx *ctx, const char *handle, const Pb__Profile **ret) {
    Pb__GetProfileRequest ask = PB__GET_PROFILE_REQUEST__INIT;
    enum code c;

    if ((*ret = profile_known(handle)) != NULL)
        return OK;
    ask.handle = handle;
    if ((c = user_get_profile(ctx, &ask, ret)) == OK)
        profile_keep(ctx, handle, *ret);
    return c;
}

/* Writes the card unless a newer one stands there. KEYS: card, its version, epoch. ARGV: card, version,
 * seconds, 1 when it is a change. The version has a key of its own, so that the script need not read
 * protobuf. */
static struct redis_script write_card = {
    .src = "local v = tonumber(redis.call('GET', KEYS[2]) or '-1')\n"
           "local new = tonumber(ARGV[2])\n"
           "if v > new or (v == new and redis.call('EXISTS', KEYS[1]) == 1) then return 0 end\n"
           "redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])\n"
           "redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])\n"
           "if ARGV[4] == '1' then redis.call('INCR', KEYS[3]) end\n"
           "return 1",
};

static void card_write(struct ctx *ctx, const Pb__UserCard *card, const char *is_change) {
    const unsigned char *packed;
    const char *argv[7];
    size_t n, lens[7];

    rpc_pack(ctx, &card->base, &packed, &n);
    argv[0] = arena_printf(ctx->arena, "user:card:%lld", (long long)card->id);
    argv[1] = arena_printf(ctx->arena, "user:card:%lld:v", (long long)card->id);
    argv[2] = "user:epoch";
    argv[3] = (const char *)packed;
    argv[4] = arena_printf(ctx->arena, "%lld", (long long)card->version);
    argv[5] = arena_printf(ctx->arena, "%d", CARD_TTL_S);
    argv[6] = is_change;
    for (int i = 0; i < 7; i++)
        lens[i] = i == 3 ? n : strlen(argv[i]);
    redis_add_script(ctx, ctx->env->redis, &write_card, 3, 7, argv, lens);
    if (redis_next_script(ctx, ctx->env->redis) == NULL) {
        log_warn(ctx, "card not published", "user=%lld", (long long)card->id);
        fail_clear(
            ctx); /* a change is repeated by the consumer of user.changed, a restore by the next reader */
    }
}

void card_restore(struct ctx *ctx, const Pb__UserCard *card) { card_write(ctx, card, "0"); }

void card_publish(struct ctx *ctx, const Pb__UserCard *card) {
    struct page_purge purge;

    card_write(ctx, card, "1");
    if (cards != NULL)
        lru_remove(cards, card->id);
    page_purge_init(&purge, ctx);
    page_purge_add(&purge, 'u', card->id);
    page_purge_run(&purge);
}

static enum code edges_ask_owner(struct ctx *ctx, int64_t viewer, const int64_t *ids, size_t n,
                                 uint32_t *ret) {
    Pb__GetRelationshipsRequest req = PB__GET_RELATIONSHIPS_REQUEST__INIT;
    const Pb__GetRelationshipsReply *reply;
    enum code c;

    req.viewer_id = viewer;
    req.target_ids = arena_memdup(ctx->arena, ids, n * sizeof *ids);
    req.n_target_ids = n;
    if ((c = connection_get_relationships(ctx, &req, &reply)) != OK)
        return c;
    for (size_t i = 0; i < n && i < reply->n_relationships; i++)
        ret[i] = reply->relationships[i]->edges & ~(EDGE_FOLLOWED_BY | EDGE_REQUESTED_BY);
    return OK;
}

static struct marked relations = {.name = "conn:rel"};

void edges_ask(struct ctx *ctx, int64_t viewer, const int64_t *ids, size_t n, struct marked_ask *ret) {
    marked_ask(ctx, &relations, viewer, ids, n, ret);
}

void edges_ahead(struct ctx *ctx, int64_t viewer, const int64_t *ids, size_t n) {
    marked_ahead(ctx, &relations, viewer, ids, n);
}

static uint32_t edges_now(const struct marked_value *v, int64_t now_s) {
    return v->until_s != 0 && v->until_s <= now_s ? v->bits & ~EDGE_MUTING : v->bits;
}

enum code edges_answer(struct ctx *ctx, const struct marked_ask *ask, uint32_t *ret, const char **ret_mark) {
    struct marked_value *values = arena_alloc(ctx->arena, ask->n * sizeof *values);
    int64_t now_s = clock_now_ms() / 1000;

    *ret_mark = marked_answer(ctx, ask, values);
    if (*ret_mark == NULL)
        return edges_ask_owner(ctx, ask->owner, ask->ids, ask->n, ret);
    for (size_t i = 0; i < ask->n; i++)
        ret[i] = edges_now(&values[i], now_s) | (ask->ids[i] == ask->owner ? EDGE_SELF : 0);
    return OK;
}

enum code edges_get(struct ctx *ctx, int64_t viewer, const int64_t *ids, size_t n, uint32_t *ret) {
    struct marked_ask ask;
    const char *mark;

    memset(ret, 0, n * sizeof *ret);
    if (viewer == 0 || n == 0)
        return OK;
    edges_ask(ctx, viewer, ids, n, &ask);
    return edges_answer(ctx, &ask, ret, &mark);
}

/* ---- One member, with all that stands between */

void relation_ahead(struct ctx *ctx, int64_t viewer, int64_t id) {
    edges_ahead(ctx, viewer, &id, 1);
    edges_ahead(ctx, id, &viewer, 1);
}

static enum code relation_ask_owner(struct ctx *ctx, int64_t viewer, int64_t id, struct relation *ret) {
    Pb__GetRelationshipsRequest ask = PB__GET_RELATIONSHIPS_REQUEST__INIT;
    const Pb__GetRelationshipsReply *reply;
    enum code c;

    ask.viewer_id = viewer;
    ask.target_ids = &id;
    ask.n_target_ids = 1;
    if ((c = connection_get_relationships(ctx, &ask, &reply)) != OK)
        return c;
    ret->edges = reply->relationships[0]->edges;
    ret->mute_until_ms = reply->relationships[0]->mute_until_ms;
    return OK;
}

/* How the member's own edges look from here. */
static uint32_t turned(uint32_t edges) {
    return ((edges & EDGE_FOLLOWING) != 0 ? EDGE_FOLLOWED_BY : 0) |
           ((edges & EDGE_REQUESTED) != 0 ? EDGE_REQUESTED_BY : 0);
}

enum code relation_get(struct ctx *ctx, int64_t viewer, int64_t id, struct relation *ret) {
    struct marked_value there, back;
    struct marked_ask ask, ask_back;
    bool known;

    *ret = (struct relation){0};
    if (viewer == 0)
        return OK;
    edges_ask(ctx, viewer, &id, 1, &ask);
    edges_ask(ctx, id, &viewer, 1, &ask_back);
    known = marked_answer(ctx, &ask, &there) != NULL;
    known = marked_answer(ctx, &ask_back, &back) != NULL && known;
    if (!known || (there.bits & EDGE_MUTING) != 0) /* only its owner tells to the moment when a mute ends */
        return relation_ask_owner(ctx, viewer, id, ret);
    ret->edges = there.bits | turned(back.bits) | (viewer == id ? EDGE_SELF : 0);
    return OK;
}

/* ---- Numbers of followers */

const char *network_counts_key(struct ctx *ctx, int64_t id) {
    return arena_printf(ctx->arena, "conn:counts:%" PRId64, id);
}

const char *network_counts_format(struct ctx *ctx, const struct network_counts *counts) {
    return arena_printf(ctx->arena, "%" PRId64 " %" PRId64 " %" PRId64, counts->followers, counts->following,
                        counts->requests);
}

bool network_counts_parse(const char *text, struct network_counts *ret) {
    return sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64, &ret->followers, &ret->following,
                  &ret->requests) == 3;
}

static enum code network_counts_ask_owner(struct ctx *ctx, int64_t id, struct network_counts *ret) {
    Pb__GetCountsRequest ask = PB__GET_COUNTS_REQUEST__INIT;
    const Pb__GetCountsReply *reply;
    enum code c;

    ask.user_ids = &id;
    ask.n_user_ids = 1;
    if ((c = connection_get_counts(ctx, &ask, &reply)) != OK || reply->n_counts == 0)
        return c;
    *ret = (struct network_counts){reply->counts[0]->followers, reply->counts[0]->following,
                                   reply->counts[0]->requests};
    return OK;
}

enum code network_counts_get(struct ctx *ctx, int64_t id, struct network_counts *ret) {
    const char *text = kept_look(ctx, network_counts_key(ctx, id));

    *ret = (struct network_counts){0};
    return text != NULL && network_counts_parse(text, ret) ? OK : network_counts_ask_owner(ctx, id, ret);
}

void network_counts_ahead(struct ctx *ctx, int64_t id) { kept_ahead(ctx, network_counts_key(ctx, id)); }
