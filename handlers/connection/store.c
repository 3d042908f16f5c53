#include "handlers/connection/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "deeplink/v1/connection.pb-c.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/log.h"
#include "fcgi/stream_wire.h"
#include "gen/queries.h"
#include "handlers/common/edge.h"
#include "handlers/common/kept.h"
#include "handlers/common/live.h"
#include "handlers/common/packed.h"
#include "handlers/services.h"

#define MODEL_TTL_S "604800"
#define NARROW_MAX 50000 /* follows that are told at once */
#define MANY_EDGES 1000  /* from here on an import changes what the planner should think */

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_CONNECTION]; }

/* The event's body: who, whom, and what stands between them now. */
static struct pg_val event_body(struct ctx *ctx, int64_t actor, int64_t target, uint32_t edges,
                                int64_t until_ms) {
    Pb__EdgeChanged e = PB__EDGE_CHANGED__INIT;

    e.actor_id = actor;
    e.target_id = target;
    e.edges = edges;
    e.until_ms = until_ms;
    return packed_val(ctx, &e.base);
}

/* The same for a request that was accepted. */
static struct pg_val accepted_body(struct ctx *ctx, int64_t requester, int64_t target) {
    Pb__EdgeChanged e = PB__EDGE_CHANGED__INIT;

    e.actor_id = requester;
    e.target_id = target;
    e.edges = EDGE_FOLLOWING;
    e.accepted = true;
    return packed_val(ctx, &e.base);
}

/* Ends every change: reads the flag in that column and wakes the consumers. */
static enum code changed(struct ctx *ctx, enum code c, const PGresult *rows, int column, bool *ret_changed) {
    if (c != OK)
        return c;
    *ret_changed = pg_get_bool(rows, 0, column);
    if (*ret_changed)
        bus_wake(ctx, db(ctx));
    return OK;
}

static struct pg_val wish(Pb__Wish w) {
    return w == PB__WISH__WISH_UNSAID ? pg_null() : pg_bool(w == PB__WISH__WISH_YES);
}

/* A follow, or the wish for one, with what it is to bring. */
static enum code follow(struct ctx *ctx, const struct query *q, const Pb__EdgeRequest *req, uint32_t edges,
                        bool *ret_free, bool *ret_changed) {
    static const Pb__FollowOptions usual = PB__FOLLOW_OPTIONS__INIT;
    const Pb__FollowOptions *o = req->options != NULL ? req->options : &usual;
    PGresult *rows = NULL;
    enum code c =
        pg_run(ctx, db(ctx), q, &rows, pg_i8(req->actor_id), pg_i8(req->target_id), pg_i8(id_next()),
               event_body(ctx, req->actor_id, req->target_id, edges, 0), wish(o->reposts), wish(o->notify),
               o->set_languages ? pg_texts((const char *const *)o->languages, o->n_languages) : pg_null());

    *ret_free = c == OK && pg_get_bool(rows, 0, 0);
    return changed(ctx, c, rows, 1, ret_changed);
}

enum code connection_store_follow(struct ctx *ctx, const Pb__EdgeRequest *req, bool *ret_free,
                                  bool *ret_changed) {
    return follow(ctx, &Q_CONNECTION_FOLLOW, req, EDGE_FOLLOWING, ret_free, ret_changed);
}

enum code connection_store_request(struct ctx *ctx, const Pb__EdgeRequest *req, bool *ret_free,
                                   bool *ret_changed) {
    return follow(ctx, &Q_CONNECTION_REQUEST, req, EDGE_REQUESTED, ret_free, ret_changed);
}

enum code connection_store_unfollow(struct ctx *ctx, int64_t actor, int64_t target, bool *ret_changed) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_UNFOLLOW, &rows, pg_i8(actor), pg_i8(target),
                         event_body(ctx, actor, target, 0, 0));

    return changed(ctx, c, rows, 0, ret_changed);
}

enum code connection_store_accept(struct ctx *ctx, int64_t target, int64_t requester, bool *ret_changed) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_ACCEPT, &rows, pg_i8(target), pg_i8(requester),
                         pg_i8(id_next()), accepted_body(ctx, requester, target));

    return changed(ctx, c, rows, 0, ret_changed);
}

enum code connection_store_reject(struct ctx *ctx, int64_t target, int64_t requester, bool *ret_changed) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_REJECT, &rows, pg_i8(target), pg_i8(requester),
                         event_body(ctx, requester, target, 0, 0));

    return changed(ctx, c, rows, 0, ret_changed);
}

