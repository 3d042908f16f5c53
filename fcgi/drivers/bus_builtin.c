/* The built-in bus: consumers read the outbox themselves. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/drivers/bus_run.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"

#define LONG_US INT64_C(50000) /* a round that takes longer notes how far consumers are in between */
/* Those who are late are handed events at most so often, when there is nothing to do for the others; so much
 * later whatever there is. */
#define LATE_US INT64_C(50000)
#define LATE_MORE_US INT64_C(200000)

/* Consumers that take events together: those that somebody waits for, or those that are late. */
struct group {
    struct runner **runners;
    size_t n;
};

struct builtin {
    struct runner *runners; /* those of both groups, one behind the other */
    struct group soon, late;
    int64_t late_us; /* when the latter are next */
};

/* ---- New events, read once for all consumers that are equally far */

/* Where those are that are farthest. Whoever is not there yet reads alone until it is. */
static struct place front_of(struct group g) {
    struct place front = {0, 0, -1};
    for (size_t i = 0; i < g.n; i++)
        if (g.runners[i]->ready && bus_place_cmp(g.runners[i]->at, front) > 0)
            front = g.runners[i]->at;
    return front;
}

static size_t topics_of(struct group g, const char **ret) {
    size_t n = 0;
    for (size_t i = 0; i < g.n; i++)
        for (size_t k = 0; k < g.runners[i]->n_topics; k++) {
            const char *topic = g.runners[i]->def->topics[k];
            bool is_new = true;
            for (size_t j = 0; j < n; j++)
                is_new = is_new && strcmp(ret[j], topic) != 0;
            if (is_new)
                ret[n++] = topic;
        }
    return n;
}

static struct batch share_of(struct bus *b, const struct runner *r, const struct batch *all) {
    struct batch mine = {.events = arena_many(b->arena, struct event, all->n),
                         .places = arena_many(b->arena, struct place, all->n)};
    for (size_t i = 0; i < all->n; i++)
        if (bus_wants(r, all->events[i].topic)) {
            mine.events[mine.n] = all->events[i];
            mine.places[mine.n++] = all->places[i];
        }
    return mine;
}

/* Delivers the consumer's share of what was read, batch by batch. Returns whether it has got to the end. */
static bool take_news(struct bus *b, struct ctx *ctx, struct runner *r, const struct news *news) {
    struct batch mine = share_of(b, r, &news->all);
    size_t limit = bus_batch_of(r);
    if (mine.n == 0)
        r->at = news->end;
    for (size_t at = 0; at < mine.n; at += limit) {
        bool last = mine.n - at <= limit;
        struct batch some = {mine.events + at, mine.places + at, last ? mine.n - at : limit};
        if (b->stop() || !bus_deliver(b, ctx, r, &some, last ? news->end : some.places[limit - 1]))
            return false;
        if (clock_mono_us() - b->noted_us > LONG_US)
            bus_save_all(b, ctx);
    }
    return true;
}

/* Whoever is behind the others, or handles its events one by one, reads its own, no farther than they do: so
 * it comes into step with them. Returns whether more may be waiting right now. */
static bool take_alone(struct bus *b, struct ctx *ctx, struct runner *r, struct place to) {
    struct news news;
    size_t limit = r->careful > 0 ? 1 : BUS_TOGETHER;
    if (bus_place_cmp(r->at, to) >= 0 ||
        !bus_read_news(b, ctx, r->at, to, r->def->topics, r->n_topics, limit, &news))
        return false;
    return take_news(b, ctx, r, &news) && news.more;
}

/* New events for all of the group that are ready. Returns whether more may be waiting right now. */
static bool take_new(struct bus *b, struct ctx *ctx, struct group g) {
    const struct place any = {INT64_MAX, INT64_MAX, -1}, front = front_of(g);
    const char **topics;
    struct news news;
    size_t n_topics = 0;
    bool more = false;
    for (size_t i = 0; i < g.n; i++)
        n_topics += g.runners[i]->n_topics;
    topics = arena_many(b->arena, const char *, n_topics);
    n_topics = topics_of(g, topics);
    if (!bus_read_news(b, ctx, front, any, topics, n_topics, BUS_TOGETHER, &news))
        return false;
    for (size_t i = 0; i < g.n && !b->stop(); i++) {
        struct runner *r = g.runners[i];
        fail_clear(ctx);
        if (r->ready && (r->careful > 0 || bus_place_cmp(r->at, front) < 0))
            more |= take_alone(b, ctx, r, news.end);
        else if (r->ready)
            more |= take_news(b, ctx, r, &news) && news.more;
    }
    return more;
}

