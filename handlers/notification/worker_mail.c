/* Mails: what waits for one member goes out as one. */
#include <inttypes.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/format.h"
#include "fcgi/i18n.h"
#include "fcgi/log.h"
#include "fcgi/stream_wire.h"
#include "gen/stubs.h"
#include "handlers/common/letter.h"
#include "handlers/common/models.h"
#include "handlers/notification/worker_deliver.h"

#define AT_ONCE 20   /* mails of one run */
#define ITEMS_MAX 10 /* lines of one mail */
#define SAID_MAX 280 /* letters of a post */
#define LOOK_MS 500  /* between two looks for what is due */
#define ONLINE_MS (5 * WAIT_MINUTE_MS)
#define ONLINE_MAX_MS WAIT_HOUR_MS /* so long does being online put a mail off */

/* ---- what happened, in words */

struct line {
    const struct outgoing *first; /* the latest */
    const struct news *news;
    size_t others; /* who did the same to the same */
};

/* Likes and reposts of one post, and followers, stand together. */
static bool is_same(const struct line *l, const struct outgoing *o, const struct news *n) {
    int kind = prefs_kind_of(o->kind);

    if (strcmp(l->first->kind, o->kind) != 0 || l->first->actor_id == o->actor_id)
        return false;
    if (kind == PREFS_LIKE || kind == PREFS_REPOST)
        return l->news->post_id == n->post_id;
    return kind == PREFS_FOLLOW;
}

static size_t lines_of(const struct errand *e, const struct outgoing *rows, const struct news *news,
                       struct line *ret) {
    size_t n = 0;

    for (size_t i = 0; i < e->n_ids; i++) {
        size_t k = 0;

        while (k < n && !is_same(&ret[k], &rows[i], &news[i]))
            k++;
        if (k < n)
            ret[k].others++;
        else
            ret[n++] = (struct line){&rows[i], &news[i], 0};
    }
    return n;
}

static const struct {
    const char *one, *two, *many; /* two: with one other; NULL: it never is */
} sentences[PREFS_KINDS] = {
    [PREFS_MENTION] = {tr_mark("{name} mentioned you"), NULL, NULL},
    [PREFS_COMMENT] = {tr_mark("{name} commented on your post"), NULL, NULL},
    [PREFS_LIKE] = {tr_mark("{name} likes your post"), tr_mark("{name} and one other like your post"),
                    tr_mark("{name} and {n} others like your post")},
    [PREFS_REPOST] = {tr_mark("{name} reposted your post"),
                      tr_mark("{name} and one other reposted your post"),
                      tr_mark("{name} and {n} others reposted your post")},
    [PREFS_FOLLOW] = {tr_mark("{name} follows you"), tr_mark("{name} and one other follow you"),
                      tr_mark("{name} and {n} others follow you")},
    [PREFS_FOLLOW_REQUEST] = {tr_mark("{name} asks to follow you"), NULL, NULL},
    [PREFS_FOLLOW_ACCEPTED] = {tr_mark("{name} lets you follow"), NULL, NULL},
    [PREFS_EDIT] = {tr_mark("{name} edited a post that you reposted"), NULL, NULL},
    [PREFS_SIGN_IN] = {tr_mark("A new device logged in to your account"), NULL, NULL},
    [PREFS_MODERATION] = {tr_mark("A moderator acted on your account"), NULL, NULL},
    [PREFS_POST] = {tr_mark("{name} has written something"), NULL, NULL},
};

static const char *sentence(struct ctx *ctx, int lang, const struct line *l, const char *name) {
    int kind = prefs_kind_of(l->first->kind);
    const char *text = l->others == 0   ? sentences[kind].one
                       : l->others == 1 ? sentences[kind].two
                                        : sentences[kind].many;

    return tr_fill(ctx->arena, lang, text, "name", name, "n", arena_printf(ctx->arena, "%zu", l->others),
                   NULL);
}

/* ---- the posts that it is about, as the reader may see them */

static enum code posts_of(struct ctx *ctx, int64_t reader, const struct line *lines, size_t n,
                          const Pb__PostsReply **ret) {
    Pb__GetPostsRequest ask = PB__GET_POSTS_REQUEST__INIT;

    ask.viewer_id = reader;
    ask.ids = arena_many(ctx->arena, int64_t, n);
    for (size_t i = 0; i < n; i++)
        if (lines[i].news->post_id != 0)
            ask.ids[ask.n_ids++] = lines[i].news->post_id;
    return post_get_posts(ctx, &ask, ret);
}

