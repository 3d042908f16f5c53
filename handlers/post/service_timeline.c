/* Timelines: candidates from a source, judged by the rules, until the page is full or the source is at its
 * end. */
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/edge.h"
#include "handlers/common/limit.h"
#include "handlers/common/models.h"
#include "handlers/post/rules.h"
#include "handlers/post/service.h"

#define LIMIT_DEFAULT 20
#define LIMIT_MAX 80
#define TAGS_MORE_MAX 10
#define CHUNK_MAX 400 /* rows read at once, when most of them are not for the viewer */
#define SCAN_MAX                                                                                             \
    20000 /* rows looked at for one page: more invisible ones in a row and the page stays short, but goes on \
           */

/* Where candidates come from. next() gives at most `want` reads and sets `end` behind the last one. */
struct source {
    enum code (*next)(struct ctx *ctx, struct source *src, size_t want, struct post_read **ret,
                      size_t *ret_n);
    enum code (*rows)(struct ctx *ctx, struct source *src, struct post_row **ret, size_t *ret_n);
    int64_t viewer;
    struct post_range range; /* what is still to be read */
    bool end;
    /* of some */
    const char *tag;
    struct tags_query tags;
    struct author_query author;
    bool only_media;    /* local */
    int64_t *followees; /* home: with the viewer; NULL: not asked for yet */
    size_t n_followees;
    struct list_query list;
    bool past_cache; /* home: the cache has given all it has */
    const struct post_row
        *built; /* rows in hand, read on from `built_at`: home just built, or an author's head */
    size_t n_built, built_at;
    bool built_complete; /* to the timeline's very end; else everything down to built_floor */
    int64_t built_floor;
    size_t n_pins;          /* of an author's */
    Pb__PostCounts *counts; /* of an author, when at hand */
};

/* ---- Sources that are SQL alone */

static void advance(struct source *src, const struct post_row *rows, size_t n) {
    src->end = n < src->range.limit;
    if (n > 0 && src->range.up)
        src->range.min = rows[n - 1].cursor;
    else if (n > 0)
        src->range.max = rows[n - 1].cursor;
}

static enum code next_from_sql(struct ctx *ctx, struct source *src, size_t want, struct post_read **ret,
                               size_t *ret_n) {
    struct post_row *rows;
    enum code c;

    src->range.limit = want;
    if ((c = src->rows(ctx, src, &rows, ret_n)) != OK)
        return c;
    advance(src, rows, *ret_n);
    *ret = arena_many(ctx->arena, struct post_read, *ret_n);
    return post_store_read(ctx, src->viewer, rows, *ret_n, *ret);
}

static enum code rows_local(struct ctx *ctx, struct source *src, struct post_row **ret, size_t *ret_n) {
    return post_store_local_rows(ctx, src->only_media, &src->range, ret, ret_n);
}

static enum code rows_tag(struct ctx *ctx, struct source *src, struct post_row **ret, size_t *ret_n) {
    return post_store_tag_rows(ctx, src->tag, &src->range, ret, ret_n);
}

static enum code rows_tags(struct ctx *ctx, struct source *src, struct post_row **ret, size_t *ret_n) {
    return post_store_tags_rows(ctx, &src->tags, &src->range, ret, ret_n);
}

static enum code rows_author(struct ctx *ctx, struct source *src, struct post_row **ret, size_t *ret_n) {
    return post_store_author_rows(ctx, &src->author, &src->range, ret, ret_n);
}

static enum code rows_bookmarks(struct ctx *ctx, struct source *src, struct post_row **ret, size_t *ret_n) {
    return post_store_bookmark_rows(ctx, src->viewer, &src->range, ret, ret_n);
}

static enum code rows_likes(struct ctx *ctx, struct source *src, struct post_row **ret, size_t *ret_n) {
    return post_store_like_rows(ctx, src->viewer, &src->range, ret, ret_n);
}

/* ---- Home: the cache as far as it reaches, SQL behind it */

/* Whom the viewer follows, and the viewer. */
static enum code ask_followees(struct ctx *ctx, struct source *src) {
    Pb__IdsRequest req = PB__IDS_REQUEST__INIT;
    const Pb__IdsReply *reply;
    int64_t *all = arena_memdup(ctx->arena, &src->viewer, sizeof *all);
    size_t n = 1;
    enum code c;

