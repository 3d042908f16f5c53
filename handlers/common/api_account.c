#include "handlers/common/api_account.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/lru.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "fcgi/json.h"
#include "gen/stubs.h"
#include "handlers/common/api_html.h"
#include "handlers/common/media.h"
#include "handlers/common/models.h"

#define KEPT_BYTES (1u << 20) /* of this worker: some thousand accounts */
#define COUNTS_KEEP_MS 60000
#define DAY_MS INT64_C(86400000)
#define ACCOUNT_JSON_MAX (1u << 20)

/* ---- The shape ---- */

#define AT(label, what, member) .name = (label), .kind = (what), .at = offsetof(struct api_account, member)

static const struct shape_field field_fields[] = {
    {.name = "name", .kind = SHAPE_STR, .at = offsetof(struct api_account_field, name)},
    {.name = "value", .kind = SHAPE_STR, .at = offsetof(struct api_account_field, value), .words = "HTML"},
    {.name = "verified_at",
     .kind = SHAPE_TIME,
     .at = offsetof(struct api_account_field, verified_ms),
     .nullable = true,
     .words = "since when the page that it links to links back with rel=me"},
    {0},
};

const struct shape api_account_field_shape = {
    .name = "Field", .size = sizeof(struct api_account_field), .fields = field_fields};

static const struct shape_field account_fields[] = {
    {AT("id", SHAPE_ID, id)},
    {AT("username", SHAPE_STR, username)},
    {AT("acct", SHAPE_STR, username)},
    {AT("display_name", SHAPE_STR, display_name)},
    {AT("locked", SHAPE_BOOL, locked), .words = "follows need approval"},
    {AT("bot", SHAPE_BOOL, no)},
    {AT("group", SHAPE_BOOL, no)},
    {AT("discoverable", SHAPE_BOOL, discoverable), .words = "listed in the directory"},
    {AT("indexable", SHAPE_BOOL, indexable)},
    {AT("noindex", SHAPE_BOOL, noindex)},
    {AT("hide_collections", SHAPE_BOOL, hide_collections),
     .words = "followers and following are for the member alone; their counts are then 0 to others"},
    {AT("suspended", SHAPE_BOOL, suspended), .optional = true},
    {AT("created_at", SHAPE_TIME, created_ms)},
    {AT("note", SHAPE_STR, note), .words = "the bio as HTML"},
    {AT("url", SHAPE_URL, url)},
    {AT("uri", SHAPE_URL, url)},
    {AT("avatar", SHAPE_URL, avatar)},
    {AT("avatar_static", SHAPE_URL, avatar)},
    {AT("avatar_description", SHAPE_STR, avatar_words)},
    {AT("header", SHAPE_URL, header)},
    {AT("header_static", SHAPE_URL, header)},
    {AT("header_description", SHAPE_STR, header_words)},
    {AT("followers_count", SHAPE_INT, followers)},
    {AT("following_count", SHAPE_INT, following)},
    {AT("statuses_count", SHAPE_INT, posts)},
    {AT("last_status_at", SHAPE_DATE, last_status_ms), .nullable = true},
    {AT("headline", SHAPE_STR, headline), .words = "what the member does; not in Mastodon"},
    {.name = "emojis", .kind = SHAPE_NONE},
    {.name = "roles", .kind = SHAPE_NONE},
    {AT("fields", SHAPE_LIST, fields), .of = &api_account_field_shape},
    {0},
};

const struct shape api_account_shape = {
    .name = "Account", .size = sizeof(struct api_account), .fields = account_fields};

/* ---- What this worker keeps ---- */

/* One account with all its texts behind it, in one piece of malloc. Shared by the cache and the requests that
 * look at it, hence counted. */
struct kept {
    unsigned uses;
    int64_t version;   /* of the card */
    int64_t counts_ms; /* when the counts were read */
    struct api_account view;
    size_t json_n;
    const char *json;
    char texts[];
};

static struct lru *accounts;

static void kept_drop(void *arg) {
    struct kept *k = arg;

    if (--k->uses == 0)
        free(k); /* lint: memory-of-the-arena: outlives it */
}

/* Stays until the request ends, whatever the cache does. */
static const struct kept *kept_use(struct ctx *ctx, struct kept *k) {
    k->uses++;
    arena_defer(ctx->arena, kept_drop, k);
    return k;
}