static const Pb__PostItem *post_of(const Pb__PostsReply *posts, int64_t id) {
    for (size_t i = 0; i < posts->n_items; i++)
        if (posts->items[i]->post->id == id)
            return posts->items[i];
    return NULL;
}

/* Words behind a warning, or for few, are not written into mails, which lie around. */
static const char *said_of(struct ctx *ctx, const Pb__PostItem *item) {
    const Pb__PostView *p = item->original != NULL ? item->original : item->post;

    if (!text_is_empty(p->warning))
        return text_ellipsis(ctx->arena, p->warning, SAID_MAX);
    return p->audience == PB__AUDIENCE__AUDIENCE_PUBLIC || p->audience == PB__AUDIENCE__AUDIENCE_UNLISTED
               ? text_ellipsis(ctx->arena, p->text, SAID_MAX)
               : NULL;
}

static const char *url_of(const struct letter *l, const struct line *line, const Pb__UserCard *actor,
                          const Pb__PostItem *item) {
    struct arena *a = l->ctx->arena;

    if (item != NULL && item->author != NULL)
        return letter_url(l, arena_printf(a, "/@%s/%" PRId64, item->author->handle, item->post->id));
    if (prefs_kind_of(line->first->kind) == PREFS_FOLLOW_REQUEST)
        return letter_url(l, "/network");
    return letter_url(l, actor != NULL ? arena_printf(a, "/@%s", actor->handle) : "/notifications");
}

/* ---- the letter */

/* Where the member is. */
static const char *when_of(const struct letter *l, int64_t ms) {
    const struct prefs *p = &((const struct errand *)l->arg)->prefs;
    const char *there = format_moment(l->ctx->arena, l->lang, ms + (int64_t)p->zone_s * 1000);

    return p->zone_s == 0 ? arena_printf(l->ctx->arena, "%s UTC", there) : there;
}

static void add_line(struct letter *l, const struct line *line, const Pb__UserCard *actor,
                     const Pb__PostItem *item, struct mail_item *to) {
    struct ctx *ctx = l->ctx;

    to->text = sentence(ctx, l->lang, line, actor != NULL ? actor->name : "");
    to->said = item != NULL ? said_of(ctx, item) : line->first->actor_id == 0 ? line->news->detail : NULL;
    to->when = when_of(l, line->first->created_ms);
    to->url = url_of(l, line, actor, item);
    letter_say(l, arena_printf(ctx->arena, "%s%s%s\n%s", to->text, text_is_empty(to->said) ? "" : "\n  ",
                               text_is_empty(to->said) ? "" : to->said, to->url));
}

/* Lines whose post is gone, or hidden from the reader meanwhile, are left out. */
static enum code add_lines(struct letter *l, int64_t reader, const struct line *lines, size_t n) {
    struct ctx *ctx = l->ctx;
    struct mail_item *items = arena_many(ctx->arena, struct mail_item, n);
    const Pb__UserCard **cards = arena_many(ctx->arena, const Pb__UserCard *, n);
    int64_t *actors = arena_many(ctx->arena, int64_t, n);
    const Pb__PostsReply *posts;
    enum code c;

    for (size_t i = 0; i < n; i++)
        actors[i] = lines[i].first->actor_id;
    if ((c = cards_get(ctx, actors, n, cards)) != OK || (c = posts_of(ctx, reader, lines, n, &posts)) != OK)
        return c;
    for (size_t i = 0; i < n && l->view.n_items < ITEMS_MAX; i++) {
        const Pb__PostItem *item = post_of(posts, lines[i].news->post_id);

        if (lines[i].news->post_id == 0 || item != NULL)
            add_line(l, &lines[i], cards[i], item, &items[l->view.n_items++]);
    }
    l->view.items = items;
    return OK;
}

