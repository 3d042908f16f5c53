/* Lists that members keep of those they follow. */
#include "deeplink/v1/connection.pb-c.h"
#include "fcgi/base/id.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/i18n.h"
#include "gen/queries.h"
#include "handlers/connection/store.h"
#include "handlers/services.h"

#define MEMBERSHIPS_MAX 50000

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_CONNECTION]; }

static void list_read(const PGresult *rows, int i, Pb__List *ret) {
    ret->id = pg_get_int(rows, i, 0);
    ret->title = pg_get_str(rows, i, 1);
    ret->replies = (Pb__RepliesPolicy)pg_get_int(rows, i, 2);
    ret->exclusive = pg_get_bool(rows, i, 3);
    ret->n_members = (uint32_t)pg_get_int(rows, i, 4);
}

enum code connection_store_lists(struct ctx *ctx, int64_t owner, int64_t member, Pb__List ***ret,
                                 size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = member != 0
                      ? pg_run(ctx, db(ctx), &Q_CONNECTION_LISTS_WITH, &rows, pg_i8(owner), pg_i8(member))
                      : pg_run(ctx, db(ctx), &Q_CONNECTION_LISTS, &rows, pg_i8(owner));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, Pb__List *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++) {
        (*ret)[i] = arena_one(ctx->arena, Pb__List);
        pb__list__init((*ret)[i]);
        list_read(rows, (int)i, (*ret)[i]);
    }
    return OK;
}

/* Reads the only row that there may be. */
static enum code list_found(enum code c, const PGresult *rows, Pb__List *ret, bool *ret_done) {
    if (c != OK)
        return c;
    *ret_done = PQntuples(rows) > 0;
    if (*ret_done)
        list_read(rows, 0, ret);
    return OK;
}

enum code connection_store_own_list(struct ctx *ctx, int64_t owner, int64_t id, Pb__List *ret) {
    PGresult *rows = NULL;
    bool found = false;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_OWN_LIST, &rows, pg_i8(owner), pg_i8(id));

    c = list_found(c, rows, ret, &found);
    return c != OK || found ? c : fail(ctx, NOT_FOUND, tr_mark("There is no such list."));
}

/* Ends every change: wakes the consumers. */
static enum code changed(struct ctx *ctx, enum code c, const PGresult *rows, bool *ret_done) {
    if (c != OK)
        return c;
    *ret_done = PQntuples(rows) > 0;
    if (*ret_done)
        bus_wake(ctx, db(ctx));
    return OK;
}

static struct pg_val exclusive_of(const Pb__SaveListRequest *req) {
    return req->exclusive == PB__WISH__WISH_UNSAID ? pg_null()
                                                   : pg_bool(req->exclusive == PB__WISH__WISH_YES);
}

static enum code create(struct ctx *ctx, const Pb__SaveListRequest *req, PGresult **ret) {
    bool unsaid = req->replies == PB__REPLIES_POLICY__REPLIES_UNSAID;

    return pg_run(ctx, db(ctx), &Q_CONNECTION_LIST_CREATE, ret, pg_i8(req->actor_id), pg_i8(id_next()),
                  pg_text(req->title), pg_i4(unsaid ? PB__REPLIES_POLICY__REPLIES_LIST : (int)req->replies),
                  pg_bool(req->exclusive == PB__WISH__WISH_YES), pg_i8(LISTS_MAX));
}

static enum code change(struct ctx *ctx, const Pb__SaveListRequest *req, PGresult **ret) {
    bool unsaid = req->replies == PB__REPLIES_POLICY__REPLIES_UNSAID;

    return pg_run(ctx, db(ctx), &Q_CONNECTION_LIST_CHANGE, ret, pg_i8(req->actor_id), pg_i8(req->list_id),
                  req->set_title ? pg_text(req->title) : pg_null(),
                  unsaid ? pg_null() : pg_i4((int)req->replies), exclusive_of(req));
}

enum code connection_store_list_save(struct ctx *ctx, const Pb__SaveListRequest *req, Pb__List *ret,
                                     bool *ret_done) {
    PGresult *rows = NULL;
    enum code c = req->list_id == 0 ? create(ctx, req, &rows) : change(ctx, req, &rows);

    c = changed(ctx, c, rows, ret_done);
    return list_found(c, rows, ret, ret_done);
}

enum code connection_store_list_delete(struct ctx *ctx, int64_t owner, int64_t id, bool *ret_done) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_LIST_DELETE, &rows, pg_i8(owner), pg_i8(id));

    return changed(ctx, c, rows, ret_done);
}

enum code connection_store_list_add(struct ctx *ctx, const Pb__ListMembersRequest *req,
                                    struct list_addition *ret, bool *ret_done) {
    int64_t *ids = arena_many(ctx->arena, int64_t, req->n_member_ids);
    PGresult *rows = NULL;
    enum code c;

    for (size_t i = 0; i < req->n_member_ids; i++)
        ids[i] = id_next();
    c = pg_run(ctx, db(ctx), &Q_CONNECTION_LIST_ADD, &rows, pg_i8(req->actor_id), pg_i8(req->list_id),
               pg_ids(req->member_ids, req->n_member_ids), pg_ids(ids, req->n_member_ids),
               pg_i8(LIST_MEMBERS_MAX));
    if ((c = changed(ctx, c, rows, ret_done)) == OK && *ret_done)
        *ret =
            (struct list_addition){pg_get_bool(rows, 0, 0), pg_get_bool(rows, 0, 1), pg_get_bool(rows, 0, 2)};
    return c;
}

enum code connection_store_list_remove(struct ctx *ctx, const Pb__ListMembersRequest *req, bool *ret_done) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_LIST_REMOVE, &rows, pg_i8(req->actor_id),
                         pg_i8(req->list_id), pg_ids(req->member_ids, req->n_member_ids));

    return changed(ctx, c, rows, ret_done);
}

enum code connection_store_list_ids(struct ctx *ctx, int64_t id, int64_t **ret, size_t *ret_n) {
    struct list_row *rows;
    enum code c = connection_store_list(ctx, LIST_OF_LIST, id,
                                        (struct list_bounds){.limit = LIST_MEMBERS_MAX}, &rows, ret_n);

    if (c != OK)
        return c;
    *ret = arena_many(ctx->arena, int64_t, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = rows[i].user_id;
    return OK;
}

enum code connection_store_memberships(struct ctx *ctx, const int64_t *members, size_t n,
                                       Pb__Membership ***ret, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c =
        pg_run(ctx, db(ctx), &Q_CONNECTION_MEMBERSHIPS, &rows, pg_ids(members, n), pg_i8(MEMBERSHIPS_MAX));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, Pb__Membership *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++) {
        Pb__Membership *m = (*ret)[i] = arena_one(ctx->arena, Pb__Membership);

        pb__membership__init(m);
        m->member_id = pg_get_int(rows, (int)i, 0);
        m->list_id = pg_get_int(rows, (int)i, 1);
        m->owner_id = pg_get_int(rows, (int)i, 2);
        m->exclusive = pg_get_bool(rows, (int)i, 3);
    }
    return OK;
}
