/* Reading the outbox, in the order of commits. */
#include <stdint.h>

#include "fcgi/drivers/bus_run.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"

/* Reads events between two places, up to the head: the last transaction before which nothing runs any more.
 */
static bool read_events(struct bus *b, struct ctx *ctx, const struct news *news, const char *const *topics,
                        size_t n_topics, size_t limit, struct batch *ret, struct place *ret_head) {
    PGresult *rows;
    if (pg_run(ctx, b->db, &Q_EVENTS_READ, &rows, pg_i8(news->from.xid), pg_i8(news->from.id),
               pg_i8(news->end.xid), pg_i8(news->end.id),
               topics != NULL ? pg_texts(topics, n_topics) : pg_null(), pg_i8((int64_t)limit)) != OK) {
        bus_log_failure(ctx, b->runners[0], "events cannot be read");
        return false;
    }
    *ret_head = (struct place){pg_get_int(rows, 0, 0) - 1, INT64_MAX, -1};
    ret->n = pg_is_null(rows, 0, 1) ? 0 : (size_t)PQntuples(rows);
    ret->events = arena_many(ctx->arena, struct event, ret->n);
    ret->places = arena_many(ctx->arena, struct place, ret->n);
    for (size_t i = 0; i < ret->n; i++) {
        ret->events[i] = bus_event_at(rows, (int)i, 2);
        ret->places[i] = (struct place){pg_get_int(rows, (int)i, 1), ret->events[i].id, -1};
    }
    return true;
}

bool bus_read_news(struct bus *b, struct ctx *ctx, struct place from, struct place to,
                   const char *const *topics, size_t n_topics, size_t limit, struct news *ret) {
    struct place head;
    *ret = (struct news){.from = from, .end = to};
    if (!read_events(b, ctx, ret, topics, n_topics, limit, &ret->all, &head))
        return false;
    ret->more = ret->all.n == limit;
    if (ret->more)
        ret->end = ret->all.places[limit - 1];
    else if (bus_place_cmp(head, to) < 0)
        ret->end = bus_place_cmp(head, from) > 0 ? head : from;
    return true;
}