/* Moves a text to where the kept ones stand. */
static const char *move_text(char **at, const char *text) {
    size_t n = strlen(text) + 1;
    char *to = *at;

    memcpy(to, text, n);
    *at += n;
    return to;
}

static size_t text_bytes(const struct api_account *a) {
    const struct api_account_field *f = a->fields.items;
    size_t n = strlen(a->username) + strlen(a->display_name) + strlen(a->url) + strlen(a->note) +
               strlen(a->avatar) + strlen(a->header) + strlen(a->avatar_words) + strlen(a->header_words) +
               strlen(a->headline) + 9;

    for (size_t i = 0; i < a->fields.n; i++)
        n += strlen(f[i].name) + strlen(f[i].value) + 2;
    return n;
}

static struct kept *kept_new(const struct api_account *a, const struct buf *json) {
    size_t fields_n = a->fields.n * sizeof(struct api_account_field);
    size_t n = sizeof(struct kept) + fields_n + text_bytes(a) + json->n + 1;
    struct kept *k = calloc(1, n); /* lint: memory-of-the-arena: outlives it */
    struct api_account_field *fields;
    const struct api_account_field *from = a->fields.items;
    char *at;

    if (k == NULL)
        return NULL;
    k->uses = 1;
    k->view = *a;
    fields = (struct api_account_field *)(void *)k->texts;
    at = k->texts + fields_n;
    for (size_t i = 0; i < a->fields.n; i++)
        fields[i] = (struct api_account_field){move_text(&at, from[i].name), move_text(&at, from[i].value),
                                               from[i].verified_ms};
    k->view.fields.items = fields;
    k->view.username = move_text(&at, a->username);
    k->view.display_name = move_text(&at, a->display_name);
    k->view.url = move_text(&at, a->url);
    k->view.note = move_text(&at, a->note);
    k->view.avatar = move_text(&at, a->avatar);
    k->view.header = move_text(&at, a->header);
    k->view.avatar_words = move_text(&at, a->avatar_words);
    k->view.header_words = move_text(&at, a->header_words);
    k->view.headline = move_text(&at, a->headline);
    memcpy(at, json->p, json->n);
    k->json = at;
    k->json_n = json->n;
    return k;
}

/* ---- Reading ---- */

/* A batch being answered. */
struct batch {
    struct ctx *ctx;
    size_t n;
    const int64_t *ids;
    const Pb__UserCard **cards;
    const struct kept **found;
    int64_t *missing; /* ids to be read, each once */
    size_t n_missing;
};

static bool is_shown(const Pb__UserCard *card) {
    return card != NULL && (card->state == PB__ACCOUNT_STATE__STATE_ACTIVE ||
                            card->state == PB__ACCOUNT_STATE__STATE_SUSPENDED);
}

static bool is_listed(const int64_t *ids, size_t n, int64_t id) {
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id)
            return true;
    return false;
}

/* Takes what this worker has, as new as the card and with counts of at most that age. */
static void take_kept(struct batch *b, int64_t oldest_ms) {
    for (size_t i = 0; i < b->n; i++) {
        struct kept *k;

        if (!is_shown(b->cards[i]) || b->found[i] != NULL)
            continue;
        k = accounts != NULL ? lru_get(accounts, b->ids[i]) : NULL;
        if (k != NULL && k->version == b->cards[i]->version && k->counts_ms >= oldest_ms)
            b->found[i] = kept_use(b->ctx, k);
        else if (!is_listed(b->missing, b->n_missing, b->ids[i]))
            b->missing[b->n_missing++] = b->ids[i];
    }
}

static const char *field_html(struct ctx *ctx, const char *value) {
    struct buf out;
    size_t n = strlen(value);

    buf_init(&out, ctx->arena, ACCOUNT_JSON_MAX);
    if (text_is_http_url(value)) {
        buf_puts(&out, "<a href=\"");
        buf_html(&out, value, n);
        buf_puts(&out, "\" rel=\"me nofollow noopener\" target=\"_blank\">");
    }
    buf_html(&out, value, n);
    if (text_is_http_url(value))
        buf_puts(&out, "</a>");
    return buf_str(&out);
}

