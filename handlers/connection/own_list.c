#include "handlers/connection/own_list.h"

#include "fcgi/base/id.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"

enum code own_list_id(struct request *req, int64_t *ret) {
    if (!id_parse(req->args[0], ret))
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such list."));
    return OK;
}

static enum code ask_of(struct request *req, Pb__ListRequest *ret) {
    *ret = (Pb__ListRequest)PB__LIST_REQUEST__INIT;
    ret->viewer_id = req->ctx.viewer_id;
    return own_list_id(req, &ret->list_id);
}

enum code own_list_read(struct request *req, bool with_members, const Pb__List **ret) {
    Pb__ListRequest ask;
    enum code c = ask_of(req, &ask);

    ask.with_members = with_members;
    return c != OK ? c : connection_get_list(&req->ctx, &ask, ret);
}

enum code own_list_delete(struct request *req) {
    Pb__ListRequest ask;
    enum code c = ask_of(req, &ask);

    return c != OK ? c : connection_delete_list(&req->ctx, &ask, NULL);
}
