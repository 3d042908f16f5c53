/* Tags that a member follows. */
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/entities.h"
#include "handlers/common/limit.h"
#include "handlers/post/rules.h"
#include "handlers/post/service.h"

#define LIMIT 100
#define LIMIT_MAX 200
#define TAG_DAYS 7

enum code post_tag_named(struct ctx *ctx, const char *name, const char **ret_folded) {
    *ret_folded = text_fold(ctx->arena, name[0] == '#' ? name + 1 : name);
    if (*ret_folded == NULL || !entity_is_tag(*ret_folded))
        return fail(ctx, NOT_FOUND,
                    tr_mark("A tag has letters, digits and _ alone, and at least one letter."));
    return OK;
}

bool post_tag_is_among(struct ctx *ctx, const char *name, const char *const *folded, size_t n) {
    const char *one = n > 0 ? text_fold(ctx->arena, name) : NULL;

    for (size_t i = 0; one != NULL && i < n; i++)
        if (strcmp(folded[i], one) == 0)
            return true;
    return false;
}

enum code post_tags_mark(struct ctx *ctx, int64_t viewer, Pb__TagInfo *const *tags, size_t n) {
    const char **followed;
    size_t n_followed;
    enum code c;

    if (viewer == 0 || n == 0)
        return OK;
    if ((c = post_store_tags_of(ctx, viewer, &followed, &n_followed)) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        tags[i]->following = post_tag_is_among(ctx, tags[i]->name, followed, n_followed);
    return OK;
}

enum code post_service_follow_tag(struct ctx *ctx, const Pb__FollowTagRequest *req, Pb__TagInfo *reply) {
    const char *folded;
    bool ok = false;
    enum code c;

    if (req->viewer_id == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    if ((c = post_tag_named(ctx, req->name, &folded)) != OK ||
        (c = post_store_follow_tag(ctx, req->viewer_id, folded, req->on, &ok)) != OK)
        return c;
    if (!ok)
        return fail(ctx, PRECONDITION,
                    tr_mark("You follow 100 tags, which is the most. Unfollow one first."));
    reply->name = folded;
    reply->following = req->on;
    return post_store_tag_days(ctx, &reply, 1, TAG_DAYS);
}

static void reverse(Pb__TagInfo **tags, int64_t *ids, size_t n) {
    for (size_t i = 0; i < n / 2; i++) {
        Pb__TagInfo *tag = tags[i];
        int64_t id = ids[i];

        tags[i] = tags[n - 1 - i];
        ids[i] = ids[n - 1 - i];
        tags[n - 1 - i] = tag;
        ids[n - 1 - i] = id;
    }
}

enum code post_service_list_followed_tags(struct ctx *ctx, const Pb__FollowedTagsRequest *req,
                                          Pb__TagsReply *reply) {
    size_t limit = limit_of(req->limit, LIMIT, LIMIT_MAX), n;
    struct post_range range = {.max = req->max_id,
                               .since = req->since_id,
                               .min = req->min_id,
                               .up = req->min_id != 0,
                               .limit = limit + 1};
    int64_t *ids;
    bool more;
    enum code c;

    if (req->viewer_id == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    if ((c = post_store_tags_followed(ctx, req->viewer_id, &range, &reply->tags, &ids, &n)) != OK)
        return c;
    more = n > limit;
    reply->n_tags = more ? limit : n;
    if (reply->n_tags == 0)
        return OK;
    if (range.up)
        reverse(reply->tags, ids, reply->n_tags);
    reply->next_max_id = more || range.up ? ids[reply->n_tags - 1] : 0;
    reply->prev_min_id = (range.up ? more : req->max_id != 0) ? ids[0] : 0;
    return req->days ? post_store_tag_days(ctx, reply->tags, reply->n_tags, TAG_DAYS) : OK;
}