struct shape_list api_account_fields(struct ctx *ctx, Pb__ProfileField *const *fields, size_t n) {
    struct api_account_field *out = arena_many(ctx->arena, struct api_account_field, n);

    for (size_t i = 0; i < n; i++)
        out[i] = (struct api_account_field){fields[i]->name, field_html(ctx, fields[i]->value),
                                            fields[i]->verified_ms};
    return (struct shape_list){out, n};
}

/* The member's own picture, or the one that is made for everybody. */
static const char *picture_url(struct ctx *ctx, const Pb__UserCard *card, const char *key, const char *kind) {
    if (!text_is_empty(key) && card->state != PB__ACCOUNT_STATE__STATE_SUSPENDED)
        return media_public_url(ctx, key);
    return arena_printf(ctx->arena, "%s/%s/%" PRId64 ".png", ctx->env->config->base_url, kind, card->id);
}

/* Everything but the counts. Of a suspended member only who it is. */
static struct api_account view_of(struct ctx *ctx, const Pb__Profile *p) {
    const Pb__UserCard *card = p->card;
    const char *base = ctx->env->config->base_url;
    bool suspended = card->state == PB__ACCOUNT_STATE__STATE_SUSPENDED;

    return (struct api_account){
        .id = card->id,
        .username = card->handle,
        .display_name = suspended ? "" : card->name,
        .url = arena_printf(ctx->arena, "%s/@%s", base, card->handle),
        .note = suspended ? "" : api_html(ctx, p->bio_html),
        .avatar = picture_url(ctx, card, card->avatar_large, "avatars"),
        .header = picture_url(ctx, card, card->banner, "banners"),
        .avatar_words = suspended ? "" : card->avatar_words,
        .header_words = suspended ? "" : card->banner_words,
        .locked = card->locked,
        .discoverable = card->discoverable && !suspended,
        .noindex = card->noindex,
        .indexable = !card->noindex && !suspended,
        .hide_collections = card->hide_network,
        .suspended = suspended,
        .created_ms = card->created_ms - card->created_ms % DAY_MS,
        .headline = suspended ? "" : card->headline,
        .fields = suspended ? (struct shape_list){0} : api_account_fields(ctx, p->fields, p->n_fields),
    };
}

static void set_counts(struct api_account *a, const Pb__GetCountsReply *network,
                       const Pb__PostCountsReply *posts) {
    for (size_t i = 0; i < network->n_counts; i++) {
        if (network->counts[i]->user_id == a->id) {
            a->followers = network->counts[i]->followers;
            a->following = network->counts[i]->following;
        }
    }
    for (size_t i = 0; i < posts->n_counts; i++) {
        if (posts->counts[i]->user_id == a->id) {
            a->posts = posts->counts[i]->posts;
            a->last_status_ms = posts->counts[i]->last_ms;
        }
    }
}

/* As others see it who may not know the counts of a network that is kept private. */
static struct api_account for_others(struct api_account a) {
    if (a.hide_collections)
        a.followers = a.following = 0;
    return a;
}

static void json_of(struct ctx *ctx, const struct api_account *a, struct buf *out) {
    struct json j;

    buf_init(out, ctx->arena, ACCOUNT_JSON_MAX);
    json_init(&j, out);
    shape_write(&j, &api_account_shape, a);
}

static enum code keep(struct batch *b, const struct api_account *a, int64_t version, int64_t now_ms) {
    struct api_account seen = for_others(*a);
    struct buf json;
    struct kept *k;

    json_of(b->ctx, &seen, &json);
    if ((k = kept_new(a, &json)) == NULL)
        return fail(b->ctx, UNAVAILABLE, "We can't answer right now. Try again in a moment.");
    k->version = version;
    k->counts_ms = now_ms;
    if (accounts == NULL)
        accounts = lru_new(KEPT_BYTES);
    for (size_t i = 0; i < b->n; i++)
        if (b->ids[i] == a->id)
            b->found[i] = kept_use(b->ctx, k);
    if (accounts != NULL)
        lru_put(accounts, a->id, k, sizeof *k + text_bytes(a) + json.n, kept_drop);
    else
        kept_drop(k);
    return OK;
}

/* Three questions at the same time, whatever how many: texts by the user service, counts by the two that
 * count. */
