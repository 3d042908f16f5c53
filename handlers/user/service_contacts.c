/* What the notification service asks before it writes to somebody: where to, and whether who asked for it is
 * still let in. */
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/user/store.h"

#define CONTACTS_MAX 1000

enum code user_service_get_contacts(struct ctx *ctx, const Pb__ContactsRequest *req,
                                    Pb__ContactsReply *reply) {
    if (req->n_ids > CONTACTS_MAX)
        return fail(ctx, OUT_OF_RANGE, tr_mark("Too many at once."));
    return user_store_contacts(ctx, req->ids, req->n_ids, reply);
}

/* Those of `asked` that are sessions of the member now. */
static size_t sessions_alive(const struct stored_session *now, size_t n, const Pb__LiveAccess *asked,
                             int64_t *ret) {
    size_t k = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < asked->n_session_ids; j++)
            if (now[i].session->id == asked->session_ids[j])
                ret[k++] = now[i].session->id;
    return k;
}

enum code user_service_filter_access(struct ctx *ctx, const Pb__LiveAccess *req, Pb__LiveAccess *reply) {
    struct stored_session *now;
    size_t n;
    enum code c = OK;

    reply->user_id = req->user_id;
    if (req->n_token_ids > 0)
        c = user_store_tokens_alive(ctx, req->user_id, req->token_ids, req->n_token_ids, &reply->token_ids,
                                    &reply->n_token_ids);
    if (c != OK || req->n_session_ids == 0)
        return c;
    if ((c = user_store_sessions(ctx, req->user_id, &now, &n)) != OK)
        return c;
    reply->session_ids = arena_many(ctx->arena, int64_t, n * req->n_session_ids);
    reply->n_session_ids = sessions_alive(now, n, req, reply->session_ids);
    return OK;
}
