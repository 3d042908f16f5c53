/* How far the consumers of a process are, in memory and in the database. */
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/drivers/bus_run.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/log.h"
#include "gen/queries.h"

#define SAVE_US INT64_C(5000000) /* between two notes of how far an idle consumer is */
#define TOUCH_US INT64_C(3600000000)

int bus_place_cmp(struct place a, struct place b) {
    if (a.xid != b.xid)
        return a.xid < b.xid ? -1 : 1;
    return a.id < b.id ? -1 : a.id > b.id;
}

void bus_log_failure(struct ctx *ctx, const struct runner *r, const char *what) {
    if (ctx->error.code != UNAVAILABLE) /* the driver says so once */
        log_error(ctx, what, "consumer=%s code=%s detail=%s", r->def->name, code_name(ctx->error.code),
                  ctx->error.detail != NULL ? ctx->error.detail : "");
}

static void noted(struct runner *r, bool is_noted) {
    if (!is_noted) {
        log_warn(NULL, "a consumer was moved by somebody else", "consumer=%s", r->def->name);
        r->mine = false;
        return;
    }
    r->saved = r->at;
    r->saved_us = clock_mono_us();
}

/* Notes in the database how far consumers are, all at once. */
static bool save(struct bus *b, struct ctx *ctx, struct runner *const *runners, size_t n) {
    const char **names = arena_many(ctx->arena, const char *, n);
    int64_t *numbers = arena_many(ctx->arena, int64_t, 4 * n);
    PGresult *rows;
    size_t k = 0;
    if (n == 0)
        return true;
    for (size_t i = 0; i < n; i++) {
        names[i] = runners[i]->def->name;
        numbers[i] = runners[i]->saved.xid;
        numbers[n + i] = runners[i]->saved.id;
        numbers[2 * n + i] = runners[i]->at.xid;
        numbers[3 * n + i] = runners[i]->at.id;
    }
    if (pg_run(ctx, b->db, &Q_EVENTS_ADVANCE, &rows, pg_texts(names, n), pg_ids(numbers, n),
               pg_ids(numbers + n, n), pg_ids(numbers + 2 * n, n), pg_ids(numbers + 3 * n, n)) != OK) {
        bus_log_failure(ctx, runners[0], "consumers' positions were not noted");
        return false;
    }
    for (; k < (size_t)PQntuples(rows); k++)
        names[k] = pg_get_str(rows, (int)k, 0);
    for (size_t i = 0; i < n; i++) {
        bool is_noted = false;
        for (size_t j = 0; j < k; j++)
            is_noted = is_noted || strcmp(runners[i]->def->name, names[j]) == 0;
        noted(runners[i], is_noted);
    }
    return k == n;
}

/* All that have got on in this round; and now and then those that have nothing to do, for the removal of old
 * events. */
void bus_save_all(struct bus *b, struct ctx *ctx) {
    struct runner **some = arena_many(ctx->arena, struct runner *, b->n);
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct runner *r = &b->runners[i];
        int64_t since = clock_mono_us() - r->saved_us;
        bool moved = bus_place_cmp(r->at, r->saved) != 0;
        if (r->mine && ((moved && (r->worked || since > SAVE_US)) || since > TOUCH_US))
            some[n++] = r;
    }
    save(b, ctx, some, n);
    b->noted_us = clock_mono_us();
}

/* The consumer has handled everything up to there; noted at the end of the round. */
bool bus_move(struct runner *r, struct place to) {
    r->at = to;
    r->worked = true;
    r->tries = 0;
    r->down_ms = 0;
    return true;
}

/* The same, noted now. */
bool bus_advance(struct bus *b, struct ctx *ctx, struct runner *r, struct place to) {
    bus_move(r, to);
    r->careful -= r->careful > 0;
    return save(b, ctx, &r, 1);
}
