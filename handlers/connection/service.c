#include "handlers/connection/service.h"

#include <inttypes.h>
#include <string.h>

#include "deeplink/v1/connection.pb-c.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/edge.h"
#include "handlers/common/limit.h"
#include "handlers/common/models.h"
#include "handlers/common/page_cache.h"
#include "handlers/connection/service_edges.h"
#include "handlers/connection/store.h"
#include "handlers/services.h"

#define FOLLOWS_MAX 10000
#define LIST_MAX 80
#define IDS_MAX 10000
#define LANGUAGES_MAX 20
#define TRIES 3

/* ---- Changes
 * --------------------------------------------------------------------------------------------------- */

/* The target must be an active member, and somebody else. */
static enum code check_target(struct ctx *ctx, const Pb__EdgeRequest *req, const Pb__UserCard **ret_target) {
    enum code c;

    if (req->actor_id == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    if (req->actor_id == req->target_id)
        return fail(ctx, INVALID, "This is your own account.");
    if ((c = card_get(ctx, req->target_id, ret_target)) != OK)
        return c;
    if ((*ret_target)->state != PB__ACCOUNT_STATE__STATE_ACTIVE)
        return fail(ctx, NOT_FOUND, "There is no such member.");
    return OK;
}

/* Both members' models go, and the pages that show their numbers. */
static void announce(struct ctx *ctx, int64_t a, int64_t b) {
    int64_t both[] = {a, b};
    struct page_purge purge;

    connection_store_forget(ctx, both, 2);
    page_purge_init(&purge, ctx);
    page_purge_add(&purge, 'u', a);
    page_purge_add(&purge, 'u', b);
    page_purge_run(&purge);
}

static void relationship_fill(Pb__Relationship *r, const struct edge_row *row) {
    r->edges |= row->edges;
    r->mute_until_ms = row->until_ms;
    r->languages = row->languages;
    r->n_languages = row->n_languages;
}

static enum code relationship(struct ctx *ctx, int64_t viewer, int64_t target, Pb__Relationship *reply) {
    struct edge_row *rows;
    size_t n;
    enum code c = connection_store_relationships(ctx, viewer, &target, 1, &rows, &n);

    if (c != OK)
        return c;
    reply->target_id = target;
    reply->edges = viewer == target ? EDGE_SELF : 0;
    if (n > 0)
        relationship_fill(reply, &rows[0]);
    return OK;
}

static enum code follow_limit(struct ctx *ctx, int64_t actor) {
    int64_t n = 0;
    enum code c = connection_store_follows_how_many(ctx, actor, &n);

