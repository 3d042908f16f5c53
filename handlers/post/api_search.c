/* Searching for members, posts and tags at once, as Mastodon's clients do. */
#include <string.h>
#include <strings.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api_account.h"
#include "handlers/common/api_members.h"
#include "handlers/common/api_search.h"
#include "handlers/post/api_shared.h"

#define SEARCH_LIMIT 20
#define SEARCH_MOST 40

struct found {
    struct shape_json accounts, statuses;
    struct shape_list tags;  /* views of post_api_tag_shape */
    struct shape_list names; /* of the same tags */
};

#define AT(label, what, member) .name = (label), .kind = (what), .at = offsetof(struct found, member)
#define ACCOUNTS_AND_STATUSES                                           \
    {AT("accounts", SHAPE_RAWS, accounts), .of = &api_account_shape}, { \
        AT("statuses", SHAPE_RAWS, statuses), .of = &api_status_shape   \
    }

static const struct shape_field search_fields[] = {
    ACCOUNTS_AND_STATUSES, {AT("hashtags", SHAPE_LIST, tags), .of = &post_api_tag_shape}, {0}};
static const struct shape_field search_v1_fields[] = {
    ACCOUNTS_AND_STATUSES, {AT("hashtags", SHAPE_STRS, names)}, {0}};
const struct shape post_api_search_shape = {"Search", sizeof(struct found), search_fields, "What was found."};
const struct shape post_api_search_v1_shape = {"SearchV1", sizeof(struct found), search_v1_fields,
                                               "What was found, tags by name alone."};

/* What is looked for: everything, or only one kind, which alone can be paged. */
struct search {
    const char *q, *type;
    uint32_t offset, limit;
};

static bool is_wanted(const struct search *s, const char *kind) {
    return text_is_empty(s->type) || strcmp(s->type, kind) == 0;
}

static enum code find_members(struct request *req, const struct search *s, struct found *ret) {
    struct api_search ask = {
        .q = s->q, .following = field_bool(req, "following"), .offset = s->offset, .limit = s->limit};
    int64_t *ids;
    size_t n;
    enum code c;

    if (!is_wanted(s, "accounts") || *s->q == '#')
        return OK;
    if ((c = api_search_members(&req->ctx, &ask, &ids, &n)) != OK)
        return c;
    return api_members_ready(&req->ctx, ids, n, &ret->accounts);
}

/* The post's id when the text is one, or its address on this site ("…/@ada/1", "…/posts/1"); else 0. */
static int64_t post_named(struct ctx *ctx, const char *q) {
    const char *base = ctx->env->config->base_url, *last = strrchr(q, '/');
    int64_t id;

    if (id_parse(q, &id))
        return id;
    if (last == NULL || strncasecmp(q, base, strlen(base)) != 0 || !id_parse(last + 1, &id))
        return 0;
    return id;
}

static enum code find_posts(struct request *req, const struct search *s, struct found *ret) {
    struct ctx *ctx = &req->ctx;
    Pb__GetPostsRequest one = PB__GET_POSTS_REQUEST__INIT;
    Pb__SearchPostsRequest words = PB__SEARCH_POSTS_REQUEST__INIT;
    const Pb__PostsReply *found;
    int64_t id = post_named(ctx, s->q);
    enum code c;

    if (!is_wanted(s, "statuses"))
        return OK;
    one.viewer_id = words.viewer_id = ctx->viewer_id;
    one.ids = &id;
    one.n_ids = 1;
    one.with_muted = true;
    words.query = *s->q == '#' ? s->q + 1 : s->q;
    words.offset = s->offset;
    words.limit = s->limit;
    words.max_id = field_int(req, "max_id");
    words.min_id = field_int(req, "min_id");
    words.author_id = field_int(req, "account_id");
    c = id != 0 && s->offset == 0 ? post_get_posts(ctx, &one, &found)
                                  : post_search_posts(ctx, &words, &found);
    if (c != OK || found->n_items == 0)
        return c;
    return api_statuses_ready(ctx, found->items, found->n_items, &ret->statuses);
}

static enum code find_tags(struct request *req, const struct search *s, struct found *ret) {
    struct ctx *ctx = &req->ctx;
    Pb__TagsRequest ask = PB__TAGS_REQUEST__INIT;
    const char **names;
    const Pb__TagsReply *found;
    size_t skip;
    enum code c;

    if (!is_wanted(s, "hashtags") || strpbrk(s->q, " @/") != NULL || strcmp(s->q, "#") == 0)
        return OK;
    ask.query = s->q;
    ask.limit = s->offset + s->limit;
    ask.viewer_id = ctx->viewer_id;
    if ((c = post_trending_tags(ctx, &ask, &found)) != OK)
        return c;
    skip = s->offset < found->n_tags ? s->offset : found->n_tags;
    ret->tags = post_api_tag_views(ctx, found->tags + skip, found->n_tags - skip);
    names = arena_many(ctx->arena, const char *, ret->tags.n);
    for (size_t i = 0; i < ret->tags.n; i++)
        names[i] = found->tags[skip + i]->name;
    ret->names = (struct shape_list){names, ret->tags.n};
    return OK;
}

static enum code answer(struct request *req, const struct shape *shape) {
    struct search s = {.q = field_text(req, "q"),
                       .type = field_text(req, "type"),
                       .limit = api_limit(req, SEARCH_LIMIT, SEARCH_MOST)};
    struct found found = {0};
    enum code c;

    if (req->ctx.viewer_id == 0 && (field_int(req, "offset") > 0 || field_bool(req, "resolve")))
        return fail(&req->ctx, UNAUTHENTICATED, tr_mark("Log in to look further."));
    if (!text_is_empty(s.type))
        s.offset = (uint32_t)field_int(req, "offset");
    if ((c = find_members(req, &s, &found)) != OK || (c = find_posts(req, &s, &found)) != OK ||
        (c = find_tags(req, &s, &found)) != OK)
        return c;
    return api_reply(req, shape, &found);
}

enum code post_api_search(struct request *req) { return answer(req, &post_api_search_shape); }

enum code post_api_search_v1(struct request *req) { return answer(req, &post_api_search_v1_shape); }
