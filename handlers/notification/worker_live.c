/* Open pages and programs hear of it at once. What is told twice, since a worker or the database was killed
 * on the way, reaches nobody twice: its key is made of the event and the kind, and of no number that was
 * lost. */
#include <stdlib.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/json.h"
#include "gen/stubs.h"
#include "handlers/common/api_account.h"
#include "handlers/common/limit.h"
#include "handlers/common/live.h"
#include "handlers/notification/entity.h"
#include "handlers/notification/kinds.h"
#include "handlers/notification/service_shared.h"
#include "handlers/notification/worker.h"

#define LATE_MS INT64_C(600000) /* what happened longer ago is no news to anybody's open page */
#define PAYLOAD_MAX ((size_t)256 << 10)

/* Members whose lists have changed, each once. */
static size_t members_of(struct ctx *ctx, struct told *const *told, size_t n, int64_t **ret) {
    size_t k = 0;

    *ret = arena_many(ctx->arena, int64_t, n);
    for (size_t i = 0; i < n; i++) {
        bool is_known =
            !(told[i]->is_made || told[i]->is_off) || told[i]->event_ms < clock_now_ms() - LATE_MS;

        for (size_t j = 0; j < k && !is_known; j++)
            is_known = (*ret)[j] == told[i]->user;
        if (!is_known)
            (*ret)[k++] = told[i]->user;
    }
    return k;
}

/* Only those who listen. */
static size_t listening(struct ctx *ctx, int64_t *members, size_t n) {
    bool *is_listening = arena_many(ctx->arena, bool, n);
    size_t k = 0;

    notification_store_listening(ctx, members, n, is_listening);
    for (size_t i = 0; i < n; i++)
        if (is_listening[i])
            members[k++] = members[i];
    return k;
}

static Pb__NotificationItem *item_of(struct ctx *ctx, const struct told *t) {
    Pb__NotificationItem *item = arena_one(ctx->arena, Pb__NotificationItem);

    pb__notification_item__init(item);
    item->id = t->id;
    item->kind = notification_kind(t->kind)->name;
    item->actor_id = t->actor;
    item->post_id = t->post;
    item->created_ms = id_time_ms(t->id);
    item->group_key = notification_group_key(ctx, t->kind, t->id, t->post, item->created_ms);
    item->sample_ids = &item->actor_id;
    item->n_sample_ids = 1;
    return item;
}

/* What a member is to be shown, and the posts it is about that the member may see. */
struct news {
    int64_t member;
    Pb__NotificationItem **items;
    int64_t *keys; /* of the items, see struct live */
    size_t n;
    Pb__PostItem **posts;
    size_t n_posts;
};

/* An event tells a member one thing of a kind. Of an event's number the highest bits are years. */
static int64_t key_of(const struct told *t) { return t->event ^ ((int64_t)t->kind << 57); }

/* What programs know by name. */
static struct news news_of(struct ctx *ctx, int64_t member, struct told *const *told, size_t n) {
    struct news news = {.member = member,
                        .items = arena_many(ctx->arena, Pb__NotificationItem *, n),
                        .keys = arena_many(ctx->arena, int64_t, n)};

    for (size_t i = 0; i < n; i++)
        if (told[i]->user == member && told[i]->is_made && told[i]->state == TOLD_SHOWN &&
            notification_kind(told[i]->kind)->mastodon != NULL) {
            news.keys[news.n] = key_of(told[i]);
            news.items[news.n++] = item_of(ctx, told[i]);
        }
    return news;
}

/* What a member's programs are to get. */
struct letter {
    int64_t member;
    struct live live;
};

static int64_t key_in(const struct news *news, const Pb__NotificationItem *item) {
    for (size_t i = 0; i < news->n; i++)
        if (news->items[i] == item)
            return news->keys[i];
    return 0;
}

static bool letter_write(struct ctx *ctx, const struct news *news, const struct notification_seen *seen,
                         const struct notification_view *view, struct letter *ret) {
    struct buf out;
    struct json j;

    buf_init(&out, ctx->arena, PAYLOAD_MAX);
    json_init(&j, &out);
    shape_write(&j, &notification_shape, view);
    *ret = (struct letter){
        news->member,
        {.event = "notification", .key = key_in(news, seen->item), .payload = out.p, .n = out.n}};
    ret->live.authors[0] = seen->item->actor_id;
    return !buf_overflowed(&out);
}

/* As the member sees it. Returns how many. */
static size_t letters_of(const struct ctx *ctx, const struct news *news, struct letter *ret) {
    struct ctx as = *ctx;
    struct notification_seen *seen;
    struct notification_view *views;
    size_t n_seen, k = 0;

    as.viewer_id = news->member;
    if (news->n == 0 ||
        notification_see_with(&as, news->member, news->items, news->n, news->posts, news->n_posts, &seen,
                              &n_seen) != OK ||
        notification_views_heard(&as, news->member, seen, n_seen, &views) != OK)
        return 0; /* they see it when they look */
    for (size_t i = 0; i < n_seen; i++)
        k += letter_write(&as, news, &seen[i], &views[i], &ret[k]);
    return k;
}