/* Whether the consumer takes new events now. Those whose time has come again are handled here. */
static bool is_ready(struct bus *b, struct ctx *ctx, struct runner *r) {
    fail_clear(ctx);
    if (!bus_take(b, ctx, r) || bus_rests(r))
        return false;
    bus_deliver_due(b, ctx, r);
    return !bus_rests(r);
}

/* Hands the group what there is. Returns whether more may be waiting right now. */
static bool hand_out(struct bus *b, struct ctx *ctx, struct group g) {
    bool any = false;
    for (size_t i = 0; i < g.n; i++) {
        struct runner *r = g.runners[i];
        r->ready = !b->stop() && is_ready(b, ctx, r);
        any |= r->ready;
    }
    return any && take_new(b, ctx, g);
}

/* The others' next batch does not wait for what these were handed. */
static bool hand_out_late(struct bus *b, struct ctx *ctx) {
    struct builtin *self = b->self;
    size_t n_handed = b->n_handed;
    bool more = hand_out(b, ctx, self->late);
    b->n_handed = n_handed;
    self->late_us = more ? 0 : clock_mono_us() + LATE_US;
    return more;
}

static bool any_worked(const struct bus *b) {
    bool any = false;
    for (size_t i = 0; i < b->n; i++)
        any |= b->runners[i]->worked;
    return any;
}

static bool round_of(struct bus *b, struct ctx *ctx, bool *ret_worked) {
    struct builtin *self = b->self;
    int64_t began_us = clock_mono_us();
    bool more;
    for (size_t i = 0; i < b->n; i++)
        b->runners[i]->worked = false;
    b->noted_us = began_us;
    more = hand_out(b, ctx, self->soon);
    if (began_us >= self->late_us + (any_worked(b) ? LATE_MORE_US : 0))
        more |= hand_out_late(b, ctx);
    *ret_worked = any_worked(b);
    fail_clear(ctx);
    bus_save_all(b, ctx);
    return more;
}

static bool open_all(struct bus *b) {
    struct builtin *self = calloc(1, sizeof(*self));
    size_t n_soon = 0;
    b->self = self;
    b->runners = calloc(b->n_consumers, sizeof(struct runner *));
    if (self == NULL || b->runners == NULL)
        return false;
    self->runners = calloc(b->n_consumers, sizeof(*self->runners));
    if (self->runners == NULL)
        return false;
    for (; b->n < b->n_consumers; b->n++) {
        bus_runner_init(&self->runners[b->n], b->consumers[b->n], b->consumers[b->n]->name);
        b->runners[b->n] = &self->runners[b->n];
        n_soon += !b->consumers[b->n]->late;
    }
    self->soon = (struct group){b->runners, n_soon};
    self->late = (struct group){b->runners + n_soon, b->n - n_soon};
    return true;
}

static void close_all(struct bus *b, struct ctx *ctx) {
    struct builtin *self = b->self;
    for (size_t i = 0; i < b->n; i++)
        bus_release(b, ctx, b->runners[i]);
    free(self->runners);
    free(self);
    free(b->runners);
}

static enum code ping(struct ctx *ctx, struct buf *words) {
    (void)ctx;
    buf_puts(words, "built in: `deeplink work` reads the outbox");
    return OK;
}

static enum code rewind_to(struct ctx *ctx, struct pg *db, const struct consumer *c, struct place to,
                           const struct bus_from *from, int64_t *ret_n) {
    PGresult *rows;
    if (from->has_offset)
        return fail_field(ctx, "offset",
                          "The built-in bus has no partitions: say --event, --time or --start.");
    enum code code = pg_run(ctx, db, &Q_EVENTS_REWIND, &rows, pg_text(c->name), pg_i8(to.xid), pg_i8(to.id));
    if (code == OK)
        *ret_n = PQntuples(rows);
    return code;
}

const struct bus_engine bus_builtin = {
    .scheme = "builtin",
    .open = open_all,
    .round = round_of,
    .close = close_all,
    .lag = &Q_EVENTS_LAG,
    .ping = ping,
    .rewind = rewind_to,
};