static void add_end(struct letter *l, size_t n_lines) {
    struct ctx *ctx = l->ctx;
    size_t more = n_lines > ITEMS_MAX ? n_lines - ITEMS_MAX : 0;

    if (more > 0)
        l->view.more =
            tr_fill(ctx->arena, l->lang, tr_n(l->lang, "And {n} more.", "And {n} more.", (int64_t)more), "n",
                    arena_printf(ctx->arena, "%zu", more), NULL);
    letter_say(l, l->view.more);
    letter_say(l, arena_printf(ctx->arena, "%s:\n%s", tr(l->lang, "Open your notifications"), l->view.url));
    letter_say(l, arena_printf(ctx->arena, "%s:\n%s", tr(l->lang, "Choose what you are told"),
                               l->view.settings_url));
    letter_say(
        l, arena_printf(ctx->arena, "%s:\n%s", tr(l->lang, "Get no more of these mails"), l->view.stop_url));
}

static struct letter letter_for(struct errand *e, const Pb__Contact *to) {
    struct ctx *ctx = e->ctx;
    const char *channel = e->rows[0].channel;
    struct letter l =
        letter_new(ctx, LETTER_ACTIVITY, arena_printf(ctx->arena, "notify-%" PRId64, e->mail_id), to->email,
                   to->name, to->language);

    l.view.digest = strcmp(channel, "digest") == 0;
    l.view.url = letter_url(&l, "/notifications");
    l.view.settings_url = letter_url(&l, "/settings/notifications");
    l.view.stop_url = letter_url(&l, arena_printf(ctx->arena, "/unsubscribe/%s",
                                                  notification_unsubscribe_token(ctx, to->user_id, channel)));
    l.unsubscribe = l.view.stop_url;
    l.before = notification_errand_hand;
    l.arg = e;
    return l;
}

static const char *subject_of(const struct letter *l) {
    struct arena *a = l->ctx->arena;
    const char *site = l->ctx->env->config->site_name, *n = arena_printf(a, "%zu", l->view.n_items);

    if (l->view.digest)
        return tr_fill(a, l->lang, tr_mark("Your day at {site}"), "site", site, NULL);
    if (l->view.n_items == 1)
        return l->view.items[0].text;
    return tr_fill(
        a, l->lang,
        tr_n(l->lang, "{n} new thing at {site}", "{n} new things at {site}", (int64_t)l->view.n_items), "n",
        n, "site", site, NULL);
}

/* ---- sending */

/* What the mail server said decides what becomes of the errand. */
static enum code settle(struct errand *e, enum code sent) {
    struct ctx *ctx = e->ctx;
    const char *why = ctx->error.detail != NULL ? ctx->error.detail : "";

    fail_clear(ctx);
    if (sent == OK)
        return notification_store_end(ctx, e->lease, e->ids, e->n_ids, OUTGOING_SENT, "");
    if (sent == UNKNOWN) {
        log_warn(ctx, "not known whether a mail arrived", "member=%lld n=%zu cause=%s",
                 (long long)e->rows[0].user_id, e->n_ids, why);
        return notification_store_end(ctx, e->lease, e->ids, e->n_ids, OUTGOING_UNKNOWN, "unknown");
    }
    if (sent == CANCELLED)
        return OK; /* somebody else has it now, or the database is away: the lease says so */
    if (e->handed && notification_store_mail_undo(ctx, e->mail_id) != OK)
        fail_clear(ctx);
    if (sent == INVALID)
        return notification_store_end(ctx, e->lease, e->ids, e->n_ids, OUTGOING_FAILED, why);
    return notification_errand_again(e, 0, why);
}

static enum code compose_and_send(struct errand *e, const Pb__Contact *to, const struct outgoing *rows,
                                  const struct news *news) {
    struct letter l = letter_for(e, to);
    struct line *lines = arena_many(e->ctx->arena, struct line, e->n_ids);
    size_t n = lines_of(e, rows, news, lines);
    enum code c = add_lines(&l, to->user_id, lines, n);

    if (c != OK)
        return c;
    if (l.view.n_items == 0)
        return notification_store_end(e->ctx, e->lease, e->ids, e->n_ids, OUTGOING_DROPPED,
                                      "nothing is left of it");
    add_end(&l, n);
    return settle(e, letter_send(&l, subject_of(&l)));
}

