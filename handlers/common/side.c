#include "handlers/common/side.h"

#include <inttypes.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/lru.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/rpc.h"
#include "gen/stubs.h"
#include "handlers/common/models.h"

#define SUGGESTIONS 3
#define TAGS 6
#define KEEP_S 300
#define RETRY_MS 10000 /* after tags could not be read, or there were none */
#define KNOWN_BYTES ((size_t)128 << 10)

/* What Redis keeps of a member. */
struct record {
    int64_t card_version; /* of the reader's card, and of the relations: what it was made from */
    const char *token;
    int64_t posts, followers, following, requests;
    const char *audience;
    size_t n;
    int64_t suggested[SUGGESTIONS];
};

/* Whom the worker saw suggested to a member last, so that relations can be asked for along with the record.
 */
struct known {
    size_t n;
    int64_t ids[SUGGESTIONS];
};
static struct lru *known;

/* What this request knows. One request at a time runs in a worker; its arena's end empties this. */
static struct {
    struct arena *arena; /* whose; NULL: nobody's, and nothing is known */
    int64_t viewer;
    const struct record *record; /* NULL: nothing could be found out */
    const char *token;           /* of the relations; NULL: they are not there */
    struct known edges_to;       /* whose relations are known */
    uint32_t edges[SUGGESTIONS];
} now;

static void now_empty(void *arg) {
    (void)arg;
    memset(&now, 0, sizeof now);
}

static void now_begin(struct ctx *ctx, int64_t viewer) {
    now_empty(NULL);
    now.arena = ctx->arena;
    now.viewer = viewer;
    arena_defer(ctx->arena, now_empty, NULL);
}

static const char *key_of(struct ctx *ctx, int64_t user) {
    return arena_printf(ctx->arena, "side:%" PRId64, user);
}

/* ---- Asking Redis */

static struct known expected(int64_t viewer) {
    const struct known *k = known != NULL ? lru_get(known, viewer) : NULL;

    return k != NULL ? *k : (struct known){0};
}

void side_prefetch(struct request *req, int64_t claimed_user) {
    struct ctx *ctx = &req->ctx;
    const char *get[] = {"GET", key_of(ctx, claimed_user)};
    struct known k = expected(claimed_user);

    redis_ahead(ctx, ctx->env->redis, 2, get);
    edges_ahead(ctx, claimed_user, k.ids, k.n);
}

/* The record as it stands in Redis, or NULL; with it the relations to those who are in it most likely. */
static const char *look(struct ctx *ctx) {
    const char *get[] = {"GET", key_of(ctx, now.viewer)};
    const struct redis_want *want = redis_want(ctx, ctx->env->redis, 2, get);
    struct marked_ask edges;
    const redisReply *r;

    now.edges_to = expected(now.viewer);
    edges_ask(ctx, now.viewer, now.edges_to.ids, now.edges_to.n, &edges);
    r = redis_got(ctx, ctx->env->redis, want);
    if (r == NULL)
        fail_clear(ctx);
    if (edges_answer(ctx, &edges, now.edges, &now.token) != OK) {
        fail_clear(ctx);
        now.edges_to.n = 0;
    }
    return r != NULL && r->type == REDIS_REPLY_STRING ? r->str : NULL;
}

/* ---- The record */

static const char *audience_named(const char *p, size_t n) {
    static const char *const names[] = {"public", "unlisted", "followers"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n && memcmp(names[i], p, n) == 0)
            return names[i];
    return names[2];
}

/* Reads what record_keep() wrote; NULL when it is of another make. */
static const struct record *record_read(struct ctx *ctx, const char *text) {
    struct record *r = arena_one(ctx->arena, struct record);
    int64_t *const numbers[] = {&r->posts, &r->followers, &r->following, &r->requests};
    char *at;

    if (strncmp(text, "3 ", 2) != 0)
        return NULL;
    r->card_version = strtoll(text + 2, &at, 10);
    at += strspn(at, " ");
    r->token = arena_strndup(ctx->arena, at, strcspn(at, " "));
    at += strcspn(at, " ");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = strtoll(at, &at, 10);
    at += strspn(at, " ");
    r->audience = audience_named(at, strcspn(at, " "));
    at += strcspn(at, " ");
    while (*at != '\0' && r->n < SUGGESTIONS)
        r->suggested[r->n++] = strtoll(at, &at, 10);
    return r;
}