    if (src->followees != NULL)
        return OK;
    req.user_id = src->viewer;
    req.limit = 10000;
    do {
        int64_t *more;

        if ((c = connection_followee_ids(ctx, &req, &reply)) != OK)
            return c;
        more = arena_alloc(ctx->arena, (n + reply->n_ids) * sizeof *more);
        if (n > 0)
            memcpy(more, all, n * sizeof *more);
        if (reply->n_ids > 0)
            memcpy(more + n, reply->ids, reply->n_ids * sizeof *more);
        all = more;
        n += reply->n_ids;
        req.after = reply->next;
    } while (reply->next != 0);
    src->followees = all;
    src->n_followees = n;
    return OK;
}

/* The same for the same members in whatever order. */
static uint64_t fingerprint(const int64_t *ids, size_t n) {
    uint64_t sum = n;

    for (size_t i = 0; i < n; i++) {
        uint64_t x = (uint64_t)ids[i] * UINT64_C(0x9E3779B97F4A7C15);

        sum += (x ^ (x >> 29)) * UINT64_C(0xBF58476D1CE4E5B9);
    }
    return sum;
}

static enum code rows_home(struct ctx *ctx, struct source *src, struct post_row **ret, size_t *ret_n) {
    enum code c = ask_followees(ctx, src);

    if (c != OK)
        return c;
    return post_store_home_rows(ctx, src->viewer, src->followees, src->n_followees, &src->range, ret, ret_n);
}

/* Reads the newest rows for the cache, and has next_built() give them. */
static enum code build(struct ctx *ctx, struct source *src) {
    struct post_range newest = {.limit = HOME_BUILD};
    struct home_build started;
    struct post_row *rows;
    size_t n;
    enum code c;

    if (!post_store_home_begin(ctx, src->viewer, &started)) {
        src->past_cache = true;
        return OK;
    }
    src->followees = NULL; /* whoever is followed from now on counts */
    if ((c = ask_followees(ctx, src)) != OK ||
        (c = post_store_home_rows(ctx, src->viewer, src->followees, src->n_followees, &newest, &rows, &n)) !=
            OK)
        return c;
    src->built = rows;
    src->n_built = n;
    src->built_complete = n < HOME_BUILD;
    src->built_floor = n > 0 ? rows[n - 1].cursor : 0;
    while (src->range.max > 0 && src->built_at < n && rows[src->built_at].cursor >= src->range.max)
        src->built_at++;
    post_store_home_finish(ctx, src->viewer, &started, fingerprint(src->followees, src->n_followees), rows, n,
                           src->built_complete);
    return OK;
}

/* Everything down to this id has been given; SQL goes on below it. */
static void leave_cache(struct source *src, bool complete, int64_t floor) {
    src->past_cache = true;
    src->end = complete;
    if (src->range.max == 0 || floor < src->range.max)
        src->range.max = floor;
}

static enum code next_built(struct ctx *ctx, struct source *src, size_t want, struct post_read **ret,
                            size_t *ret_n) {
    size_t left = src->n_built - src->built_at, n = left < want ? left : want;
    const struct post_row *rows = src->built + src->built_at;

    src->built_at += n;
    *ret_n = n;
    *ret = arena_many(ctx->arena, struct post_read, n);
    if (src->built_at == src->n_built)
        leave_cache(src, src->built_complete, src->built_floor);
    else
        src->range.max = rows[n - 1].cursor;
    return post_store_read(ctx, src->viewer, rows, n, *ret);
}

/* Whether what is cached is of those that the viewer follows now. */
static enum code check_cached(struct ctx *ctx, struct source *src, const struct home_page *page,
                              bool *ret_good) {
    enum code c;

    *ret_good = page->checked;
    if (page->checked)
        return OK;
    if ((c = ask_followees(ctx, src)) != OK)
        return c;
    *ret_good = fingerprint(src->followees, src->n_followees) == page->fingerprint;
    if (*ret_good)
        post_store_home_confirm(ctx, src->viewer, page);
    return OK;
}

static enum code next_cached(struct ctx *ctx, struct source *src, size_t want, struct post_read **ret,
                             size_t *ret_n) {
    struct home_page page;
    bool good = false;
    enum code c;

    if ((c = post_store_home(ctx, src->viewer, src->range.max, (unsigned)want, &page)) != OK)
        return c;
    if (page.state == HOME_READY && (c = check_cached(ctx, src, &page, &good)) != OK)
        return c;
    *ret_n = 0;
    if (page.state == HOME_BUILDING)
        src->past_cache = true;
    else if (!good)
        return build(ctx, src);
    if (!good)
        return OK;
    *ret = page.reads;
    *ret_n = page.n;
    if (page.n < want)
        leave_cache(src, page.complete, page.floor);
    else
        src->range.max = page.reads[page.n - 1].row.cursor;
    return OK;
}

