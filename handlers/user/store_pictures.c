#include "handlers/user/store_pictures.h"

#include "gen/queries.h"
#include "handlers/user/store_sql.h"

enum code user_store_pictures(struct ctx *ctx, int64_t id, struct pictures *ret) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_PICTURES, &r, pg_i8(id));

    *ret = (struct pictures){0};
    if (c != OK || PQntuples(r) == 0)
        return c;
    ret->avatar = (struct picture_media){pg_get_int(r, 0, 0), pg_get_int(r, 0, 1)};
    ret->banner = (struct picture_media){pg_get_int(r, 0, 2), pg_get_int(r, 0, 3)};
    return OK;
}

enum code user_store_picture_show(struct ctx *ctx, int64_t id, const struct picture *p, int64_t if_shown,
                                  int64_t if_next, bool *ret_ok) {
    struct pg_val shown = pg_i8_or_null(if_shown), next = pg_i8_or_null(if_next);
    PGresult *r = NULL;
    enum code c = p->is_banner
                      ? pg_run(ctx, user_store_db(ctx), &Q_USER_BANNER_SHOW, &r, pg_i8(id), pg_i8(p->media),
                               pg_text(p->large), pg_text(p->words), shown, next)
                      : pg_run(ctx, user_store_db(ctx), &Q_USER_AVATAR_SHOW, &r, pg_i8(id), pg_i8(p->media),
                               pg_text(p->small), pg_text(p->large), pg_text(p->words), shown, next);

    return user_store_changed(ctx, c, r, ret_ok);
}

enum code user_store_picture_next(struct ctx *ctx, int64_t id, bool is_banner, int64_t media, bool *ret_ok) {
    const struct query *query = is_banner ? &Q_USER_BANNER_NEXT : &Q_USER_AVATAR_NEXT;
    PGresult *r = NULL;
    enum code c = pg_run(ctx, user_store_db(ctx), query, &r, pg_i8(id), pg_i8(media));

    return user_store_changed(ctx, c, r, ret_ok);
}
