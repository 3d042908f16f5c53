/* Roles: what each may do, who has it. */
#include "gen/queries.h"
#include "handlers/user/store_sql.h"

static Pb__Role *role_of(struct ctx *ctx, const PGresult *r, int row) {
    Pb__Role *role = arena_one(ctx->arena, Pb__Role);

    pb__role__init(role);
    role->name = pg_get_str(r, row, 0);
    role->permissions = (uint64_t)pg_get_int(r, row, 1);
    role->rank = (int32_t)pg_get_int(r, row, 2);
    role->members = PQnfields(r) > 3 ? pg_get_int(r, row, 3) : 0;
    return role;
}

enum code user_store_roles(struct ctx *ctx, bool counted, Pb__Role ***ret, size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), counted ? &Q_USER_ROLES_COUNTED : &Q_USER_ROLES, &r);

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, Pb__Role *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = role_of(ctx, r, (int)i);
    return OK;
}

enum code user_store_set_role(struct ctx *ctx, int64_t id, const char *from, const char *to,
                              struct body security, bool *ret_ok) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_SET_ROLE, &r, pg_i8(id), pg_text(from), pg_text(to),
                         user_store_bytes(security));

    return user_store_changed(ctx, c, r, ret_ok);
}

enum code user_store_role_new(struct ctx *ctx, const Pb__Role *role, int64_t actor, struct body security,
                              bool *ret_ok) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_ROLE_NEW, &r, pg_text(role->name),
                         pg_i8((int64_t)role->permissions), pg_i4(role->rank), pg_i8(actor),
                         user_store_bytes(security));

    return user_store_changed(ctx, c, r, ret_ok);
}

/* Rows of members, the first of which may be nobody. */
static enum code holders_read(struct ctx *ctx, enum code c, const PGresult *r, bool *ret_ok,
                              struct role_holders *ret) {
    if ((c = user_store_changed(ctx, c, r, ret_ok)) != OK)
        return c;
    *ret = (struct role_holders){.ids = arena_many(ctx->arena, int64_t, (size_t)PQntuples(r))};
    for (int i = 0; i < PQntuples(r); i++)
        if (!pg_is_null(r, i, 0))
            ret->ids[ret->n++] = pg_get_int(r, i, 0);
    return OK;
}

enum code user_store_role_set(struct ctx *ctx, const Pb__Role *before, const Pb__Role *role, int64_t actor,
                              struct body security, bool *ret_ok, struct role_holders *ret_holders) {
    PGresult *r = NULL;
    enum code c =
        pg_run(ctx, user_store_db(ctx), &Q_USER_ROLE_SET, &r, pg_text(role->name),
               pg_i8((int64_t)role->permissions), pg_i4(role->rank), pg_i8((int64_t)before->permissions),
               pg_i4(before->rank), pg_i8(actor), user_store_bytes(security));

    return holders_read(ctx, c, r, ret_ok, ret_holders);
}

enum code user_store_role_delete(struct ctx *ctx, const char *name, const char *to, int64_t actor,
                                 struct body security, struct body each, bool *ret_ok,
                                 struct role_holders *ret_holders) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_ROLE_DELETE, &r, pg_text(name), pg_text(to),
                         pg_i8(actor), user_store_bytes(security), user_store_bytes(each));

    return holders_read(ctx, c, r, ret_ok, ret_holders);
}
