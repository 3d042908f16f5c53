#include "handlers/notification/entity.h"

#include <string.h>

#include "fcgi/base/id.h"
#include "gen/stubs.h"
#include "handlers/common/api_account.h"
#include "handlers/common/api_status.h"
#include "handlers/common/edge.h"
#include "handlers/common/models.h"
#include "handlers/notification/kinds.h"

/* ---- Seeing */

/* All members that the items name, each with its card and what stands between. */
struct people {
    int64_t *ids;
    const Pb__UserCard **cards;
    uint32_t *edges;
    size_t n;
};

static void add_id(int64_t *ids, size_t *n, int64_t id) {
    if (id != 0 && !id_among(id, ids, *n))
        ids[(*n)++] = id;
}

static struct people people_of(struct ctx *ctx, Pb__NotificationItem *const *items, size_t n) {
    struct people people = {0};
    size_t room = 0;

    for (size_t i = 0; i < n; i++)
        room += 1 + items[i]->n_sample_ids;
    people.ids = arena_many(ctx->arena, int64_t, room);
    for (size_t i = 0; i < n; i++) {
        add_id(people.ids, &people.n, items[i]->actor_id);
        for (size_t k = 0; k < items[i]->n_sample_ids; k++)
            add_id(people.ids, &people.n, items[i]->sample_ids[k]);
    }
    return people;
}

static enum code find_people(struct ctx *ctx, int64_t user, struct people *people) {
    enum code c;

    people->cards = arena_many(ctx->arena, const Pb__UserCard *, people->n);
    people->edges = arena_many(ctx->arena, uint32_t, people->n);
    if (people->n == 0)
        return OK;
    c = cards_get(ctx, people->ids, people->n, people->cards);
    return c != OK ? c : edges_get(ctx, user, people->ids, people->n, people->edges);
}

void notification_see_ahead(struct ctx *ctx, int64_t user, Pb__NotificationItem *const *items, size_t n) {
    struct people people = people_of(ctx, items, n);

    if (people.n > 0)
        edges_ahead(ctx, user, people.ids, people.n);
}

/* NULL for who is not to be seen. */
static const Pb__UserCard *person(const struct people *p, int64_t id) {
    for (size_t i = 0; i < p->n; i++)
        if (p->ids[i] == id)
            return p->cards[i] != NULL && p->cards[i]->state == PB__ACCOUNT_STATE__STATE_ACTIVE &&
                           (p->edges[i] & (EDGE_SEVERED | EDGE_MUTING)) == 0
                       ? p->cards[i]
                       : NULL;
    return NULL;
}

static enum code find_posts(struct ctx *ctx, int64_t user, Pb__NotificationItem *const *items, size_t n,
                            bool for_views, const Pb__PostsReply **ret) {
    static const Pb__PostsReply none = PB__POSTS_REPLY__INIT;
    Pb__GetPostsRequest ask = PB__GET_POSTS_REQUEST__INIT;

    ask.viewer_id = user;
    ask.with_muted = for_views;
    ask.ids = arena_many(ctx->arena, int64_t, n);
    for (size_t i = 0; i < n; i++)
        add_id(ask.ids, &ask.n_ids, items[i]->post_id);
    *ret = &none;
    return ask.n_ids > 0 ? post_get_posts(ctx, &ask, ret) : OK;
}

static const Pb__PostItem *post_in(Pb__PostItem *const *posts, size_t n, int64_t id) {
    for (size_t i = 0; i < n; i++)
        if (posts[i]->post->id == id)
            return posts[i];
    return NULL;
}

/* Fills one in; false when it is not to be seen. */
static bool see(struct ctx *ctx, const Pb__NotificationItem *item, const struct people *people,
                const Pb__PostItem *post, struct notification_seen *ret) {
    bool is_of_site = item->actor_id == 0;

    *ret = (struct notification_seen){.item = item, .post = post};
    if (is_of_site)
        return true;
    if (item->post_id != 0 && ret->post == NULL)
        return false;
    ret->sample = arena_many(ctx->arena, const Pb__UserCard *, item->n_sample_ids);
    for (size_t i = 0; i < item->n_sample_ids; i++) {
        const Pb__UserCard *card = person(people, item->sample_ids[i]);

        if (card != NULL)
            ret->sample[ret->n_sample++] = card;
    }
    ret->actor = person(people, item->actor_id);
    if (ret->actor == NULL && ret->n_sample > 0)
        ret->actor = ret->sample[0];
    return ret->actor != NULL;
}

