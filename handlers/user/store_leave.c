/* Leaving: accounts that are being deleted, and their erasure. */
#include "fcgi/base/id.h"
#include "gen/queries.h"
#include "handlers/user/store_sql.h"

enum code user_store_delete_ask(struct ctx *ctx, const struct leaving *l, struct body state,
                                struct body security, bool *ret_ok) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_DELETE_ASK, &r, pg_i8(l->id), pg_time(l->erase_ms),
                         pg_i8(l->auth_version), pg_i8(id_next()), pg_text(l->mail_detail),
                         user_store_bytes(state), user_store_bytes(security));

    return user_store_changed(ctx, c, r, ret_ok);
}

enum code user_store_delete_now(struct ctx *ctx, int64_t id) {
    return pg_run(ctx, user_store_db(ctx), &Q_USER_DELETE_NOW, NULL, pg_i8(id));
}

enum code user_store_delete_cancel(struct ctx *ctx, const unsigned char hash[32], struct body security,
                                   int64_t *ret_id, const char **ret_handle) {
    PGresult *r = NULL;
    bool ok;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_DELETE_CANCEL, &r, pg_bytes(hash, 32),
                         user_store_bytes(security));

    if ((c = user_store_changed(ctx, c, r, &ok)) != OK)
        return c;
    *ret_id = ok ? pg_get_int(r, 0, 0) : 0;
    *ret_handle = ok ? pg_get_str(r, 0, 1) : "";
    return OK;
}

/* Both say how many were told. */
static enum code told(struct ctx *ctx, const struct query *query, size_t *ret_n) {
    PGresult *r = NULL;
    bool ok;
    enum code c = pg_run(ctx, user_store_db(ctx), query, &r);

    if ((c = user_store_changed(ctx, c, r, &ok)) == OK)
        *ret_n = (size_t)PQntuples(r);
    return c;
}

enum code user_store_erase_begin(struct ctx *ctx, size_t *ret_n) {
    return told(ctx, &Q_USER_ERASE_BEGIN, ret_n);
}

enum code user_store_erase_again(struct ctx *ctx, size_t *ret_n) {
    return told(ctx, &Q_USER_ERASE_AGAIN, ret_n);
}

enum code user_store_erase(struct ctx *ctx, int64_t id, bool *ret_ok) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_ERASE, &r, pg_i8(id));

    return user_store_changed(ctx, c, r, ret_ok);
}

enum code user_store_erasure(struct ctx *ctx, int64_t user_id, int64_t *ret_id) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_ERASURE, &r, pg_i8(user_id));

    if (c == OK)
        *ret_id = PQntuples(r) > 0 ? pg_get_int(r, 0, 0) : 0;
    return c;
}

enum code user_store_erasure_done(struct ctx *ctx, int64_t user_id, const char *service,
                                  const char *const *all, size_t n_all, struct body proof) {
    PGresult *r = NULL;
    bool ok;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_ERASURE_DONE, &r, pg_i8(user_id), pg_text(service),
                         pg_texts(all, n_all), user_store_bytes(proof));

    return user_store_changed(ctx, c, r, &ok);
}