static enum code read_missing(struct batch *b) {
    Pb__GetProfilesRequest profiles = PB__GET_PROFILES_REQUEST__INIT;
    Pb__GetCountsRequest network = PB__GET_COUNTS_REQUEST__INIT;
    Pb__PostCountsRequest posts = PB__POST_COUNTS_REQUEST__INIT;
    const Pb__ProfilesReply *texts;
    const Pb__GetCountsReply *followers;
    const Pb__PostCountsReply *written;
    int64_t now = clock_now_ms();
    enum code c;

    profiles.ids = network.user_ids = posts.user_ids = b->missing;
    profiles.n_ids = network.n_user_ids = posts.n_user_ids = b->n_missing;
    user_get_profiles_ahead(b->ctx, &profiles);
    connection_get_counts_ahead(b->ctx, &network);
    post_get_post_counts_ahead(b->ctx, &posts);
    if ((c = user_get_profiles(b->ctx, &profiles, &texts)) != OK ||
        (c = connection_get_counts(b->ctx, &network, &followers)) != OK ||
        (c = post_get_post_counts(b->ctx, &posts, &written)) != OK)
        return c;
    for (size_t i = 0; i < texts->n_profiles && c == OK; i++) {
        struct api_account a = view_of(b->ctx, texts->profiles[i]);

        set_counts(&a, followers, written);
        if (is_shown(texts->profiles[i]->card))
            c = keep(b, &a, texts->profiles[i]->card->version, now);
    }
    return c;
}

static enum code read_batch(struct batch *b, struct ctx *ctx, const int64_t *ids, size_t n,
                            int64_t oldest_ms) {
    enum code c;

    *b = (struct batch){.ctx = ctx, .ids = ids, .n = n};
    b->cards = arena_many(ctx->arena, const Pb__UserCard *, n);
    b->found = arena_many(ctx->arena, const struct kept *, n);
    b->missing = arena_many(ctx->arena, int64_t, n);
    if ((c = cards_get(ctx, ids, n, b->cards)) != OK)
        return c;
    take_kept(b, oldest_ms);
    return b->n_missing > 0 ? read_missing(b) : OK;
}

/* Whether the viewer sees more of it than others do. */
static bool is_own(const struct ctx *ctx, const struct kept *k) {
    return k->view.hide_collections && k->view.id == ctx->viewer_id;
}

static const struct api_account *seen_by_viewer(struct ctx *ctx, const struct kept *k) {
    struct api_account *copy;

    if (k == NULL || !k->view.hide_collections || is_own(ctx, k))
        return k != NULL ? &k->view : NULL;
    copy = arena_one(ctx->arena, struct api_account);
    *copy = for_others(k->view);
    return copy;
}

enum code api_accounts_get(struct ctx *ctx, const int64_t *ids, size_t n, const struct api_account **ret) {
    struct batch b;
    enum code c = read_batch(&b, ctx, ids, n, clock_now_ms() - COUNTS_KEEP_MS);

    for (size_t i = 0; c == OK && i < n; i++)
        ret[i] = seen_by_viewer(ctx, b.found[i]);
    return c;
}

enum code api_accounts_json(struct ctx *ctx, const int64_t *ids, size_t n, struct shape_json *ret) {
    struct batch b;
    enum code c = read_batch(&b, ctx, ids, n, clock_now_ms() - COUNTS_KEEP_MS);

    for (size_t i = 0; c == OK && i < n; i++) {
        const struct kept *k = b.found[i];
        struct buf own;

        ret[i] = k != NULL ? (struct shape_json){k->json, k->json_n} : (struct shape_json){0};
        if (k == NULL || !is_own(ctx, k))
            continue;
        json_of(ctx, &k->view, &own);
        ret[i] = (struct shape_json){own.p, own.n};
    }
    return c;
}

enum code api_account_get(struct ctx *ctx, int64_t id, const struct api_account **ret) {
    struct batch b;
    enum code c = read_batch(&b, ctx, &id, 1, INT64_MAX);

    if (c != OK)
        return c;
    *ret = seen_by_viewer(ctx, b.found[0]);
    return *ret != NULL ? OK : fail(ctx, NOT_FOUND, tr_mark("There is no such member."));
}