/* Who is looking at the site right now is about to read it there. */
static bool is_online(struct ctx *ctx, int64_t user_id) {
    redisReply *r = redis_do(ctx, ctx->env->redis, "EXISTS " STREAM_ONLINE_KEY "%lld", (long long)user_id);

    fail_clear(ctx);
    return r != NULL && r->type == REDIS_REPLY_INTEGER && r->integer > 0;
}

/* When this instant mail may go out by what holds now; 0: at once. */
static enum code not_before(struct errand *e, int64_t now_ms, int64_t *ret) {
    struct mail_pace pace = {0, e->ctx->env->config->mail_window_s * INT64_C(1000)};
    struct mail_times times;
    enum code c = notification_store_mail_times(e->ctx, &e->prefs, &times);
    int64_t due;

    *ret = 0;
    if (c != OK)
        return c;
    due = prefs_mail_due(&e->prefs, &times, &pace, now_ms);
    if (due <= now_ms && now_ms - e->rows[e->n - 1].created_ms < ONLINE_MAX_MS &&
        is_online(e->ctx, e->prefs.user_id))
        due = now_ms + ONLINE_MS;
    *ret = due > now_ms ? due : 0;
    return OK;
}

/* The ways may have been changed since: what is not to be mailed any more is dropped with all the rest that
 * the member does not want. */
static enum code drop_unwanted(struct errand *e) {
    unsigned way = strcmp(e->rows[0].channel, "digest") == 0 ? WAY_DIGEST : WAY_EMAIL;
    struct outgoing *wanted = arena_many(e->ctx->arena, struct outgoing, e->n);
    int64_t *dropped = arena_many(e->ctx->arena, int64_t, e->n);
    size_t n = 0, n_dropped = 0;

    for (size_t i = 0; i < e->n; i++) {
        if ((prefs_ways(&e->prefs, e->rows[i].kind) & way) != 0)
            wanted[n++] = e->rows[i];
        else
            dropped[n_dropped++] = e->rows[i].notification_id;
    }
    e->rows = wanted;
    e->n = n;
    return notification_store_end(e->ctx, e->lease, dropped, n_dropped, OUTGOING_DROPPED,
                                  "not wanted any more");
}

static enum code send_to(struct errand *e, const Pb__Contact *to) {
    const struct outgoing *left;
    const struct news *news;
    int64_t due_ms = 0;
    enum code c = OK;

    if (strcmp(e->rows[0].channel, "email") == 0)
        c = not_before(e, clock_now_ms(), &due_ms);
    if (c != OK)
        return c;
    if (due_ms != 0)
        return notification_store_later(e->ctx, e->lease, due_ms, false, "");
    if ((c = notification_errand_sift(e, &left, &news)) != OK || e->n_ids == 0)
        return c;
    return compose_and_send(e, to, left, news);
}

static enum code send_one(struct errand *e) {
    struct ctx *ctx = e->ctx;
    Pb__ContactsRequest ask = PB__CONTACTS_REQUEST__INIT;
    const Pb__ContactsReply *found;
    int64_t user_id = e->rows[0].user_id;
    const struct outgoing *all = e->rows;
    size_t n_all = e->n;
    enum code c;

    ask.ids = &user_id;
    ask.n_ids = 1;
    if ((c = notification_prefs(ctx, user_id, &e->prefs)) != OK || (c = drop_unwanted(e)) != OK ||
        e->n == 0 || (c = user_get_contacts(ctx, &ask, &found)) != OK)
        return c;
    if (found->n_contacts > 0 && !text_is_empty(found->contacts[0]->email))
        return send_to(e, found->contacts[0]);
    e->rows = all;
    e->n = n_all;
    return notification_errand_drop(e, "not active");
}

enum code notification_mails_run(struct ctx *ctx, int64_t *ret_wait_ms) {
    *ret_wait_ms = LOOK_MS;
    for (int i = 0; i < AT_ONCE; i++) {
        struct errand e = {.ctx = ctx, .lease = id_next(), .mail_id = id_next()};
        struct outgoing *rows;
        enum code c = notification_store_take_mail(ctx, e.lease, &rows, &e.n);

        size_t n = e.n;

        if (c != OK || n == 0)
            return c;
        e.rows = rows;
        if ((c = send_one(&e)) != OK && (c = notification_errand_failed(&e, rows, n, c)) != OK)
            return c;
    }
    *ret_wait_ms = 0;
    return OK;
}
