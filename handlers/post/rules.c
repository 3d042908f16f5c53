#include "handlers/post/rules.h"

#include <string.h>
#include <strings.h>

#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "gen/stubs.h"
#include "handlers/common/edge.h"
#include "handlers/common/models.h"

/* ---- The rules */

static bool is_mentioned(const Pb__PostView *post, int64_t viewer) {
    for (size_t i = 0; i < post->n_mentions; i++)
        if (post->mentions[i]->user_id == viewer)
            return true;
    return false;
}

static bool audience_has(const Pb__PostView *post, int64_t viewer, uint32_t edges) {
    if (post->audience == PB__AUDIENCE__AUDIENCE_PUBLIC || post->audience == PB__AUDIENCE__AUDIENCE_UNLISTED)
        return true;
    if (viewer == 0)
        return false;
    if (post->in_reply_to_author_id == viewer || is_mentioned(post, viewer))
        return true;
    return post->audience == PB__AUDIENCE__AUDIENCE_FOLLOWERS && (edges & EDGE_FOLLOWING) != 0;
}

bool post_language_is_wanted(const char *language, const char *const *wanted, size_t n) {
    if (n == 0 || text_is_empty(language))
        return true;
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(wanted[i]);

        if (strncasecmp(language, wanted[i], len) == 0 && (language[len] == '\0' || language[len] == '-'))
            return true;
    }
    return false;
}

/* Whether the viewer's follow of the author brings this post. */
static bool follow_brings(const struct post_sight *s) {
    if ((s->edges & EDGE_FOLLOWING) == 0)
        return false;
    return s->post->repost_of_id != 0
               ? (s->edges & EDGE_NO_REPOSTS) == 0
               : post_language_is_wanted(s->post->language, s->languages, s->n_languages);
}

/* The same where posts of some stand in exclusive lists. */
static bool follow_brings_home(const struct post_sight *s) {
    return (s->edges & EDGE_EXCLUSIVE) == 0 && follow_brings(s);
}

/* What comes to the viewer without any follow of its author. */
static bool tag_brings(const struct post_sight *s) {
    return s->tag_followed && s->post->audience == PB__AUDIENCE__AUDIENCE_PUBLIC &&
           s->post->repost_of_id == 0;
}

/* The original stays where it is: its author hears of reposts by notifications. */
static bool is_own_again(const struct post_sight *s) {
    return s->post->author_id != s->viewer && s->inner != NULL && s->inner->author_id == s->viewer;
}

static bool place_has(const struct post_sight *s) {
    const Pb__PostView *post = s->post;

    switch (s->place) {
    case POST_BY_ITSELF:
        return true;
    case POST_IN_HOME:
        return post_is_for_home(post->author_id, post->in_reply_to_author_id) && !is_own_again(s) &&
               (post->author_id == s->viewer || follow_brings_home(s) || tag_brings(s));
    case POST_IN_LIST:
        return !is_own_again(s) && follow_brings(s);
    case POST_IN_LOCAL:
        return post->audience == PB__AUDIENCE__AUDIENCE_PUBLIC && post->in_reply_to_id == 0 &&
               post->repost_of_id == 0;
    case POST_IN_TAG:
        return post->audience == PB__AUDIENCE__AUDIENCE_PUBLIC && post->repost_of_id == 0;
    }
    return false;
}

/* One post, whatever it stands in: alive, of an active member who is not severed from the viewer nor muted
 * here, and for the viewer. */
static bool may_see_one(const struct post_sight *s, const Pb__PostView *post, const Pb__UserCard *author,
                        uint32_t edges) {
    if (post == NULL || post_is_gone(post) || author == NULL ||
        author->state != PB__ACCOUNT_STATE__STATE_ACTIVE)
        return false;
    if (s->viewer != 0 && post->author_id == s->viewer)
        return true;
    if ((edges & EDGE_SEVERED) != 0 || (s->place != POST_BY_ITSELF && (edges & EDGE_MUTING) != 0))
        return false;
    return audience_has(post, s->viewer, edges);
}

bool post_may_see(const struct post_sight *s) {
    if (s->intranet && s->viewer == 0)
        return false;
    if (!may_see_one(s, s->post, s->author, s->edges) || !place_has(s))
        return false;
    if (s->post->repost_of_id == 0)
        return true;
    return s->inner != NULL && s->inner->audience <= PB__AUDIENCE__AUDIENCE_UNLISTED &&
           may_see_one(s, s->inner, s->inner_author, s->inner_edges);
}

/* ---- Items */