static void record_keep(struct ctx *ctx, int64_t viewer, const struct record *r) {
    char ids[SUGGESTIONS * 21 + 1] = "";
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++)
        n += (size_t)snprintf(ids + n, sizeof ids - n, " %" PRId64, r->suggested[i]);
    if (redis_do(ctx, ctx->env->redis, "SET %s %s EX %d", key_of(ctx, viewer),
                 arena_printf(ctx->arena,
                              "3 %" PRId64 " %s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %s%s",
                              r->card_version, r->token, r->posts, r->followers, r->following, r->requests,
                              r->audience, ids),
                 KEEP_S) == NULL)
        fail_clear(ctx);
}

static enum code count(struct ctx *ctx, int64_t viewer, struct record *r) {
    Pb__PostCountsRequest posts = PB__POST_COUNTS_REQUEST__INIT;
    const Pb__PostCountsReply *posts_reply;
    struct network_counts network;
    enum code c;

    posts.user_ids = &viewer;
    posts.n_user_ids = 1;
    if ((c = network_counts_get(ctx, viewer, &network)) != OK ||
        (c = post_get_post_counts(ctx, &posts, &posts_reply)) != OK)
        return c;
    r->followers = network.followers;
    r->following = network.following;
    r->requests = network.requests;
    if (posts_reply->n_counts > 0)
        r->posts = posts_reply->counts[0]->posts;
    return OK;
}

static enum code suggest(struct ctx *ctx, int64_t viewer, struct record *r) {
    Pb__ListEdgesRequest ask_for = PB__LIST_EDGES_REQUEST__INIT;
    const Pb__EdgesPage *edges;
    enum code c;

    ask_for.user_id = viewer;
    ask_for.limit = SUGGESTIONS;
    if ((c = connection_suggest_follows(ctx, &ask_for, &edges)) != OK)
        return c;
    for (size_t i = 0; i < edges->n_items && r->n < SUGGESTIONS; i++)
        r->suggested[r->n++] = edges->items[i]->user_id;
    return OK;
}

/* The token of the relations that stand in Redis; where there were none, their owner has put them there by
 * now.
 * "-": they don't stay there. */
static const char *relations_token(struct ctx *ctx, int64_t viewer) {
    const redisReply *r;

    if (now.token != NULL)
        return now.token;
    r = redis_do(ctx, ctx->env->redis, "HGET conn:rel:%lld _", (long long)viewer);
    if (r == NULL)
        fail_clear(ctx);
    return r != NULL && r->type == REDIS_REPLY_STRING ? r->str : "-";
}

/* Asks the owners, and keeps what they say. NULL when one of them is not there. */
static const struct record *record_make(struct ctx *ctx, int64_t viewer, int64_t card_version) {
    struct record *r = arena_one(ctx->arena, struct record);
    Pb__GetAccountRequest account = PB__GET_ACCOUNT_REQUEST__INIT;
    const Pb__Account *mine;

    account.user_id = viewer;
    r->card_version = card_version;
    r->token = relations_token(ctx, viewer); /* before what depends on it is read */
    if (count(ctx, viewer, r) != OK || suggest(ctx, viewer, r) != OK ||
        user_get_account(ctx, &account, &mine) != OK) {
        fail_clear(ctx);
        return NULL;
    }
    r->audience = audience_named(mine->default_audience, strlen(mine->default_audience));
    record_keep(ctx, viewer, r);
    return r;
}

static void remember(int64_t viewer, const struct record *r) {
    const struct known *before = known != NULL ? lru_get(known, viewer) : NULL;
    struct known *k;

    if (before != NULL && before->n == r->n && memcmp(before->ids, r->suggested, sizeof before->ids) == 0)
        return;
    if (known == NULL)
        known = lru_new(KNOWN_BYTES);
    k = known != NULL ? malloc(sizeof *k) : NULL; /* lint: memory-of-the-arena: it outlives the request */
    if (k == NULL)
        return;
    k->n = r->n;
    memcpy(k->ids, r->suggested, sizeof k->ids);
    lru_put(known, viewer, k, sizeof *k, free);
}

static bool is_right(const struct record *r, int64_t card_version) {
    return r != NULL && r->card_version == card_version && now.token != NULL &&
           strcmp(r->token, now.token) == 0;
}