static enum code next_home(struct ctx *ctx, struct source *src, size_t want, struct post_read **ret,
                           size_t *ret_n) {
    if (src->past_cache || src->range.up)
        return next_from_sql(ctx, src, want, ret, ret_n);
    if (src->built != NULL)
        return next_built(ctx, src, want, ret, ret_n);
    return next_cached(ctx, src, want, ret, ret_n);
}

/* ---- A list */

static enum code rows_list(struct ctx *ctx, struct source *src, struct post_row **ret, size_t *ret_n) {
    return post_store_list_rows(ctx, src->viewer, &src->list, &src->range, ret, ret_n);
}

/* Whose comments by whom it shows: those to the viewer always. */
static enum code ask_answered(struct ctx *ctx, struct source *src, const Pb__List *list) {
    struct list_query *q = &src->list;
    enum code c;

    if (list->replies == PB__REPLIES_POLICY__REPLIES_FOLLOWED) {
        c = ask_followees(ctx, src);
        q->answered = src->followees;
        q->n_answered = src->n_followees;
        return c;
    }
    q->answered = arena_many(ctx->arena, int64_t, list->n_member_ids + 1);
    q->answered[q->n_answered++] = src->viewer;
    for (size_t i = 0; list->replies == PB__REPLIES_POLICY__REPLIES_LIST && i < list->n_member_ids; i++)
        q->answered[q->n_answered++] = list->member_ids[i];
    return OK;
}

static enum code ask_list(struct ctx *ctx, int64_t id, struct source *src) {
    Pb__ListRequest ask = PB__LIST_REQUEST__INIT;
    const Pb__List *list;
    enum code c;

    ask.viewer_id = src->viewer;
    ask.list_id = id;
    ask.with_members = true;
    if ((c = connection_get_list(ctx, &ask, &list)) != OK)
        return c;
    src->list.members = list->member_ids;
    src->list.n_members = list->n_member_ids;
    return ask_answered(ctx, src, list);
}

/* ---- Filling a page */

struct filling {
    Pb__PostItem **items;
    int64_t *cursors;
    size_t n, wanted; /* wanted is one more than the page has: whether there is another */
    bool end;         /* nothing comes behind them */
};

static int64_t shown_id(const Pb__PostItem *item) {
    return item->original != NULL ? item->original->id : item->post->id;
}

/* Where a post stands already, by itself or as somebody's repost; f->n: nowhere. */
static size_t place_of(const struct filling *f, int64_t id) {
    size_t i = 0;

    while (i < f->n && shown_id(f->items[i]) != id)
        i++;
    return i;
}

static void leave_out(struct filling *f, size_t at) {
    f->n--;
    memmove(&f->items[at], &f->items[at + 1], (f->n - at) * sizeof *f->items);
    memmove(&f->cursors[at], &f->cursors[at + 1], (f->n - at) * sizeof *f->cursors);
}

/* Where reposts of one post may meet, a page has it once: where it was brought up last. */
static bool is_for_once(enum post_place place) { return place == POST_IN_HOME || place == POST_IN_LIST; }

static void put(struct filling *f, const struct source *src, enum post_place place, Pb__PostItem *item,
                int64_t cursor) {
    size_t at = is_for_once(place) ? place_of(f, shown_id(item)) : f->n;

    if (at < f->n && !src->range.up)
        return; /* newest first: it is there */
    if (at < f->n)
        leave_out(f, at);
    f->items[f->n] = item;
    f->cursors[f->n++] = cursor;
}

/* Takes what the viewer may see of some reads. */
static enum code take(struct ctx *ctx, const struct source *src, enum post_place place,
                      const struct post_read *reads, size_t n, struct filling *f) {
    Pb__PostItem **seen = arena_many(ctx->arena, Pb__PostItem *, n);
    size_t *which = arena_many(ctx->arena, size_t, n), n_seen;
    enum code c;

    if ((c = post_items(ctx, src->viewer, place, reads, n, seen, which, &n_seen)) != OK)
        return c;
    for (size_t i = 0; i < n_seen && f->n < f->wanted; i++)
        put(f, src, place, seen[i], reads[which[i]].row.cursor);
    return OK;
}