enum code connection_store_block(struct ctx *ctx, int64_t actor, int64_t target, bool *ret_changed) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_BLOCK, &rows, pg_i8(actor), pg_i8(target),
                         pg_i8(id_next()), event_body(ctx, actor, target, EDGE_BLOCKING, 0));

    return changed(ctx, c, rows, 0, ret_changed);
}

enum code connection_store_unblock(struct ctx *ctx, int64_t actor, int64_t target, bool *ret_changed) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_UNBLOCK, &rows, pg_i8(actor), pg_i8(target),
                         event_body(ctx, actor, target, 0, 0));

    return changed(ctx, c, rows, 0, ret_changed);
}

enum code connection_store_mute(struct ctx *ctx, int64_t actor, int64_t target, int64_t until_ms) {
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_MUTE, NULL, pg_i8(actor), pg_i8(target),
                         pg_i8(id_next()), until_ms ? pg_time(until_ms) : pg_null(),
                         event_body(ctx, actor, target, EDGE_MUTING, until_ms));

    if (c == OK)
        bus_wake(ctx, db(ctx));
    return c;
}

enum code connection_store_unmute(struct ctx *ctx, int64_t actor, int64_t target, bool *ret_changed) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_UNMUTE, &rows, pg_i8(actor), pg_i8(target),
                         event_body(ctx, actor, target, 0, 0));

    return changed(ctx, c, rows, 0, ret_changed);
}

enum code connection_store_import(struct ctx *ctx, const int64_t *followers, const int64_t *followees,
                                  size_t n, int64_t *ret_added) {
    int64_t *ids = arena_many(ctx->arena, int64_t, n);
    PGresult *rows = NULL;
    enum code c;

    for (size_t i = 0; i < n; i++)
        ids[i] = id_next();
    c = pg_run(ctx, db(ctx), &Q_CONNECTION_IMPORT, &rows, pg_ids(followers, n), pg_ids(followees, n),
               pg_ids(ids, n));
    if (c != OK)
        return c;
    *ret_added = pg_get_int(rows, 0, 0);
    bus_wake(ctx, db(ctx));
    if (*ret_added >= MANY_EDGES)
        return pg_run(ctx, db(ctx), &Q_CONNECTION_REFRESH_STATISTICS, NULL);
    return OK;
}

/* ---- Erasing */

enum code connection_store_erase_edges(struct ctx *ctx, int64_t user, unsigned limit,
                                       struct erased_edge **ret, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_ERASE_EDGES, &rows, pg_i8(user), pg_i8(limit));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, struct erased_edge, *ret_n);
    for (int i = 0; i < PQntuples(rows); i++)
        (*ret)[i] =
            (struct erased_edge){pg_get_str(rows, i, 0)[0], pg_get_int(rows, i, 1), pg_get_int(rows, i, 2)};
    return OK;
}

enum code connection_store_erase_rest(struct ctx *ctx, int64_t user) {
    return pg_run(ctx, db(ctx), &Q_CONNECTION_ERASE_REST, NULL, pg_i8(user));
}

enum code connection_store_erase_on(struct ctx *ctx, int64_t user) {
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_ERASE_ON, NULL, pg_i8(user));

    if (c == OK)
        bus_wake(ctx, db(ctx));
    return c;
}

/* ---- Reading */

static void edges_read(struct ctx *ctx, const PGresult *rows, struct edge_row **ret_rows, size_t *ret_n) {
    int n = PQntuples(rows);
    struct edge_row *out = arena_many(ctx->arena, struct edge_row, (size_t)n);

    for (int i = 0; i < n; i++) {
        out[i].target_id = pg_get_int(rows, i, 0);
        out[i].edges = (uint32_t)pg_get_int(rows, i, 1);
        out[i].until_ms = pg_is_null(rows, i, 2) ? 0 : pg_get_time(rows, i, 2);
        out[i].languages = NULL;
        out[i].n_languages = PQnfields(rows) > 3 ? pg_get_texts(ctx, rows, i, 3, &out[i].languages) : 0;
    }
    *ret_rows = out;
    *ret_n = (size_t)n;
}

enum code connection_store_relationships(struct ctx *ctx, int64_t viewer, const int64_t *targets, size_t n,
                                         struct edge_row **ret_rows, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_RELATIONSHIPS, &rows, pg_i8(viewer), pg_ids(targets, n));

    if (c == OK)
        edges_read(ctx, rows, ret_rows, ret_n);
    return c;
}