    if (c == OK && n >= FOLLOWS_MAX)
        return fail(ctx, PRECONDITION,
                    "You follow 10,000 members, which is the most. Unfollow somebody first.");
    return c;
}

static bool is_language(const char *tag) {
    size_t n = strspn(tag, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");

    return n >= 2 && n <= 35 && tag[n] == '\0';
}

static enum code check_options(struct ctx *ctx, const Pb__FollowOptions *o) {
    if (o != NULL && o->n_languages > LANGUAGES_MAX)
        return fail_field(ctx, "languages", tr_mark("Choose at most 20 languages."));
    for (size_t i = 0; o != NULL && i < o->n_languages; i++)
        if (!is_language(o->languages[i]))
            return fail_field(ctx, "languages", tr_mark("Each language is a code such as en or pt-BR."));
    return OK;
}

enum code connection_service_follow(struct ctx *ctx, const Pb__EdgeRequest *req, Pb__Relationship *reply) {
    const Pb__UserCard *target;
    bool is_free, is_new;
    enum code c;

    if ((c = check_target(ctx, req, &target)) != OK || (c = check_options(ctx, req->options)) != OK ||
        (c = follow_limit(ctx, req->actor_id)) != OK)
        return c;
    for (int try = 1;; try++) {
        c = target->locked ? connection_store_request(ctx, req, &is_free, &is_new)
                           : connection_store_follow(ctx, req, &is_free, &is_new);
        if (c != ABORTED || try == TRIES)
            break;
        fail_clear(ctx);
    }
    if (c != OK)
        return c;
    if (!is_free)
        return fail(ctx, DENIED, "You can't follow this member.");
    if (is_new)
        announce(ctx, req->actor_id, req->target_id);
    return relationship(ctx, req->actor_id, req->target_id, reply);
}

/* One change of an edge by its actor, tried again when two changes met, then told to everybody concerned. */
typedef enum code edge_change(struct ctx *ctx, int64_t actor, int64_t target, bool *ret_changed);

static enum code change(struct ctx *ctx, const Pb__EdgeRequest *req, edge_change *store,
                        Pb__Relationship *reply) {
    bool is_changed = false;
    enum code c;

    if (req->actor_id == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    if (req->actor_id == req->target_id)
        return fail(ctx, INVALID, "This is your own account.");
    for (int try = 1; (c = store(ctx, req->actor_id, req->target_id, &is_changed)) == ABORTED && try < TRIES;
         try++)
        fail_clear(ctx);
    if (c != OK)
        return c;
    if (is_changed)
        announce(ctx, req->actor_id, req->target_id);
    return relationship(ctx, req->actor_id, req->target_id, reply);
}

enum code connection_service_unfollow(struct ctx *ctx, const Pb__EdgeRequest *req, Pb__Relationship *reply) {
    return change(ctx, req, connection_store_unfollow, reply);
}

static enum code remove_follower(struct ctx *ctx, int64_t actor, int64_t target, bool *ret_changed) {
    return connection_store_unfollow(ctx, target, actor, ret_changed);
}

enum code connection_service_remove_follower(struct ctx *ctx, const Pb__EdgeRequest *req,
                                             Pb__Relationship *reply) {
    return change(ctx, req, remove_follower, reply);
}

enum code connection_service_block(struct ctx *ctx, const Pb__EdgeRequest *req, Pb__Relationship *reply) {
    const Pb__UserCard *target;
    enum code c = check_target(ctx, req, &target);

    return c != OK ? c : change(ctx, req, connection_store_block, reply);
}

enum code connection_service_unblock(struct ctx *ctx, const Pb__EdgeRequest *req, Pb__Relationship *reply) {
    return change(ctx, req, connection_store_unblock, reply);
}

enum code connection_service_unmute(struct ctx *ctx, const Pb__EdgeRequest *req, Pb__Relationship *reply) {
    return change(ctx, req, connection_store_unmute, reply);
}

enum code connection_service_mute(struct ctx *ctx, const Pb__EdgeRequest *req, Pb__Relationship *reply) {
    const Pb__UserCard *target;
    enum code c = check_target(ctx, req, &target);

    if (c != OK)
        return c;
    if (req->duration_s < 0 || req->duration_s > 10 * 365 * 86400LL)
        return fail_field(ctx, "duration", "Choose how long from the list.");
    c = connection_store_mute(ctx, req->actor_id, req->target_id,
                              req->duration_s ? clock_now_ms() + req->duration_s * 1000 : 0);
    if (c != OK)
        return c;
    announce(ctx, req->actor_id, req->target_id);
    return relationship(ctx, req->actor_id, req->target_id, reply);
}

enum code connection_service_respond_to_request(struct ctx *ctx, const Pb__RespondRequest *req,
                                                Pb__Relationship *reply) {
    bool is_changed = false;
    enum code c;

    for (int try = 1;; try++) {
        c = req->accept ? connection_store_accept(ctx, req->actor_id, req->requester_id, &is_changed)
                        : connection_store_reject(ctx, req->actor_id, req->requester_id, &is_changed);
        if (c != ABORTED || try == TRIES)
            break;
        fail_clear(ctx);
    }
    if (c != OK)
        return c;
    if (!is_changed)
        return fail(ctx, NOT_FOUND, "This request is gone: it was answered before, or taken back.");
    announce(ctx, req->actor_id, req->requester_id);
    return relationship(ctx, req->actor_id, req->requester_id, reply);
}

/* ---- Reads
 * ----------------------------------------------------------------------------------------------------- */

static void ensure_model(struct ctx *ctx, int64_t viewer) {
    const redisReply *r = redis_do(ctx, ctx->env->redis, "HEXISTS conn:rel:%lld _", (long long)viewer);

    if (r == NULL)
        fail_clear(ctx);
    else if (r->type == REDIS_REPLY_INTEGER && r->integer == 0)
        connection_store_build(ctx, viewer);
}

static const struct edge_row *row_of(const struct edge_row *rows, size_t n, int64_t target) {
    for (size_t i = 0; i < n; i++)
        if (rows[i].target_id == target)
            return &rows[i];
    return NULL;
}

enum code connection_service_get_relationships(struct ctx *ctx, const Pb__GetRelationshipsRequest *req,
                                               Pb__GetRelationshipsReply *reply) {
    struct edge_row *rows;
    size_t n;
    enum code c;

    if ((c = limit_at_once(ctx, "target_ids", req->n_target_ids)) != OK ||
        (c = connection_store_relationships(ctx, req->viewer_id, req->target_ids, req->n_target_ids, &rows,
                                            &n)) != OK)
        return c;
    reply->n_relationships = req->n_target_ids;
    reply->relationships = arena_many(ctx->arena, Pb__Relationship *, req->n_target_ids);
    for (size_t i = 0; i < req->n_target_ids; i++) {
        Pb__Relationship *r = reply->relationships[i] = arena_one(ctx->arena, Pb__Relationship);
        const struct edge_row *row = row_of(rows, n, req->target_ids[i]);

        pb__relationship__init(r);
        r->target_id = req->target_ids[i];
        r->edges = r->target_id == req->viewer_id ? EDGE_SELF : 0;
        if (row != NULL)
            relationship_fill(r, row);
    }
    if (req->viewer_id != 0)
        ensure_model(ctx, req->viewer_id);
    return OK;
}

enum code connection_service_get_pairs(struct ctx *ctx, const Pb__PairsRequest *req, Pb__PairsReply *reply) {
    enum code c;

    if ((c = limit_to_workers(ctx)) != OK || (c = limit_at_once(ctx, "viewer_ids", req->n_viewer_ids)) != OK)
        return c;
    if (req->n_viewer_ids != req->n_target_ids)
        return fail_field(ctx, "target_ids", "There are as many of them as of viewer_ids.");
    reply->n_edges = req->n_viewer_ids;
    reply->edges = arena_many(ctx->arena, uint32_t, reply->n_edges);
    return connection_store_pairs(ctx, req->viewer_ids, req->target_ids, reply->n_edges, reply->edges);
}

void connection_service_get_pairs_ahead(struct ctx *ctx, const Pb__PairsRequest *req) {
    if (req->n_viewer_ids <= AT_ONCE_MAX && req->n_viewer_ids == req->n_target_ids)
        connection_store_pairs_ahead(ctx, req->viewer_ids, req->target_ids, req->n_viewer_ids);
}

/* Of one alone Redis knows. */
void connection_service_get_counts_ahead(struct ctx *ctx, const Pb__GetCountsRequest *req) {
    if (req->n_user_ids > 1 && req->n_user_ids <= AT_ONCE_MAX)
        connection_store_counts_ahead(ctx, req->user_ids, req->n_user_ids);
}

enum code connection_service_get_counts(struct ctx *ctx, const Pb__GetCountsRequest *req,
                                        Pb__GetCountsReply *reply) {
    struct counts_row one, *rows;
    size_t n;
    enum code c;

    if ((c = limit_at_once(ctx, "user_ids", req->n_user_ids)) != OK)
        return c;
    rows = &one;
    n = 1;
    c = req->n_user_ids == 1 ? connection_store_counts_one(ctx, req->user_ids[0], &one)
                             : connection_store_counts(ctx, req->user_ids, req->n_user_ids, &rows, &n);
    if (c != OK)
        return c;
    reply->n_counts = n;
    reply->counts = arena_many(ctx->arena, Pb__NetworkCounts *, n);
    for (size_t i = 0; i < n; i++) {
        Pb__NetworkCounts *k = reply->counts[i] = arena_one(ctx->arena, Pb__NetworkCounts);

        pb__network_counts__init(k);
        k->user_id = rows[i].user_id;
        k->followers = rows[i].counts.followers;
        k->following = rows[i].counts.following;
        k->requests = rows[i].counts.requests;
    }
    return OK;
}

static void fill_items(struct ctx *ctx, const struct list_row *rows, size_t n, Pb__EdgesPage *reply) {
    reply->n_items = n;
    reply->items = arena_many(ctx->arena, Pb__EdgeItem *, n);
    for (size_t i = 0; i < n; i++) {
        Pb__EdgeItem *item = reply->items[i] = arena_one(ctx->arena, Pb__EdgeItem);

        pb__edge_item__init(item);
        item->edge_id = rows[i].edge_id;
        item->user_id = rows[i].user_id;
        item->until_ms = rows[i].until_ms;
        item->in_common = rows[i].in_common;
    }
}

/* Newest first, also what was read upwards. */
static void turn(struct list_row *rows, size_t n) {
    for (size_t i = 0; i < n / 2; i++) {
        struct list_row one = rows[i];

        rows[i] = rows[n - 1 - i];
        rows[n - 1 - i] = one;
    }
}

/* One row more than asked for tells whether there is more in the direction of reading. Above there may
 * always be something soon, and below is where one came from who reads upwards. */
enum code connection_edges_page(struct ctx *ctx, enum connection_list which, const Pb__ListEdgesRequest *req,
                                Pb__EdgesPage *reply) {
    unsigned limit = limit_of(req->limit, 40, LIST_MAX);
    struct list_bounds bounds = {.before = req->before,
                                 .after = req->after != 0 ? req->after : req->since,
                                 .up = req->after != 0,
                                 .limit = limit + 1};
    struct list_row *rows;
    bool more;
    size_t n;
    enum code c = connection_store_list(ctx, which, req->user_id, bounds, &rows, &n);

    if (c != OK)
        return c;
    more = n > limit;
    n = more ? limit : n;
    if (bounds.up)
        turn(rows, n);
    fill_items(ctx, rows, n, reply);
    if (n > 0) {
        reply->next = more || bounds.up ? rows[n - 1].edge_id : 0;
        reply->prev = rows[0].edge_id;
    }
    return OK;
}

/* Followers and following are for everybody unless the member keeps them to themselves or blocks the reader.
 */
static enum code check_public_list(struct ctx *ctx, int64_t user) {
    const Pb__UserCard *card;
    uint32_t edges;
    enum code c;

    if ((c = card_get(ctx, user, &card)) != OK || user == ctx->viewer_id)
        return c;
    if (card->hide_network)
        return fail(ctx, DENIED, "This member keeps this list to themselves.");
    if ((c = edges_get(ctx, ctx->viewer_id, &user, 1, &edges)) != OK)
        return c;
    if ((edges & EDGE_SEVERED) != 0)
        return fail(ctx, NOT_FOUND, "There is no such member.");
    return OK;
}

enum code connection_service_list_followers(struct ctx *ctx, const Pb__ListEdgesRequest *req,
                                            Pb__EdgesPage *reply) {
    enum code c = check_public_list(ctx, req->user_id);

    return c != OK ? c : connection_edges_page(ctx, LIST_FOLLOWERS, req, reply);
}

enum code connection_service_list_following(struct ctx *ctx, const Pb__ListEdgesRequest *req,
                                            Pb__EdgesPage *reply) {
    enum code c = check_public_list(ctx, req->user_id);

    return c != OK ? c : connection_edges_page(ctx, LIST_FOLLOWING, req, reply);
}

/* The lists below are the member's own. */
static enum code list_own(struct ctx *ctx, enum connection_list which, const Pb__ListEdgesRequest *req,
                          Pb__EdgesPage *reply) {
    if (req->user_id != ctx->viewer_id)
        return fail(ctx, DENIED, "This list is for its member alone.");
    return connection_edges_page(ctx, which, req, reply);
}

enum code connection_service_list_requests(struct ctx *ctx, const Pb__ListEdgesRequest *req,
                                           Pb__EdgesPage *reply) {
    return list_own(ctx, LIST_REQUESTS, req, reply);
}

enum code connection_service_list_blocks(struct ctx *ctx, const Pb__ListEdgesRequest *req,
                                         Pb__EdgesPage *reply) {
    return list_own(ctx, LIST_BLOCKS, req, reply);
}

enum code connection_service_list_mutes(struct ctx *ctx, const Pb__ListEdgesRequest *req,
                                        Pb__EdgesPage *reply) {
    return list_own(ctx, LIST_MUTES, req, reply);
}

enum code connection_service_suggest_follows(struct ctx *ctx, const Pb__ListEdgesRequest *req,
                                             Pb__EdgesPage *reply) {
    struct list_row *rows;
    size_t n;
    unsigned limit = limit_of(req->limit, 40, LIST_MAX);
    enum code c = connection_store_suggest(ctx, req->user_id, limit, &rows, &n);

    if (c == OK)
        fill_items(ctx, rows, n, reply);
    return c;
}

typedef enum code ids_read(struct ctx *ctx, int64_t user, int64_t after, unsigned limit, int64_t **ret,
                           size_t *ret_n);

static enum code ids(struct ctx *ctx, const Pb__IdsRequest *req, ids_read *store, Pb__IdsReply *reply) {
    unsigned limit = limit_of(req->limit, IDS_MAX, IDS_MAX);
    enum code c = store(ctx, req->user_id, req->after, limit, &reply->ids, &reply->n_ids);

    if (c == OK && reply->n_ids == limit)
        reply->next = reply->ids[limit - 1];
    return c;
}

enum code connection_service_follower_ids(struct ctx *ctx, const Pb__IdsRequest *req, Pb__IdsReply *reply) {
    return ids(ctx, req, connection_store_follower_ids, reply);
}

enum code connection_service_stream_followers(struct ctx *ctx, Pb__IdsRequest *req, Pb__IdsReply *reply,
                                              bool *ret_more) {
    enum code c = ids(ctx, req, connection_store_follower_ids, reply);

    req->after = reply->next;
    *ret_more = reply->next != 0;
    return c;
}

enum code connection_service_followee_ids(struct ctx *ctx, const Pb__IdsRequest *req, Pb__IdsReply *reply) {
    return ids(ctx, req, connection_store_followee_ids, reply);
}

enum code connection_service_followers_of(struct ctx *ctx, const Pb__FollowersOfRequest *req,
                                          Pb__FollowersOfReply *reply) {
    unsigned limit = limit_of(req->limit, IDS_MAX, IDS_MAX);
    enum code c = limit_at_once(ctx, "user_ids", req->n_user_ids);

    if (c != OK)
        return c;
    return connection_store_followers_of(ctx, req->user_ids, req->n_user_ids, limit, &reply->followers,
                                         &reply->n_followers);
}

enum code connection_service_list_notified(struct ctx *ctx, const Pb__FollowersOfRequest *req,
                                           Pb__FollowersOfReply *reply) {
    unsigned limit = limit_of(req->limit, IDS_MAX, IDS_MAX);
    const char **languages;
    enum code c;

    if ((c = limit_to_workers(ctx)) != OK || (c = limit_at_once(ctx, "user_ids", req->n_user_ids)) != OK)
        return c;
    languages = arena_many(ctx->arena, const char *, req->n_user_ids);
    for (size_t i = 0; i < req->n_user_ids; i++)
        languages[i] = i < req->n_languages ? req->languages[i] : "";
    return connection_store_notified_of(ctx, req->user_ids, languages, req->n_user_ids, limit,
                                        &reply->followers, &reply->n_followers);
}

enum code connection_service_get_narrow_follows(struct ctx *ctx, const Pb__NarrowFollowsRequest *req,
                                                Pb__NarrowFollowsReply *reply) {
    enum code c;

    if ((c = limit_to_workers(ctx)) != OK || (c = limit_at_once(ctx, "user_ids", req->n_user_ids)) != OK)
        return c;
    return connection_store_narrow_follows(ctx, req->user_ids, req->n_user_ids, &reply->follows,
                                           &reply->n_follows);
}

enum code connection_service_filter_audience(struct ctx *ctx, const Pb__FilterAudienceRequest *req,
                                             Pb__FilterAudienceReply *reply) {
    int64_t *severed, *followers = NULL;
    size_t n_severed, n_followers = 0;
    bool followers_only = strcmp(req->audience, "followers") == 0;
    enum code c;

    if ((c = limit_at_once(ctx, "candidate_ids", req->n_candidate_ids)) != OK)
        return c;
    c = connection_store_severed_among(ctx, req->author_id, req->candidate_ids, req->n_candidate_ids,
                                       &severed, &n_severed);
    if (c == OK && followers_only)
        c = connection_store_followers_among(ctx, req->author_id, req->candidate_ids, req->n_candidate_ids,
                                             &followers, &n_followers);
    if (c != OK)
        return c;
    reply->allowed_ids = arena_many(ctx->arena, int64_t, req->n_candidate_ids);
    for (size_t i = 0; i < req->n_candidate_ids; i++) {
        int64_t id = req->candidate_ids[i];

        if (!id_among(id, severed, n_severed) &&
            (!followers_only || id == req->author_id || id_among(id, followers, n_followers)))
            reply->allowed_ids[reply->n_allowed_ids++] = id;
    }
    return OK;
}

enum code connection_service_import_follows(struct ctx *ctx, const Pb__ImportFollowsRequest *req,
                                            Pb__ImportFollowsReply *reply) {
    enum code c;

    if (req->n_follower_ids != req->n_followee_ids)
        return fail(ctx, INVALID, "Every follower needs a followee.");
    c = connection_store_import(ctx, req->follower_ids, req->followee_ids, req->n_follower_ids,
                                &reply->added);
    if (c != OK || req->n_follower_ids == 0)
        return c;
    connection_store_forget(ctx, req->follower_ids, req->n_follower_ids);
    connection_store_forget(ctx, req->followee_ids, req->n_followee_ids);
    return OK;
}