static enum code fill(struct ctx *ctx, struct source *src, enum post_place place, struct filling *f) {
    size_t chunk = f->wanted, scanned = 0;
    /* The bound at the far end; SQL knows that of pages downwards, the cache neither. */
    int64_t stop = src->range.up ? src->range.max : src->range.since;
    enum code c;

    while (f->n < f->wanted && !src->end && scanned < SCAN_MAX) {
        struct post_read *reads = NULL;
        size_t n = 0;

        if ((c = src->next(ctx, src, chunk, &reads, &n)) != OK)
            return c;
        for (size_t i = 0; stop != 0 && i < n; i++) {
            if (src->range.up ? reads[i].row.cursor >= stop : reads[i].row.cursor <= stop) {
                src->end = true;
                n = i;
            }
        }
        if ((c = take(ctx, src, place, reads, n, f)) != OK)
            return c;
        scanned += n;
        if (n > 0)
            chunk = chunk * 2 < CHUNK_MAX ? chunk * 2 : CHUNK_MAX;
    }
    f->end = src->end && f->n < f->wanted;
    return OK;
}

static void reverse(struct filling *f) {
    for (size_t i = 0; i < f->n / 2; i++) {
        Pb__PostItem *item = f->items[i];
        int64_t cursor = f->cursors[i];

        f->items[i] = f->items[f->n - 1 - i];
        f->cursors[i] = f->cursors[f->n - 1 - i];
        f->items[f->n - 1 - i] = item;
        f->cursors[f->n - 1 - i] = cursor;
    }
}

/* What comes before and after. Where nothing is known of one side, whoever came from there can go back. */
static void finish(const Pb__PageRequest *req, const struct source *src, struct filling *f, size_t limit,
                   Pb__TimelinePage *reply) {
    bool more = f->n > limit;
    bool short_of_end = !more && !f->end; /* gave up on the way: go on from where it stopped */

    f->n = more ? limit : f->n;
    if (src->range.up)
        reverse(f);
    reply->items = f->items;
    reply->n_items = f->n;
    reply->first_id = f->n > 0 ? f->cursors[0] : 0;
    if (src->range.up) {
        reply->prev_min_id = more ? f->cursors[0] : short_of_end ? src->range.min : 0;
        reply->next_max_id = f->n > 0 ? f->cursors[f->n - 1] : 0;
    } else {
        reply->next_max_id = more ? f->cursors[f->n - 1] : short_of_end ? src->range.max : 0;
        reply->prev_min_id = req->max_id != 0 && f->n > 0 ? f->cursors[0] : 0;
    }
}

static enum code page(struct ctx *ctx, const Pb__PageRequest *req, struct source *src, enum post_place place,
                      Pb__TimelinePage *reply) {
    size_t limit = limit_of(req->limit, LIMIT_DEFAULT, LIMIT_MAX);
    struct filling f = {.wanted = limit + 1};
    enum code c;

    src->viewer = req->viewer_id;
    src->range = (struct post_range){
        .max = req->max_id, .since = req->since_id, .min = req->min_id, .up = req->min_id != 0};
    f.items = arena_many(ctx->arena, Pb__PostItem *, f.wanted);
    f.cursors = arena_many(ctx->arena, int64_t, f.wanted);
    if ((c = fill(ctx, src, place, &f)) != OK)
        return c;
    finish(req, src, &f, limit, reply);
    return OK;
}

void post_author_prefetch(struct ctx *ctx, int64_t viewer, int64_t author, bool with_replies) {
    post_store_author_ahead(ctx, viewer, author, with_replies);
}

/* ---- The timelines */

void post_home_prefetch(struct ctx *ctx, int64_t viewer, int64_t max_id, uint32_t limit) {
    post_store_home_prefetch(ctx, viewer, max_id, (unsigned)limit_of(limit, LIMIT_DEFAULT, LIMIT_MAX) + 1);
}

enum code post_service_home_timeline(struct ctx *ctx, const Pb__PageRequest *req, Pb__TimelinePage *reply) {
    struct source src = {.next = next_home, .rows = rows_home};

    if (req->viewer_id == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    return page(ctx, req, &src, POST_IN_HOME, reply);
}

enum code post_service_local_timeline(struct ctx *ctx, const Pb__PageRequest *req, Pb__TimelinePage *reply) {
    struct source src = {.next = next_from_sql, .rows = rows_local, .only_media = req->only_media};