Pb__PostItem *post_item(struct ctx *ctx, const struct post_read *read, const Pb__UserCard *author,
                        const Pb__UserCard *inner_author, const Pb__UserCard *reply_to) {
    Pb__PostItem *item = arena_alloc(ctx->arena, sizeof *item);

    pb__post_item__init(item);
    item->post = (Pb__PostView *)read->post;
    item->author = (Pb__UserCard *)author;
    item->original = (Pb__PostView *)read->inner;
    item->original_author = read->inner != NULL ? (Pb__UserCard *)inner_author : NULL;
    item->reply_to = (Pb__UserCard *)reply_to;
    item->mine = read->mine;
    item->edges = read->inner != NULL ? read->inner_edges : read->edges;
    return item;
}

/* Three cards for each read: author, the original's author, whom the one that is shown answers. */
#define CARDS 3

static enum code cards_of(struct ctx *ctx, const struct post_read *reads, size_t n,
                          const Pb__UserCard ***ret) {
    int64_t *ids = arena_many(ctx->arena, int64_t, CARDS * n);

    *ret = arena_many(ctx->arena, const Pb__UserCard *, CARDS *n);
    for (size_t i = 0; i < n; i++) {
        const Pb__PostView *shown = reads[i].inner != NULL ? reads[i].inner : reads[i].post;

        ids[CARDS * i] = reads[i].row.author;
        ids[CARDS * i + 1] = reads[i].row.inner_author;
        ids[CARDS * i + 2] = shown != NULL ? shown->in_reply_to_author_id : 0;
    }
    return cards_get(ctx, ids, CARDS * n, *ret);
}

static bool sees(struct ctx *ctx, int64_t viewer, enum post_place place, const struct post_read *read,
                 const Pb__UserCard *const *cards, const Pb__Relationship *follow, bool tag_followed) {
    return post_may_see(&(struct post_sight){
        .viewer = viewer,
        .intranet = ctx->env->config->intranet,
        .place = place,
        .post = read->post,
        .inner = read->inner,
        .author = cards[0],
        .inner_author = cards[1],
        .edges = read->edges,
        .inner_edges = read->inner_edges,
        .languages = follow != NULL ? (const char *const *)follow->languages : NULL,
        .n_languages = follow != NULL ? follow->n_languages : 0,
        .tag_followed = tag_followed,
    });
}

/* The follows of a timeline's authors that bring some languages alone, which are few: only their owner
 * knows which. ret[i] is of reads[i], NULL where its language does not matter. */
static enum code choosy_follows(struct ctx *ctx, int64_t viewer, const struct post_read *reads, size_t n,
                                const Pb__Relationship **ret) {
    Pb__GetRelationshipsRequest ask = PB__GET_RELATIONSHIPS_REQUEST__INIT;
    const Pb__GetRelationshipsReply *found;
    size_t *which = arena_many(ctx->arena, size_t, n);
    enum code c;

    ask.viewer_id = viewer;
    ask.target_ids = arena_many(ctx->arena, int64_t, n);
    for (size_t i = 0; i < n; i++)
        if ((reads[i].edges & EDGE_LANGUAGES) != 0 && reads[i].post != NULL &&
            reads[i].post->repost_of_id == 0 && !text_is_empty(reads[i].post->language)) {
            which[ask.n_target_ids] = i;
            ask.target_ids[ask.n_target_ids++] = reads[i].row.author;
        }
    if (ask.n_target_ids == 0)
        return OK;
    if ((c = connection_get_relationships(ctx, &ask, &found)) != OK)
        return c;
    for (size_t k = 0; k < found->n_relationships; k++)
        ret[which[k]] = found->relationships[k];
    return OK;
}

/* Whether a follow may not bring it, and a tag may. */
static bool may_come_by_tag(int64_t viewer, const struct post_read *read) {
    return read->post != NULL && read->post->n_tags > 0 && read->post->author_id != viewer &&
           read->post->repost_of_id == 0 && read->post->audience == PB__AUDIENCE__AUDIENCE_PUBLIC &&
           ((read->edges & EDGE_FOLLOWING) == 0 || (read->edges & (EDGE_LANGUAGES | EDGE_EXCLUSIVE)) != 0);
}

/* Which of a home timeline's candidates have a tag that the viewer follows. Who follows none has no such
 * candidates, and so pays nothing for it. */
static enum code tags_followed(struct ctx *ctx, int64_t viewer, const struct post_read *reads, size_t n,
                               bool *ret) {
    const char **followed = NULL;
    size_t n_followed = 0;
    enum code c;

    for (size_t i = 0; i < n; i++) {
        const Pb__PostView *post = reads[i].post;

        if (!may_come_by_tag(viewer, &reads[i]))
            continue;
        if (followed == NULL && (c = post_store_tags_of(ctx, viewer, &followed, &n_followed)) != OK)
            return c;
        for (size_t k = 0; k < post->n_tags && !ret[i]; k++)
            ret[i] = post_tag_is_among(ctx, post->tags[k], followed, n_followed);
    }
    return OK;
}