static const struct record *record_get(struct request *req) {
    struct ctx *ctx = &req->ctx;
    const Pb__UserCard *card = req->session.card;
    const char *text;

    if (now.arena == ctx->arena && now.viewer == ctx->viewer_id)
        return now.record;
    now_begin(ctx, ctx->viewer_id);
    text = look(ctx);
    now.record = text != NULL ? record_read(ctx, text) : NULL;
    if (!is_right(now.record, card->version))
        now.record = record_make(ctx, now.viewer, card->version);
    if (now.record != NULL)
        remember(now.viewer, now.record);
    return now.record;
}

/* ---- Suggestions */

/* Relations to those suggested: as they came along, when they are about the same members; else asked for now.
 */
static enum code edges_of(struct ctx *ctx, const struct record *r, uint32_t *ret) {
    if (now.edges_to.n != r->n || memcmp(now.edges_to.ids, r->suggested, sizeof r->suggested) != 0)
        return edges_get(ctx, now.viewer, r->suggested, r->n, ret);
    memcpy(ret, now.edges, sizeof now.edges);
    return OK;
}

static void add_suggestions(struct ctx *ctx, const struct record *r, struct side *side) {
    const Pb__UserCard *cards[SUGGESTIONS];
    uint32_t edges[SUGGESTIONS];
    struct member_row *rows = arena_many(ctx->arena, struct member_row, r->n);

    if (r->n == 0)
        return;
    if (edges_of(ctx, r, edges) != OK || cards_get(ctx, r->suggested, r->n, cards) != OK) {
        fail_clear(ctx);
        return;
    }
    for (size_t i = 0; i < r->n; i++)
        if (cards[i] != NULL && cards[i]->state == PB__ACCOUNT_STATE__STATE_ACTIVE &&
            (edges[i] & (EDGE_SEVERED | EDGE_MUTING)) == 0)
            rows[side->n_suggestions++] = (struct member_row){.user = cards[i], .edges = edges[i]};
    side->suggestions = rows;
}

/* ---- Tags */

static struct {
    Pb__TagsReply *reply; /* by malloc */
    int64_t until_ms;
} tags;

static void tags_free(void *reply) { pb__tags_reply__free_unpacked(reply, NULL); }

static void tags_read(struct ctx *ctx, int64_t ms) {
    Pb__TagsRequest ask_for = PB__TAGS_REQUEST__INIT;
    const Pb__TagsReply *reply;
    const unsigned char *packed;
    Pb__TagsReply *fresh;
    size_t n;

    ask_for.limit = TAGS;
    tags.until_ms = ms + RETRY_MS;
    if (post_trending_tags(ctx, &ask_for, &reply) != OK) {
        fail_clear(ctx);
        return;
    }
    rpc_pack(ctx, &reply->base, &packed, &n);
    fresh = pb__tags_reply__unpack(NULL, n, packed);
    if (fresh == NULL)
        return;
    if (tags.reply != NULL)
        arena_defer(ctx->arena, tags_free, tags.reply); /* this request may show them already */
    tags.reply = fresh;
    if (fresh->n_tags > 0)
        tags.until_ms = ms + KEEP_S * 1000;
}

static void add_tags(struct ctx *ctx, struct side *side) {
    int64_t ms = clock_now_ms();

    if (ms >= tags.until_ms)
        tags_read(ctx, ms);
    if (tags.reply == NULL)
        return;
    side->tags = tags.reply->tags;
    side->n_tags = tags.reply->n_tags;
}

/* ---- What pages call */

const struct side *side_get(struct request *req) {
    struct ctx *ctx = &req->ctx;
    struct side *side = arena_one(ctx->arena, struct side);
    const struct record *r = ctx->viewer_id != 0 ? record_get(req) : NULL;

    if (r != NULL) {
        side->counted = true;
        side->posts = r->posts;
        side->followers = r->followers;
        side->following = r->following;
        side->requests = r->requests;
        add_suggestions(ctx, r, side);
    }
    add_tags(ctx, side);
    return side;
}

const char *side_audience(struct request *req) {
    const struct record *r = req->ctx.viewer_id != 0 ? record_get(req) : NULL;

    return r != NULL ? r->audience : "followers";
}

void side_forget(struct ctx *ctx, int64_t user) {
    if (redis_do(ctx, ctx->env->redis, "DEL %s", key_of(ctx, user)) == NULL)
        fail_clear(ctx);
}