enum code connection_store_pairs(struct ctx *ctx, const int64_t *viewers, const int64_t *targets, size_t n,
                                 uint32_t *ret) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_PAIRS, &rows, pg_ids(viewers, n), pg_ids(targets, n));

    for (size_t i = 0; c == OK && i < n; i++)
        ret[i] = (uint32_t)pg_get_int(rows, (int)i, 0);
    return c;
}

void connection_store_pairs_ahead(struct ctx *ctx, const int64_t *viewers, const int64_t *targets, size_t n) {
    pg_ahead(ctx, db(ctx), &Q_CONNECTION_PAIRS, pg_ids(viewers, n), pg_ids(targets, n));
}

void connection_store_counts_ahead(struct ctx *ctx, const int64_t *users, size_t n) {
    pg_ahead(ctx, db(ctx), &Q_CONNECTION_COUNTS, pg_ids(users, n));
}

enum code connection_store_counts(struct ctx *ctx, const int64_t *users, size_t n,
                                  struct counts_row **ret_rows, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_COUNTS, &rows, pg_ids(users, n));
    struct counts_row *out;

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret_rows = out = arena_many(ctx->arena, struct counts_row, *ret_n);
    for (int i = 0; i < PQntuples(rows); i++)
        out[i] = (struct counts_row){
            pg_get_int(rows, i, 0), {pg_get_int(rows, i, 1), pg_get_int(rows, i, 2), pg_get_int(rows, i, 3)}};
    return OK;
}

enum code connection_store_counts_one(struct ctx *ctx, int64_t user, struct counts_row *ret) {
    const char *token, *key = network_counts_key(ctx, user), *text = kept_get(ctx, key, &token);
    struct counts_row *rows;
    size_t n;
    enum code c;

    *ret = (struct counts_row){.user_id = user};
    if (text != NULL && network_counts_parse(text, &ret->counts))
        return OK;
    if ((c = connection_store_counts(ctx, &user, 1, &rows, &n)) != OK)
        return c;
    if (n > 0)
        *ret = rows[0];
    if (token != NULL)
        kept_put(ctx, key, token, network_counts_format(ctx, &ret->counts));
    return OK;
}

enum code connection_store_follows_how_many(struct ctx *ctx, int64_t user, int64_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_FOLLOWS_HOW_MANY, &rows, pg_i8(user));

    if (c == OK)
        *ret_n = pg_get_int(rows, 0, 0);
    return c;
}

static void list_read(struct ctx *ctx, const PGresult *rows, struct list_row **ret_rows, size_t *ret_n) {
    int n = PQntuples(rows), columns = PQnfields(rows);
    struct list_row *out = arena_many(ctx->arena, struct list_row, (size_t)n);

    for (int i = 0; i < n; i++) {
        out[i].edge_id = pg_get_int(rows, i, 0);
        out[i].user_id = pg_get_int(rows, i, 1);
        out[i].until_ms = columns > 2 && !pg_is_null(rows, i, 2) ? pg_get_time(rows, i, 2) : 0;
    }
    *ret_rows = out;
    *ret_n = (size_t)n;
}

enum code connection_store_list(struct ctx *ctx, enum connection_list list, int64_t user,
                                struct list_bounds bounds, struct list_row **ret_rows, size_t *ret_n) {
    static const struct query *const queries[][2] = {
        [LIST_FOLLOWERS] = {&Q_CONNECTION_FOLLOWERS, &Q_CONNECTION_FOLLOWERS_UP},
        [LIST_FOLLOWING] = {&Q_CONNECTION_FOLLOWING, &Q_CONNECTION_FOLLOWING_UP},
        [LIST_REQUESTS] = {&Q_CONNECTION_REQUESTS, &Q_CONNECTION_REQUESTS_UP},
        [LIST_BLOCKS] = {&Q_CONNECTION_BLOCKS, &Q_CONNECTION_BLOCKS_UP},
        [LIST_MUTES] = {&Q_CONNECTION_MUTES, &Q_CONNECTION_MUTES_UP},
        [LIST_OF_LIST] = {&Q_CONNECTION_LIST_MEMBERS, &Q_CONNECTION_LIST_MEMBERS_UP},
    };
    PGresult *rows = NULL;
    enum code c =
        pg_run(ctx, db(ctx), queries[list][bounds.up], &rows, pg_i8(user),
               pg_i8(bounds.before ? bounds.before : INT64_MAX), pg_i8(bounds.after), pg_i8(bounds.limit));

    if (c == OK)
        list_read(ctx, rows, ret_rows, ret_n);
    return c;
}

