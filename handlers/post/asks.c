#include "handlers/post/asks.h"

#include "fcgi/base/id.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"

enum code post_ask_target(struct request *req, int64_t *ret_id) {
    return id_parse(req->args[0], ret_id) ? OK
                                          : fail(&req->ctx, NOT_FOUND, tr_mark("There is no such post."));
}

enum code post_ask_react(struct request *req, const char *kind, bool on, Pb__Audience audience,
                         const Pb__PostItem **ret) {
    Pb__ReactRequest ask = PB__REACT_REQUEST__INIT;
    const Pb__PostReply *reply;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    ask.kind = kind;
    ask.on = on;
    ask.audience = audience;
    if ((c = post_ask_target(req, &ask.id)) != OK || (c = post_react(&req->ctx, &ask, &reply)) != OK)
        return c;
    *ret = reply->item;
    return OK;
}