static int by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Each once. */
static size_t unique(int64_t *ids, size_t n) {
    size_t k = 0;

    if (n > 0)
        qsort(ids, n, sizeof *ids, by_number);
    for (size_t i = 0; i < n; i++)
        if (k == 0 || ids[k - 1] != ids[i])
            ids[k++] = ids[i];
    return k;
}

/* The accounts that will be shown, read in one round for all members and kept by this worker: what then is
 * asked for each member finds them. */
static void warm_accounts(const struct ctx *ctx, const struct news *all, size_t k, size_t n_items) {
    struct ctx as = *ctx;
    int64_t *ids = arena_many(as.arena, int64_t, k + n_items);
    struct shape_json *unused = arena_many(as.arena, struct shape_json, k + n_items);
    size_t n = 0;

    for (size_t i = 0; i < k; i++) {
        if (all[i].n > 0)
            ids[n++] = all[i].member;
        for (size_t m = 0; m < all[i].n; m++)
            if (all[i].items[m]->actor_id != 0)
                ids[n++] = all[i].items[m]->actor_id;
    }
    n = unique(ids, n);
    if (n > 0)
        api_accounts_json(&as, ids, n, unused);
}

/* Questions for posts: whose, and which. */
struct asked {
    struct news **news;
    int64_t *members, *posts;
    size_t n;
};

static void ask_for(struct asked *asked, struct news *news) {
    size_t first = asked->n;

    for (size_t i = 0; i < news->n; i++) {
        int64_t post = news->items[i]->post_id;

        if (post == 0 || id_among(post, asked->posts + first, asked->n - first))
            continue;
        asked->news[asked->n] = news;
        asked->members[asked->n] = news->member;
        asked->posts[asked->n++] = post;
    }
}

static enum code find_some_posts(struct ctx *ctx, const struct asked *asked, size_t from, size_t n) {
    Pb__PostsForRequest ask = PB__POSTS_FOR_REQUEST__INIT;
    const Pb__PostsForReply *found;
    enum code c;

    ask.viewer_ids = asked->members + from;
    ask.ids = asked->posts + from;
    ask.n_viewer_ids = ask.n_ids = n;
    if ((c = post_get_posts_for(ctx, &ask, &found)) != OK)
        return c;
    for (size_t i = 0; i < found->n_items && i < found->n_which; i++) {
        struct news *news = found->which[i] < n ? asked->news[from + found->which[i]] : NULL;

        if (news != NULL && news->n_posts < news->n)
            news->posts[news->n_posts++] = found->items[i];
    }
    return OK;
}

/* The posts that they will be shown, in one round for all members. */
static void find_posts(struct ctx *ctx, struct news *all, size_t k, size_t n_items) {
    struct asked asked = {.news = arena_many(ctx->arena, struct news *, n_items),
                          .members = arena_many(ctx->arena, int64_t, n_items),
                          .posts = arena_many(ctx->arena, int64_t, n_items)};

    for (size_t i = 0; i < k; i++) {
        all[i].posts = arena_many(ctx->arena, Pb__PostItem *, all[i].n);
        ask_for(&asked, &all[i]);
    }
    for (size_t at = 0; at < asked.n; at += AT_ONCE_MAX)
        if (find_some_posts(ctx, &asked, at, asked.n - at < AT_ONCE_MAX ? asked.n - at : AT_ONCE_MAX) != OK)
            fail_clear(ctx); /* they see it when they look */
}

/* All is read before any of it is told: so what is asked for one member goes along with the others'. */
static void tell_members(struct ctx *ctx, const int64_t *members, size_t k, struct told *const *told,
                         size_t n) {
    struct news *all = arena_many(ctx->arena, struct news, k);
    struct letter *letters = arena_many(ctx->arena, struct letter, n);
    size_t n_items = 0, n_letters = 0;

    for (size_t i = 0; i < k; i++) {
        all[i] = news_of(ctx, members[i], told, n);
        n_items += all[i].n;
    }
    warm_accounts(ctx, all, k, n_items);
    find_posts(ctx, all, k, n_items);
    for (size_t i = 0; i < k; i++)
        notification_see_ahead(ctx, all[i].member, all[i].items, all[i].n);
    for (size_t i = 0; i < k; i++)
        n_letters += letters_of(ctx, &all[i], &letters[n_letters]);
    for (size_t i = 0; i < n_letters; i++)
        live_tell(ctx, &letters[i].member, 1, &letters[i].live);
}

void notification_tell_live(struct ctx *ctx, struct told *const *told, size_t n, struct whose *whose) {
    int64_t *members;
    size_t k = members_of(ctx, told, n, &members);
    bool asked;

    if (k + whose->n == 0)
        return;
    k = listening(ctx, members, k);
    whose->n = listening(ctx, whose->users, unique(whose->users, whose->n));
    whose_add(ctx, whose, members, k);
    asked = notification_ask_badges(ctx, whose->users, unique(whose->users, whose->n));
    tell_members(ctx, members, k, told, n);
    if (asked)
        notification_tell_badges(ctx);
}