enum code connection_store_suggest(struct ctx *ctx, int64_t viewer, unsigned limit,
                                   struct list_row **ret_rows, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_SUGGEST, &rows, pg_i8(viewer), pg_i8(limit));
    struct list_row *out;

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret_rows = out = arena_many(ctx->arena, struct list_row, *ret_n);
    for (int i = 0; i < PQntuples(rows); i++)
        out[i] = (struct list_row){.user_id = pg_get_int(rows, i, 0), .in_common = pg_get_int(rows, i, 1)};
    return OK;
}

static enum code ids_read(struct ctx *ctx, enum code c, const PGresult *rows, int64_t **ret, size_t *ret_n) {
    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, int64_t, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = pg_get_int(rows, (int)i, 0);
    return OK;
}

enum code connection_store_follower_ids(struct ctx *ctx, int64_t user, int64_t after, unsigned limit,
                                        int64_t **ret, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c =
        pg_run(ctx, db(ctx), &Q_CONNECTION_FOLLOWER_IDS, &rows, pg_i8(user), pg_i8(after), pg_i8(limit));

    return ids_read(ctx, c, rows, ret, ret_n);
}

static enum code followers_read(struct ctx *ctx, enum code c, const PGresult *rows, unsigned limit,
                                Pb__Followers ***ret, size_t *ret_n) {
    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, Pb__Followers *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++) {
        Pb__Followers *f = (*ret)[i] = arena_one(ctx->arena, Pb__Followers);

        pb__followers__init(f);
        f->user_id = pg_get_int(rows, (int)i, 0);
        f->n_ids = pg_get_ids(ctx, rows, (int)i, 1, &f->ids);
        f->more = f->n_ids == limit;
    }
    return OK;
}

enum code connection_store_followers_of(struct ctx *ctx, const int64_t *users, size_t n, unsigned limit,
                                        Pb__Followers ***ret, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_FOLLOWERS_OF, &rows, pg_ids(users, n), pg_i8(limit));

    return followers_read(ctx, c, rows, limit, ret, ret_n);
}

enum code connection_store_notified_of(struct ctx *ctx, const int64_t *users, const char *const *languages,
                                       size_t n, unsigned limit, Pb__Followers ***ret, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_NOTIFIED_OF, &rows, pg_ids(users, n), pg_i8(limit),
                         pg_texts(languages, n));

    return followers_read(ctx, c, rows, limit, ret, ret_n);
}

enum code connection_store_narrow_follows(struct ctx *ctx, const int64_t *users, size_t n,
                                          Pb__NarrowFollow ***ret, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c =
        pg_run(ctx, db(ctx), &Q_CONNECTION_NARROW_FOLLOWS, &rows, pg_ids(users, n), pg_i8(NARROW_MAX));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, Pb__NarrowFollow *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++) {
        Pb__NarrowFollow *f = (*ret)[i] = arena_one(ctx->arena, Pb__NarrowFollow);

        pb__narrow_follow__init(f);
        f->follower_id = pg_get_int(rows, (int)i, 0);
        f->followee_id = pg_get_int(rows, (int)i, 1);
        f->no_reposts = !pg_get_bool(rows, (int)i, 2);
        f->n_languages = pg_get_texts(ctx, rows, (int)i, 3, &f->languages);
    }
    return OK;
}

enum code connection_store_followee_ids(struct ctx *ctx, int64_t user, int64_t after, unsigned limit,
                                        int64_t **ret, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c =
        pg_run(ctx, db(ctx), &Q_CONNECTION_FOLLOWEE_IDS, &rows, pg_i8(user), pg_i8(after), pg_i8(limit));

    return ids_read(ctx, c, rows, ret, ret_n);
}

enum code connection_store_severed_among(struct ctx *ctx, int64_t user, const int64_t *ids, size_t n,
                                         int64_t **ret, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_SEVERED_AMONG, &rows, pg_i8(user), pg_ids(ids, n));

    return ids_read(ctx, c, rows, ret, ret_n);
}

enum code connection_store_followers_among(struct ctx *ctx, int64_t user, const int64_t *ids, size_t n,
                                           int64_t **ret, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_FOLLOWERS_AMONG, &rows, pg_i8(user), pg_ids(ids, n));

    return ids_read(ctx, c, rows, ret, ret_n);
}

/* ---- The read model
 * -------------------------------------------------------------------------------------------- */

/* KEYS: model, token. ARGV: token, seconds, field, value, … Writes the whole hash when the token is still
 * there. */
