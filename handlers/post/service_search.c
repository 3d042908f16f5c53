/* Searching posts: the database proposes by words, the rules dispose. */
#include <string.h>

#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "handlers/common/edge.h"
#include "handlers/common/limit.h"
#include "handlers/post/rules.h"

#define CHUNK 100     /* proposals read at once */
#define ROUNDS_MAX 10 /* after so many chunks the search ends: a word that everybody uses finds enough */
#define SEARCH_MAX 40
#define OFFSET_MAX 1000

/* Besides what may be seen at all: nothing by those muted, nor by others who do not want to be found. */
static bool may_be_found(const Pb__PostItem *item, int64_t viewer) {
    bool own = viewer != 0 && item->post->author_id == viewer;

    return (item->edges & EDGE_MUTING) == 0 && (own || item->author == NULL || !item->author->noindex);
}

/* Judges one chunk and adds what is found, after leaving out *skip of them. */
static enum code add_found(struct ctx *ctx, int64_t viewer, int64_t *ids, size_t n, size_t limit,
                           size_t *skip, Pb__PostsReply *reply) {
    Pb__GetPostsRequest ask = PB__GET_POSTS_REQUEST__INIT;
    Pb__PostsReply seen = PB__POSTS_REPLY__INIT;
    enum code c;

    ask.viewer_id = viewer;
    ask.ids = ids;
    ask.n_ids = n;
    ask.with_muted = true; /* programs alone search */
    if ((c = post_service_get_posts(ctx, &ask, &seen)) != OK)
        return c;
    for (size_t i = 0; i < seen.n_items && reply->n_items < limit; i++) {
        if (!may_be_found(seen.items[i], viewer))
            continue;
        if (*skip > 0)
            (*skip)--;
        else
            reply->items[reply->n_items++] = seen.items[i];
    }
    return OK;
}

enum code post_service_search_posts(struct ctx *ctx, const Pb__SearchPostsRequest *req,
                                    Pb__PostsReply *reply) {
    struct post_search search = {.words = req->query,
                                 .below = req->max_id,
                                 .above = req->min_id,
                                 .author = req->author_id,
                                 .limit = CHUNK};
    size_t limit = limit_of(req->limit, 20, SEARCH_MAX), skip = req->offset, n = CHUNK;
    int64_t *ids;
    enum code c = OK;

    if (text_is_empty(req->query) || req->offset > OFFSET_MAX)
        return OK;
    reply->items = arena_many(ctx->arena, Pb__PostItem *, limit);
    for (int i = 0; i < ROUNDS_MAX && n == CHUNK && reply->n_items < limit && c == OK; i++) {
        if ((c = post_store_search(ctx, &search, &ids, &n)) != OK || n == 0)
            break;
        search.below = ids[n - 1];
        c = add_found(ctx, req->viewer_id, ids, n, limit, &skip, reply);
    }
    return c;
}