    return page(ctx, req, &src, POST_IN_LOCAL, reply);
}

/* The folded names of some tags, behind `first` when that is not NULL. */
static enum code fold_tags(struct ctx *ctx, const char *first, const char **names, size_t n,
                           const char ***ret, size_t *ret_n) {
    const char **folded = arena_many(ctx->arena, const char *, n + 1);
    size_t k = 0;

    if (n > TAGS_MORE_MAX)
        return fail_field(ctx, "tag", tr_mark("Ask for at most 10 more tags."));
    if (first != NULL)
        folded[k++] = first;
    for (size_t i = 0; i < n; i++) {
        const char *one = text_fold(ctx->arena, names[i][0] == '#' ? names[i] + 1 : names[i]);
        bool seen = one == NULL;

        for (size_t j = 0; j < k && !seen; j++)
            seen = strcmp(folded[j], one) == 0;
        if (!seen)
            folded[k++] = one;
    }
    *ret = folded;
    *ret_n = k;
    return OK;
}

enum code post_service_tag_timeline(struct ctx *ctx, const Pb__PageRequest *req, Pb__TimelinePage *reply) {
    struct source src = {.next = next_from_sql, .rows = rows_tag};
    const char *name = req->tag[0] == '#' ? req->tag + 1 : req->tag;
    struct tags_query *q = &src.tags;
    enum code c;

    src.tag = text_fold(ctx->arena, name);
    if (src.tag == NULL)
        return fail_field(ctx, "tag", "This is not the name of a tag.");
    if ((c = fold_tags(ctx, src.tag, req->any_tags, req->n_any_tags, &q->any, &q->n_any)) != OK ||
        (c = fold_tags(ctx, NULL, req->all_tags, req->n_all_tags, &q->all, &q->n_all)) != OK ||
        (c = fold_tags(ctx, NULL, req->no_tags, req->n_no_tags, &q->none, &q->n_none)) != OK)
        return c;
    q->only_media = req->only_media;
    if (req->n_any_tags + req->n_all_tags + req->n_no_tags > 0 || req->only_media)
        src.rows = rows_tags;
    return page(ctx, req, &src, POST_IN_TAG, reply);
}

enum code post_service_list_timeline(struct ctx *ctx, const Pb__PageRequest *req, Pb__TimelinePage *reply) {
    struct source src = {.next = next_from_sql, .rows = rows_list, .viewer = req->viewer_id};
    enum code c = ask_list(ctx, req->list_id, &src);

    return c != OK ? c : page(ctx, req, &src, POST_IN_LIST, reply);
}

enum code post_service_bookmarks(struct ctx *ctx, const Pb__PageRequest *req, Pb__TimelinePage *reply) {
    struct source src = {.next = next_from_sql, .rows = rows_bookmarks};

    if (req->viewer_id == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    return page(ctx, req, &src, POST_BY_ITSELF, reply);
}

enum code post_service_likes(struct ctx *ctx, const Pb__PageRequest *req, Pb__TimelinePage *reply) {
    struct source src = {.next = next_from_sql, .rows = rows_likes};

    if (req->viewer_id == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    return page(ctx, req, &src, POST_BY_ITSELF, reply);
}

/* ---- An author's */

/* The widest audience number that the reader may see of this author's without being mentioned; -1: nothing at
 * all. */
static enum code widest_of(struct ctx *ctx, const Pb__PageRequest *req, int *ret) {
    const Pb__UserCard *card;
    uint32_t edges;
    enum code c;