static struct redis_script finish_model = {
    .src = "if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end\n"
           "redis.call('DEL', KEYS[1], KEYS[2])\n"
           "for i = 3, #ARGV, 1000 do\n"
           "  redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))\n"
           "end\n"
           "redis.call('EXPIRE', KEYS[1], ARGV[2])\n"
           "return 1",
};

static const char *edge_value(struct ctx *ctx, const struct edge_row *e) {
    if (e->until_ms == 0)
        return arena_printf(ctx->arena, "%" PRIu32, e->edges);
    return arena_printf(ctx->arena, "%" PRIu32 ":%" PRId64, e->edges, e->until_ms);
}

void connection_store_build(struct ctx *ctx, int64_t viewer) {
    struct redis *redis = ctx->env->redis;
    const char *token = crypto_token(ctx->arena, 12), **argv;
    PGresult *rows = NULL, *lists = NULL;
    struct edge_row *edges;
    size_t n, n_lists;
    int argc = 0;

    if (redis_do(ctx, redis, "SET conn:build:%lld %s EX 30", (long long)viewer, token) == NULL ||
        pg_run(ctx, db(ctx), &Q_CONNECTION_EDGES, &rows, pg_i8(viewer)) != OK ||
        pg_run(ctx, db(ctx), &Q_CONNECTION_LIST_IDS, &lists, pg_i8(viewer)) != OK) {
        log_warn(ctx, "relations not cached", "user=%lld", (long long)viewer);
        fail_clear(ctx);
        return;
    }
    edges_read(ctx, rows, &edges, &n);
    n_lists = (size_t)PQntuples(lists);
    argv = arena_many(ctx->arena, const char *, 2 * (n + n_lists) + 6);
    argv[argc++] = arena_printf(ctx->arena, "conn:rel:%" PRId64, viewer);
    argv[argc++] = arena_printf(ctx->arena, "conn:build:%" PRId64, viewer);
    argv[argc++] = token;
    argv[argc++] = MODEL_TTL_S;
    argv[argc++] = "_";
    argv[argc++] = token; /* differs with every build: what was made from older relations can tell */
    for (size_t i = 0; i < n; i++) {
        argv[argc++] = arena_printf(ctx->arena, "%" PRId64, edges[i].target_id);
        argv[argc++] = edge_value(ctx, &edges[i]);
    }
    for (size_t i = 0; i < n_lists; i++) {
        argv[argc++] = arena_printf(ctx->arena, LIVE_LIST "%" PRId64, pg_get_int(lists, (int)i, 0));
        argv[argc++] = "0";
    }
    redis_add_script(ctx, redis, &finish_model, 2, argc, argv, NULL);
    if (redis_next_script(ctx, redis) == NULL)
        fail_clear(ctx);
}

/* Who has a stream open has relations that a hub reads, which cannot make them: they are made anew at once,
 * by whoever dropped them, and the hubs told to look. */
static void renew(struct ctx *ctx, const int64_t *viewers, size_t n) {
    int64_t *open = arena_many(ctx->arena, int64_t, n);
    size_t k = 0;

    for (size_t i = 0; i < n; i++)
        redis_add(ctx->env->redis, "EXISTS " STREAM_MEMBER_KEY "%lld", (long long)viewers[i]);
    for (size_t i = 0; i < n; i++) {
        const redisReply *r = redis_next(ctx, ctx->env->redis);

        if (r != NULL && r->type == REDIS_REPLY_INTEGER && r->integer != 0)
            open[k++] = viewers[i];
    }
    for (size_t i = 0; i < k; i++)
        connection_store_build(ctx, open[i]);
    live_push(ctx, open, k, "relations", "{}", 2);
}

void connection_store_forget(struct ctx *ctx, const int64_t *viewers, size_t n) {
    const char **argv = arena_many(ctx->arena, const char *, 3 * n + 1);
    int argc = 0;

    argv[argc++] = "DEL";
    for (size_t i = 0; i < n; i++) {
        argv[argc++] = network_counts_key(ctx, viewers[i]);
        argv[argc++] = arena_printf(ctx->arena, "conn:build:%" PRId64, viewers[i]);
        argv[argc++] = arena_printf(ctx->arena, "conn:rel:%" PRId64, viewers[i]);
    }
    redis_add_argv(ctx->env->redis, argc, argv, NULL);
    if (redis_next(ctx, ctx->env->redis) == NULL)
        log_warn(ctx, "relations not dropped", "users=%zu", n); /* the consumer repeats it */
    else
        renew(ctx, viewers, n);
    fail_clear(ctx);
}