/* What only the viewer of a home timeline or a list knows of its candidates. */
static enum code wishes(struct ctx *ctx, int64_t viewer, enum post_place place, const struct post_read *reads,
                        size_t n, const Pb__Relationship **follows, bool *tagged) {
    enum code c = OK;

    if (place == POST_IN_HOME || place == POST_IN_LIST)
        c = choosy_follows(ctx, viewer, reads, n, follows);
    return c == OK && place == POST_IN_HOME ? tags_followed(ctx, viewer, reads, n, tagged) : c;
}

enum code post_items(struct ctx *ctx, int64_t viewer, enum post_place place, const struct post_read *reads,
                     size_t n, Pb__PostItem **ret, size_t *which, size_t *ret_n) {
    const Pb__Relationship **follows = arena_many(ctx->arena, const Pb__Relationship *, n);
    bool *tagged = arena_many(ctx->arena, bool, n);
    const Pb__UserCard **cards;
    enum code c;

    *ret_n = 0;
    if ((c = cards_of(ctx, reads, n, &cards)) != OK ||
        (c = wishes(ctx, viewer, place, reads, n, follows, tagged)) != OK)
        return c;
    for (size_t i = 0; i < n; i++) {
        const Pb__UserCard **mine = cards + CARDS * i;

        if (!sees(ctx, viewer, place, &reads[i], mine, follows[i], tagged[i]))
            continue;
        which[*ret_n] = i;
        ret[(*ret_n)++] = post_item(ctx, &reads[i], mine[0], mine[1], mine[2]);
    }
    return OK;
}

enum code post_items_for(struct ctx *ctx, const int64_t *viewers, const struct post_read *reads, size_t n,
                         Pb__PostItem **ret, size_t *which, size_t *ret_n) {
    const Pb__UserCard **cards;
    enum code c = cards_of(ctx, reads, n, &cards);

    *ret_n = 0;
    for (size_t i = 0; c == OK && i < n; i++) {
        const Pb__UserCard **mine = cards + CARDS * i;

        if (!sees(ctx, viewers[i], POST_BY_ITSELF, &reads[i], mine, NULL, false))
            continue;
        which[*ret_n] = i;
        ret[(*ret_n)++] = post_item(ctx, &reads[i], mine[0], mine[1], mine[2]);
    }
    return c;
}

enum code post_look_up(struct ctx *ctx, int64_t viewer, int64_t id, bool original, struct post_read *ret) {
    const Pb__UserCard **cards;
    enum code c;

    if ((c = post_store_read_one(ctx, viewer, id, ret)) != OK)
        return c;
    if (post_is_gone(ret->post))
        return fail_http(ctx, 410, NOT_FOUND, "This post was deleted.");
    if ((c = cards_of(ctx, ret, 1, &cards)) != OK)
        return c;
    if (!sees(ctx, viewer, POST_BY_ITSELF, ret, cards, NULL, false))
        return fail(ctx, NOT_FOUND, "There is no such post.");
    if (original && ret->inner != NULL)
        *ret = (struct post_read){
            .row = {.cursor = ret->row.inner, .id = ret->row.inner, .author = ret->row.inner_author},
            .post = ret->inner,
            .edges = ret->inner_edges,
            .mine = ret->mine};
    return OK;
}

enum code post_item_of(struct ctx *ctx, const struct post_read *read, Pb__PostItem **ret) {
    const Pb__UserCard **cards;
    enum code c = cards_of(ctx, read, 1, &cards);

    if (c == OK)
        *ret = post_item(ctx, read, cards[0], cards[1], cards[2]);
    return c;
}

/* ---- Pages that show it */

/* Names longer than a dependency may be are told apart by their hash. */
const char *post_tag_dependency(struct ctx *ctx, const char *folded) {
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

    if (strlen(folded) <= 60)
        return arena_printf(ctx->arena, "t%s", folded);
    for (const char *p = folded; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
    return arena_printf(ctx->arena, "t#%016llx", (unsigned long long)hash);
}

void post_purge(struct page_purge *purge, const Pb__PostView *post, const char *const *tags, size_t n_tags) {
    bool open = post->audience <= PB__AUDIENCE__AUDIENCE_UNLISTED;

    page_purge_add(purge, 'p', post->id);
    page_purge_add(purge, 'a', post->author_id);
    if (!open)
        return;
    if (post->in_reply_to_id != 0) {
        page_purge_add(purge, 'p', post->in_reply_to_id);
        page_purge_add(purge, 'h', post->root_id);
    } else if (post->repost_of_id == 0 && post->audience == PB__AUDIENCE__AUDIENCE_PUBLIC) {
        page_purge_add_name(purge, "local");
    }
    for (size_t i = 0; i < n_tags; i++) {
        const char *folded = text_fold(purge->ctx->arena, tags[i]);

        if (folded != NULL)
            page_purge_add_name(purge, post_tag_dependency(purge->ctx, folded));
    }
}
