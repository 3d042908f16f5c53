/* How members want to be told. */
#include <string.h>

#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/notification/store_deliver.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_NOTIFICATION]; }

static const char *const kind_names[PREFS_KINDS] = {
    [PREFS_MENTION] = "mention",
    [PREFS_COMMENT] = "comment",
    [PREFS_LIKE] = "like",
    [PREFS_REPOST] = "repost",
    [PREFS_FOLLOW] = "follow",
    [PREFS_FOLLOW_REQUEST] = "follow_request",
    [PREFS_FOLLOW_ACCEPTED] = "follow_accepted",
    [PREFS_EDIT] = "edit",
    [PREFS_SIGN_IN] = "sign_in",
    [PREFS_MODERATION] = "moderation",
    [PREFS_POST] = "post",
};

int prefs_kind_of(const char *name) {
    for (int i = 0; i < PREFS_KINDS; i++)
        if (strcmp(kind_names[i], name) == 0)
            return i;
    return -1;
}

const char *prefs_kind_name(int kind) { return kind_names[kind]; }

/* Kinds that the row names and this program does not know are another version's. */
static void read_ways(struct ctx *ctx, const PGresult *rows, int row, struct prefs *ret) {
    const char **kinds;
    int64_t *ways;
    size_t n = pg_get_texts(ctx, rows, row, 2, &kinds), m = pg_get_ids(ctx, rows, row, 3, &ways);

    for (size_t i = 0; i < n && i < m; i++) {
        int kind = prefs_kind_of(kinds[i]);

        if (kind >= 0)
            ret->ways[kind] = (unsigned)ways[i];
    }
}

static void read_row(struct ctx *ctx, const PGresult *rows, int row, struct prefs *ret) {
    ret->version = pg_get_int(rows, row, 1);
    read_ways(ctx, rows, row, ret);
    ret->quiet = pg_get_bool(rows, row, 4);
    ret->quiet_from = (int)pg_get_int(rows, row, 5);
    ret->quiet_to = (int)pg_get_int(rows, row, 6);
    ret->zone = pg_get_str(rows, row, 7);
    ret->hour_cap = (int)pg_get_int(rows, row, 8);
    ret->day_cap = (int)pg_get_int(rows, row, 9);
    ret->digest_hour = (int)pg_get_int(rows, row, 10);
    ret->zone_s = (int)pg_get_int(rows, row, 11);
}

enum code notification_store_prefs_queue(struct ctx *ctx, const int64_t *users, size_t n) {
    return pg_queue_read(ctx, db(ctx), &Q_NOTIFICATION_PREFERENCES, pg_ids(users, n));
}

void notification_store_send(struct ctx *ctx) { pg_send_queued(db(ctx)); }

enum code notification_store_prefs_fetch(struct ctx *ctx, const int64_t *users, size_t n, struct prefs *ret) {
    PGresult *rows;
    enum code c = pg_fetch(ctx, db(ctx), &rows);

    if (c != OK)
        return c;
    for (int row = 0; row < PQntuples(rows); row++)
        for (size_t i = 0; i < n; i++)
            if (users[i] == pg_get_int(rows, row, 0))
                read_row(ctx, rows, row, &ret[i]);
    return OK;
}

enum code notification_store_prefs_set(struct ctx *ctx, const struct prefs *p, int64_t if_version,
                                       bool *ret_ok) {
    int64_t ways[PREFS_KINDS];
    PGresult *rows;
    enum code c;

    for (int i = 0; i < PREFS_KINDS; i++)
        ways[i] = p->ways[i];
    c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_PREFERENCES_SET, &rows, pg_i8(p->user_id), pg_i8(if_version),
               pg_texts(kind_names, PREFS_KINDS), pg_ids(ways, PREFS_KINDS), pg_bool(p->quiet),
               pg_i4(p->quiet_from), pg_i4(p->quiet_to), pg_text(p->zone), pg_i4(p->hour_cap),
               pg_i4(p->day_cap), pg_i4(p->digest_hour));
    if (c == OK)
        *ret_ok = PQntuples(rows) > 0;
    return c;
}

enum code notification_store_zone(struct ctx *ctx, const char *zone, bool *ret_ok) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_ZONE, &rows, pg_text(zone));

    if (c == OK)
        *ret_ok = pg_get_bool(rows, 0, 0);
    return c;
}
