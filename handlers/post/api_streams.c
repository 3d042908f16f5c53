/* Streams begin here: who asks is checked, and goes on to the hub with a ticket (handlers/common/streams.h).
 */
#include <string.h>
#include <strings.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "fcgi/router.h"
#include "gen/stubs.h"
#include "handlers/common/bearer.h"
#include "handlers/common/streams.h"
#include "handlers/post/api.h"

/* What the client saw last, by the header that a browser sends when it comes back, or said by a script. */
static const char *last_of(const struct request *req) {
    const char *header = request_header(req, "Last-Event-ID");

    return !text_is_empty(header) ? header : field_text(req, "last_event_id");
}

/* Cookies go with whatever any page opens a WebSocket to: only a token opens these. */
static enum code open_by_token(struct request *req, enum stream_face face, const char *stream) {
    const char *tag = field_text(req, "tag"), *list = field_text(req, "list");
    struct stream_wish wish = {.face = face, .stream = stream, .last = last_of(req)};

    if (req->ctx.token_id == 0)
        return bearer_refuse(req);
    if (field_bool(req, "only_media") && text_starts(stream, "public"))
        wish.stream = arena_printf(req->ctx.arena, "%s:media", stream);
    wish.parameter = text_starts(stream, "hashtag") ? tag : text_starts(stream, "list") ? list : "";
    return stream_open(req, &wish);
}

enum code post_api_streaming(struct request *req) {
    const char *upgrade = request_header(req, "Upgrade");

    if (upgrade == NULL || strcasecmp(upgrade, "websocket") != 0)
        return fail_http(&req->ctx, 400, INVALID, tr_mark("This address is for WebSockets."));
    return open_by_token(req, STREAM_SOCKET, field_text(req, "stream"));
}

enum code post_api_stream(struct request *req) { return open_by_token(req, STREAM_EVENTS, req->args[0]); }

enum code post_api_stream_of(struct request *req) {
    return open_by_token(req, STREAM_EVENTS,
                         arena_printf(req->ctx.arena, "%s:%s", req->args[0], req->args[1]));
}

/* ---- Our own pages */

/* Of the posts that stand on the page, those that the reader may see. */
static enum code visible(struct request *req, const int64_t **ret, size_t *ret_n) {
    const struct field_value *asked = field_get(req, "posts");
    Pb__GetPostsRequest ask = PB__GET_POSTS_REQUEST__INIT;
    const Pb__PostsReply *reply;
    int64_t *ids;
    enum code c;

    *ret_n = 0;
    if (asked->n_ids == 0)
        return OK;
    ask.viewer_id = req->ctx.viewer_id;
    ask.ids = (int64_t *)(uintptr_t)asked->ids;
    ask.n_ids = asked->n_ids;
    if ((c = post_get_posts(&req->ctx, &ask, &reply)) != OK)
        return c;
    *ret = ids = arena_many(req->ctx.arena, int64_t, reply->n_items);
    for (size_t i = 0; i < reply->n_items; i++)
        if (reply->items[i]->original == NULL)
            ids[(*ret_n)++] = reply->items[i]->post->id;
    return OK;
}

enum code post_page_live(struct request *req) {
    struct stream_wish wish = {.face = STREAM_PAGE, .stream = "", .parameter = "", .last = last_of(req)};
    enum code c = visible(req, &wish.posts, &wish.n_posts);

    return c == OK ? stream_open(req, &wish) : c;
}