enum code notification_see(struct ctx *ctx, int64_t user, Pb__NotificationItem *const *items, size_t n,
                           bool for_views, struct notification_seen **ret, size_t *ret_n) {
    const Pb__PostsReply *posts;
    enum code c = find_posts(ctx, user, items, n, for_views, &posts);

    return c != OK ? c : notification_see_with(ctx, user, items, n, posts->items, posts->n_items, ret, ret_n);
}

enum code notification_see_with(struct ctx *ctx, int64_t user, Pb__NotificationItem *const *items, size_t n,
                                Pb__PostItem *const *posts, size_t n_posts, struct notification_seen **ret,
                                size_t *ret_n) {
    struct people people = people_of(ctx, items, n);
    enum code c;

    *ret = arena_many(ctx->arena, struct notification_seen, n);
    *ret_n = 0;
    if ((c = find_people(ctx, user, &people)) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        *ret_n += see(ctx, items[i], &people, post_in(posts, n_posts, items[i]->post_id), &(*ret)[*ret_n]);
    return OK;
}

/* ---- The entity */

#define AT(label, what, member) \
    .name = (label), .kind = (what), .at = offsetof(struct notification_view, member)

static const struct shape_field notification_fields[] = {
    {AT("id", SHAPE_ID, id)},
    {AT("type", SHAPE_STR, type),
     .words =
         "Mastodon's, or one of ours: follow_accepted, sign_in, moderation; those only for who asks by types[]"},
    {AT("group_key", SHAPE_STR, group_key)},
    {AT("created_at", SHAPE_TIME, created_ms)},
    {AT("account", SHAPE_RAW, account), .of = &api_account_shape},
    {AT("status", SHAPE_RAW, status), .of = &api_status_shape, .optional = true},
    {0},
};
const struct shape notification_shape = {"Notification", sizeof(struct notification_view),
                                         notification_fields, "Something that concerns oneself."};

const char *notification_type(const char *kind) {
    const struct notification_kind *k = notification_kind(notification_kind_named(kind));

    return k != NULL && k->mastodon != NULL ? k->mastodon : kind;
}

/* How posts are written: ret[i] of items[i]. */
typedef enum code write_statuses(struct ctx *ctx, Pb__PostItem *const *items, size_t n,
                                 struct shape_json *ret);

/* The posts of those that have one. */
static enum code add_statuses(struct ctx *ctx, const struct notification_seen *seen, size_t n,
                              write_statuses *write, struct notification_view *views) {
    Pb__PostItem **posts = arena_many(ctx->arena, Pb__PostItem *, n);
    struct shape_json *ready = arena_many(ctx->arena, struct shape_json, n);
    size_t k = 0;
    enum code c;

    for (size_t i = 0; i < n; i++)
        if (seen[i].post != NULL)
            posts[k++] = (Pb__PostItem *)(uintptr_t)seen[i].post;
    if ((c = write(ctx, posts, k, ready)) != OK)
        return c;
    k = 0;
    for (size_t i = 0; i < n; i++)
        if (seen[i].post != NULL)
            views[i].status = ready[k++];
    return OK;
}

static enum code views_of(struct ctx *ctx, int64_t user, const struct notification_seen *seen, size_t n,
                          write_statuses *write, struct notification_view **ret) {
    struct shape_json *accounts = arena_many(ctx->arena, struct shape_json, n);
    int64_t *ids = arena_many(ctx->arena, int64_t, n);
    enum code c;

    *ret = arena_many(ctx->arena, struct notification_view, n);
    for (size_t i = 0; i < n; i++)
        ids[i] = seen[i].actor != NULL ? seen[i].actor->id : user;
    if (n == 0 || (c = api_accounts_json(ctx, ids, n, accounts)) != OK)
        return n == 0 ? OK : c;
    for (size_t i = 0; i < n; i++)
        (*ret)[i] = (struct notification_view){.id = seen[i].item->id,
                                               .type = notification_type(seen[i].item->kind),
                                               .group_key = seen[i].item->group_key,
                                               .created_ms = seen[i].item->created_ms,
                                               .account = accounts[i]};
    return add_statuses(ctx, seen, n, write, *ret);
}

enum code notification_views(struct ctx *ctx, int64_t user, const struct notification_seen *seen, size_t n,
                             struct notification_view **ret) {
    return views_of(ctx, user, seen, n, api_statuses_each, ret);
}

enum code notification_views_heard(struct ctx *ctx, int64_t user, const struct notification_seen *seen,
                                   size_t n, struct notification_view **ret) {
    return views_of(ctx, user, seen, n, api_statuses_heard, ret);
}