    if ((c = cards_get(ctx, &req->author_id, 1, &card)) != OK ||
        (c = edges_get(ctx, req->viewer_id, &req->author_id, 1, &edges)) != OK)
        return c;
    if (card == NULL || card->state != PB__ACCOUNT_STATE__STATE_ACTIVE || (edges & EDGE_SEVERED) != 0)
        *ret = -1;
    else if (req->viewer_id == req->author_id)
        *ret = PB__AUDIENCE__AUDIENCE_DIRECT;
    else
        *ret = (edges & EDGE_FOLLOWING) != 0 ? PB__AUDIENCE__AUDIENCE_FOLLOWERS
                                             : PB__AUDIENCE__AUDIENCE_UNLISTED;
    return OK;
}

/* What of the timeline's beginning is asked for, as rows for next_built(). */
static void take_head(struct ctx *ctx, struct source *src, const struct author_head *head) {
    struct post_row *rows = arena_many(ctx->arena, struct post_row, head->n + 1);
    int64_t floor = head->n > 0 ? head->rows[head->n - 1].row.id : 0;

    src->built = rows;
    src->built_complete = head->complete;
    src->built_floor = floor;
    src->n_pins = head->n_pins;
    if (head->counted)
        src->counts = arena_memdup(ctx->arena, &head->counts, sizeof head->counts);
    for (size_t i = 0; i < head->n; i++) {
        const struct author_row *one = &head->rows[i];

        if ((src->range.max == 0 || one->row.id < src->range.max) &&
            (src->author.with_replies || !one->is_reply) && (src->author.with_reposts || one->row.inner == 0))
            rows[src->n_built++] = one->row;
    }
}

/* The beginning comes from the cache, what follows from SQL. */
static enum code next_author(struct ctx *ctx, struct source *src, size_t want, struct post_read **ret,
                             size_t *ret_n) {
    struct author_head head;
    enum code c;

    if (src->past_cache || src->range.up)
        return next_from_sql(ctx, src, want, ret, ret_n);
    if (src->built == NULL) {
        if ((c = post_store_author_head(ctx, src->author.author, &head)) != OK)
            return c;
        take_head(ctx, src, &head);
        if (src->range.max == 0 && src->author.with_reposts)
            post_rows_remember(src->author.author,
                               src->author.with_replies ? POST_ROWS_REPLIES : POST_ROWS_AUTHOR, src->built,
                               src->n_built < want ? src->n_built : want);
    }
    return next_built(ctx, src, want, ret, ret_n);
}

static enum code pinned(struct ctx *ctx, const Pb__PageRequest *req, Pb__PostItem ***ret, size_t *ret_n) {
    struct author_head head;
    struct post_row *rows;
    struct post_read *reads;
    size_t *which;
    enum code c;

    if ((c = post_store_author_head(ctx, req->author_id, &head)) != OK)
        return c;
    rows = arena_many(ctx->arena, struct post_row, head.n_pins);
    reads = arena_many(ctx->arena, struct post_read, head.n_pins);
    which = arena_many(ctx->arena, size_t, head.n_pins);
    for (size_t i = 0; i < head.n_pins; i++)
        rows[i] = head.pins[i].row;
    *ret = arena_many(ctx->arena, Pb__PostItem *, head.n_pins);
    if ((c = post_store_read(ctx, req->viewer_id, rows, head.n_pins, reads)) != OK)
        return c;
    return post_items(ctx, req->viewer_id, POST_BY_ITSELF, reads, head.n_pins, *ret, which, ret_n);
}

/* Pinned posts stand at the top of page one, and there alone. */
static enum code author_page_one(struct ctx *ctx, const Pb__PageRequest *req, struct source *src,
                                 Pb__TimelinePage *reply) {
    Pb__PostItem **top, **all;
    size_t n;
    enum code c;

    if ((c = page(ctx, req, src, POST_BY_ITSELF, reply)) != OK || src->n_pins == 0 ||
        (c = pinned(ctx, req, &top, &n)) != OK)
        return c;
    all = arena_many(ctx->arena, Pb__PostItem *, n + reply->n_items);
    memcpy(all, top, n * sizeof *all);
    if (reply->n_items > 0)
        memcpy(all + n, reply->items, reply->n_items * sizeof *all);
    reply->items = all;
    reply->n_items += n;
    return OK;
}

enum code post_service_author_timeline(struct ctx *ctx, const Pb__PageRequest *req, Pb__TimelinePage *reply) {
    bool in_order = req->in_order || req->only_media; /* of those with media no beginning is kept */
    struct source src = {.next = in_order ? next_from_sql : next_author, .rows = rows_author};
    enum code c;

    src.author = (struct author_query){.author = req->author_id,
                                       .reader = req->viewer_id,
                                       .with_replies = req->with_replies,
                                       .with_reposts = !req->no_reposts,
                                       .with_pins = in_order,
                                       .only_media = req->only_media,
                                       .tag = in_order ? text_fold(ctx->arena, req->tag) : ""};
    if (src.author.tag == NULL)
        return fail_field(ctx, "tagged", "This is not the name of a tag.");
    if (!in_order && req->max_id == 0 && req->min_id == 0)
        post_store_author_ahead(ctx, req->viewer_id, req->author_id, req->with_replies);
    if ((c = widest_of(ctx, req, &src.author.widest)) != OK || src.author.widest < 0)
        return c;
    if (req->pinned)
        return pinned(ctx, req, &reply->items, &reply->n_items);
    if (req->max_id == 0 && req->min_id == 0 && req->since_id == 0 && !in_order)
        c = author_page_one(ctx, req, &src, reply);
    else
        c = page(ctx, req, &src, POST_BY_ITSELF, reply);
    reply->author = src.counts;
    return c;
}
