/* Timelines and other lists of statuses. */
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "fcgi/router.h"
#include "gen/stubs.h"
#include "handlers/common/models.h"
#include "handlers/post/api_shared.h"
#include "handlers/post/service.h"

#define LIMIT 20
#define LIMIT_MAX 40

typedef enum code timeline_rpc(struct ctx *ctx, const Pb__PageRequest *req,
                               const Pb__TimelinePage **ret_reply);

static Pb__PageRequest ask_of(const struct request *req) {
    Pb__PageRequest ask = PB__PAGE_REQUEST__INIT;

    ask.viewer_id = req->ctx.viewer_id;
    ask.max_id = field_int(req, "max_id");
    ask.since_id = field_int(req, "since_id");
    ask.min_id = field_int(req, "min_id");
    ask.limit = api_limit(req, LIMIT, LIMIT_MAX);
    return ask;
}

static enum code answer(struct request *req, timeline_rpc *rpc, const Pb__PageRequest *ask) {
    const Pb__TimelinePage *page;
    enum code c = rpc(&req->ctx, ask, &page);

    if (c != OK)
        return c;
    api_link(req, page->next_max_id, page->first_id);
    return api_statuses_reply(req, page->items, page->n_items);
}

/* ---- Home */

/* What stands in the query before it is validated; false when it is not a number. */
static bool number_in(const struct request *req, const char *name, int64_t otherwise, int64_t *ret) {
    const char *text = params_get(&req->query, name);

    *ret = otherwise;
    return text_is_empty(text) || text_parse_int(text, 0, INT64_MAX, ret);
}

void post_api_home_prefetch(struct request *req, int64_t claimed_user) {
    int64_t max_id, limit;

    post_muted_prefetch(&req->ctx, claimed_user);
    if (text_is_empty(params_get(&req->query, "min_id")) && number_in(req, "max_id", 0, &max_id) &&
        number_in(req, "limit", LIMIT, &limit))
        post_home_prefetch(&req->ctx, claimed_user, max_id, limit > LIMIT_MAX ? LIMIT_MAX : (uint32_t)limit);
}

enum code post_api_home(struct request *req) {
    Pb__PageRequest ask = ask_of(req);

    return answer(req, post_home_timeline, &ask);
}

/* ---- For everybody */

/* All members are here: nothing is remote. */
static bool is_of_nothing(const struct request *req) { return field_bool(req, "remote"); }

enum code post_api_public(struct request *req) {
    Pb__PageRequest ask = ask_of(req);

    ask.only_media = field_bool(req, "only_media");
    return is_of_nothing(req) ? api_reply_none(req) : answer(req, post_local_timeline, &ask);
}

static void take_names(const struct request *req, const char *field, const char ***ret, size_t *ret_n) {
    const struct field_value *v = field_get(req, field);

    *ret = v->texts;
    *ret_n = v->n_texts;
}

enum code post_api_tag_timeline(struct request *req) {
    Pb__PageRequest ask = ask_of(req);

    if (is_of_nothing(req))
        return api_reply_none(req);
    ask.tag = req->args[0];
    ask.only_media = field_bool(req, "only_media");
    take_names(req, "any", &ask.any_tags, &ask.n_any_tags);
    take_names(req, "all", &ask.all_tags, &ask.n_all_tags);
    take_names(req, "none", &ask.no_tags, &ask.n_no_tags);
    return answer(req, post_tag_timeline, &ask);
}

enum code post_api_list(struct request *req) {
    Pb__PageRequest ask = ask_of(req);

    if (!id_parse(req->args[0], &ask.list_id))
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such list."));
    return answer(req, post_list_timeline, &ask);
}

/* No links are in fashion here: there are no previews of them. */
enum code post_api_link(struct request *req) { return api_reply_none(req); }

/* ---- The reader's own: pages by the likes' and bookmarks' own ids */

enum code post_api_favourites(struct request *req) {
    Pb__PageRequest ask = ask_of(req);

    return answer(req, post_likes, &ask);
}

enum code post_api_bookmarks(struct request *req) {
    Pb__PageRequest ask = ask_of(req);

    return answer(req, post_bookmarks, &ask);
}

/* ---- A member's */

enum code post_api_account_statuses(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__PageRequest ask = ask_of(req);
    const Pb__UserCard *author;
    enum code c;

    if (!id_parse(req->args[0], &ask.author_id))
        return fail(ctx, NOT_FOUND, tr_mark("There is no such member."));
    if ((c = card_get(ctx, ask.author_id, &author)) != OK)
        return c;
    ask.in_order = true;
    ask.only_media = field_bool(req, "only_media");
    ask.pinned = field_bool(req, "pinned");
    ask.with_replies = !field_bool(req, "exclude_replies");
    ask.no_reposts = field_bool(req, "exclude_reblogs");
    ask.tag = field_text(req, "tagged");
    if (ask.tag[0] == '#')
        ask.tag++;
    return answer(req, post_author_timeline, &ask);
}

/* ---- Trends */

enum code post_api_trending_statuses(struct request *req) {
    Pb__TrendingPostsRequest ask = PB__TRENDING_POSTS_REQUEST__INIT;
    const Pb__PostsReply *reply;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    ask.limit = api_limit(req, LIMIT, LIMIT_MAX);
    ask.offset = (uint32_t)field_int(req, "offset");
    if ((c = post_get_trending_posts(&req->ctx, &ask, &reply)) != OK)
        return c;
    return api_statuses_reply(req, reply->items, reply->n_items);
}
