#include "handlers/user/store_links.h"

#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/user/store_sql.h"

enum code user_store_links_sync(struct ctx *ctx, const int64_t *ids, size_t n) {
    return n == 0 ? OK : pg_run(ctx, user_store_db(ctx), &Q_USER_LINKS_SYNC, NULL, pg_ids(ids, n));
}

enum code user_store_link_take(struct ctx *ctx, int64_t lease, struct link_job **ret) {
    PGresult *r;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_LINK_TAKE, &r, pg_i8(lease));

    *ret = NULL;
    if (c != OK || PQntuples(r) == 0)
        return c;
    *ret = arena_one(ctx->arena, struct link_job);
    **ret = (struct link_job){.user = pg_get_int(r, 0, 0),
                              .lease = lease,
                              .url = pg_get_str(r, 0, 1),
                              .handle = pg_get_str(r, 0, 3),
                              .attempts = (int)pg_get_int(r, 0, 2)};
    return OK;
}

enum code user_store_link_checked(struct ctx *ctx, const struct link_job *job, bool back, int64_t again_ms,
                                  bool *ret_news) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, user_store_db(ctx), &Q_USER_LINK_CHECKED, &r, pg_i8(job->user),
                         pg_text(job->url), pg_i8(job->lease), pg_bool(back), pg_time(again_ms));

    *ret_news = false;
    return user_store_changed(ctx, c, r, ret_news);
}

enum code user_store_link_later(struct ctx *ctx, const struct link_job *job, int64_t again_ms) {
    return pg_run(ctx, user_store_db(ctx), &Q_USER_LINK_LATER, NULL, pg_i8(job->user), pg_text(job->url),
                  pg_i8(job->lease), pg_time(again_ms));
}
