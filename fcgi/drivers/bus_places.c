/* Which consumers this process runs, and how far each is, in memory and in the database. */
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/drivers/bus_run.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/log.h"
#include "gen/queries.h"

#define LOCK_US INT64_C(1000000) /* between two tries to become a consumer */
#define SAVE_US INT64_C(5000000) /* between two notes of how far an idle consumer is */
#define TOUCH_US INT64_C(3600000000)

bool bus_wants(const struct runner *r, const char *topic) {
    for (size_t i = 0; i < r->n_topics; i++)
        if (strcmp(r->def->topics[i], topic) == 0)
            return true;
    return false;
}

int bus_place_cmp(struct place a, struct place b) {
    if (a.xid != b.xid)
        return a.xid < b.xid ? -1 : 1;
    return a.id < b.id ? -1 : a.id > b.id;
}

/* What differs has to be noted. */
static bool is_moved(const struct runner *r) {
    return bus_place_cmp(r->at, r->saved) != 0 || r->at.offset != r->saved.offset;
}

void bus_log_failure(struct ctx *ctx, const struct runner *r, const char *what) {
    if (ctx->error.code != UNAVAILABLE) /* the driver says so once */
        log_error(ctx, what, "consumer=%s code=%s detail=%s", r->def->name, code_name(ctx->error.code),
                  ctx->error.detail != NULL ? ctx->error.detail : "");
}

static void noted(struct runner *r, bool is_noted) {
    if (!is_noted) {
        log_warn(NULL, "a consumer was moved by somebody else", "consumer=%s", r->name);
        r->mine = false;
        return;
    }
    r->saved = r->at;
    r->saved_us = clock_mono_us();
}

/* Notes in the database how far consumers are, all at once. */
static bool save(struct bus *b, struct ctx *ctx, struct runner *const *runners, size_t n) {
    const char **names = arena_many(ctx->arena, const char *, n);
    int64_t *numbers = arena_many(ctx->arena, int64_t, 6 * n);
    PGresult *rows;
    size_t k = 0;
    if (n == 0)
        return true;
    if (!bus_same_session(b, ctx))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct place *from = &runners[i]->saved, *to = &runners[i]->at;
        names[i] = runners[i]->name;
        numbers[i] = from->xid;
        numbers[n + i] = from->id;
        numbers[2 * n + i] = from->offset;
        numbers[3 * n + i] = to->xid;
        numbers[4 * n + i] = to->id;
        numbers[5 * n + i] = to->offset;
    }
    if (pg_run(ctx, b->db, &Q_EVENTS_ADVANCE, &rows, pg_texts(names, n), pg_ids(numbers, n),
               pg_ids(numbers + n, n), pg_ids(numbers + 2 * n, n), pg_ids(numbers + 3 * n, n),
               pg_ids(numbers + 4 * n, n), pg_ids(numbers + 5 * n, n)) != OK) {
        bus_log_failure(ctx, runners[0], "consumers' positions were not noted");
        return false;
    }
    for (; k < (size_t)PQntuples(rows); k++)
        names[k] = pg_get_str(rows, (int)k, 0);
    for (size_t i = 0; i < n; i++) {
        bool is_noted = false;
        for (size_t j = 0; j < k; j++)
            is_noted = is_noted || strcmp(runners[i]->name, names[j]) == 0;
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
        struct runner *r = b->runners[i];
        int64_t since = clock_mono_us() - r->saved_us;
        bool moved = is_moved(r);
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

/* ---- Becoming the one who runs a consumer, and ceasing to be */

void bus_runner_init(struct runner *r, const struct consumer *def, const char *name) {
    *r = (struct runner){.def = def, .name = name};
    while (def->topics != NULL && def->topics[r->n_topics] != NULL)
        r->n_topics++;
}

bool bus_lock(struct bus *b, struct ctx *ctx, struct runner *r) {
    PGresult *row;
    int64_t now = clock_mono_us();
    if (r->locked || now < r->lock_us)
        return r->locked;
    r->lock_us = now + LOCK_US;
    r->locked = pg_run(ctx, b->db, &Q_EVENTS_LOCK, &row, pg_text(r->name)) == OK && pg_get_bool(row, 0, 0);
    return r->locked;
}

static enum code start(struct bus *b, struct ctx *ctx, struct runner *r, PGresult **ret_row) {
    if (r->topic == NULL)
        return pg_run(ctx, b->db, &Q_EVENTS_START, ret_row, pg_text(r->name));
    return pg_run(ctx, b->db, &Q_EVENTS_START_PARTITION, ret_row, pg_text(r->name), pg_text(r->def->name),
                  pg_text(r->topic), pg_i4(r->partition));
}

bool bus_take(struct bus *b, struct ctx *ctx, struct runner *r) {
    PGresult *row;
    if (r->mine)
        return true;
    if (!bus_lock(b, ctx, r) || start(b, ctx, r, &row) != OK)
        return false;
    r->at = r->saved = (struct place){pg_get_int(row, 0, 0), pg_get_int(row, 0, 1), pg_get_int(row, 0, 2)};
    r->tries = (int)pg_get_int(row, 0, 4);
    r->careful = pg_get_int(row, 0, 3) > 1 || r->tries > 0 ? BUS_TOGETHER : 0;
    r->saved_us = clock_mono_us();
    r->rest_us = 0;
    r->mine = true;
    log_write(r->topic == NULL ? LOG_INFO : LOG_DEBUG, ctx, "consumer started",
              "consumer=%s xid=%lld id=%lld", r->name, (long long)r->at.xid, (long long)r->at.id);
    return true;
}

/* What comes to an end in good order: its place is noted, and the next start is no suspicious one. */
void bus_release(struct bus *b, struct ctx *ctx, struct runner *r) {
    if (r->mine && is_moved(r))
        bus_advance(b, ctx, r, r->at);
    if (r->mine)
        pg_run(ctx, b->db, &Q_EVENTS_STOPPED, NULL, pg_text(r->name));
    if (r->locked)
        pg_run(ctx, b->db, &Q_EVENTS_UNLOCK, NULL, pg_text(r->name));
    r->mine = r->locked = false;
    r->lock_us = 0;
}
