/* Telling members of something, each once, and taking it back. */
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/rpc.h"
#include "gen/queries.h"
#include "handlers/notification/kinds.h"
#include "handlers/notification/store.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_NOTIFICATION]; }

/* The columns of several rows, as arrays. */
struct columns {
    int64_t *ids, *users, *kinds, *actors, *objects, *posts, *states, *events;
    const char **group_keys, **details, **bodies;
    size_t n;
};

static struct columns columns_new(struct ctx *ctx, size_t n) {
    return (struct columns){.ids = arena_many(ctx->arena, int64_t, n),
                            .users = arena_many(ctx->arena, int64_t, n),
                            .kinds = arena_many(ctx->arena, int64_t, n),
                            .actors = arena_many(ctx->arena, int64_t, n),
                            .objects = arena_many(ctx->arena, int64_t, n),
                            .posts = arena_many(ctx->arena, int64_t, n),
                            .states = arena_many(ctx->arena, int64_t, n),
                            .events = arena_many(ctx->arena, int64_t, n),
                            .group_keys = arena_many(ctx->arena, const char *, n),
                            .details = arena_many(ctx->arena, const char *, n),
                            .bodies = arena_many(ctx->arena, const char *, n)};
}

static const char *body_of(struct ctx *ctx, const struct told *t, const char *group_key) {
    Pb__NotificationCreated e = PB__NOTIFICATION_CREATED__INIT;
    const unsigned char *p;
    size_t n;

    e.id = t->id;
    e.recipient_id = t->user;
    e.kind = notification_kind(t->kind)->name;
    e.actor_id = t->actor;
    e.post_id = t->post;
    e.group_key = group_key;
    e.created_ms = id_time_ms(t->id);
    rpc_pack(ctx, &e.base, &p, &n);
    return text_hex(ctx->arena, p, n);
}

static void add_row(struct columns *c, const struct told *t) {
    c->ids[c->n] = t->id;
    c->users[c->n] = t->user;
    c->kinds[c->n] = t->kind;
    c->actors[c->n] = t->actor;
    c->objects[c->n] = t->object;
    c->posts[c->n] = t->post;
    c->states[c->n] = t->state;
    c->events[c->n] = t->event;
    c->n++;
}

static void add_words(struct ctx *ctx, struct columns *c, const struct told *t) {
    c->group_keys[c->n] = notification_group_key(ctx, t->kind, t->id, t->post, id_time_ms(t->id));
    c->details[c->n] = t->detail != NULL ? t->detail : "";
    c->bodies[c->n] = body_of(ctx, t, c->group_keys[c->n]);
}

/* Kinds of which something is so: those that are renewed. */
static struct pg_val renewed_kinds(struct ctx *ctx) {
    int64_t *kinds = arena_many(ctx->arena, int64_t, KIND_END);
    size_t n = 0;

    for (int k = 1; k < KIND_END; k++)
        if (notification_kind(k)->renewed)
            kinds[n++] = k;
    return pg_ids(kinds, n);
}

void whose_add(struct ctx *ctx, struct whose *to, const int64_t *users, size_t n) {
    if (to->n + n > to->room) {
        int64_t *more = arena_many(ctx->arena, int64_t, 2 * (to->n + n));

        if (to->n > 0)
            memcpy(more, to->users, to->n * sizeof *more);
        to->users = more;
        to->room = 2 * (to->n + n);
    }
    for (size_t i = 0; i < n; i++)
        to->users[to->n++] = users[i];
}

/* Ends a change: drops the counts of whom the rows are about. */
static enum code changed(struct ctx *ctx, enum code c, const PGresult *rows, struct whose *whose) {
    size_t n = c == OK ? (size_t)PQntuples(rows) : 0;
    int64_t *users = arena_many(ctx->arena, int64_t, n);

    for (size_t i = 0; i < n; i++)
        users[i] = pg_get_int(rows, (int)i, 0);
    notification_store_forget(ctx, users, n);
    whose_add(ctx, whose, users, n);
    return c;
}

static void mark_made(struct told *const *told, size_t n, const PGresult *rows) {
    for (int r = 0; r < PQntuples(rows); r++)
        for (size_t i = 0; i < n; i++) {
            bool is_fresh = pg_get_bool(rows, r, 5);

            if (is_fresh
                    ? told[i]->id != pg_get_int(rows, r, 0)
                    : told[i]->user != pg_get_int(rows, r, 1) || told[i]->kind != pg_get_int(rows, r, 2) ||
                          told[i]->actor != pg_get_int(rows, r, 3) ||
                          told[i]->object != pg_get_int(rows, r, 4))
                continue;
            told[i]->id = pg_get_int(rows, r, 0);
            told[i]->is_made = true;
            told[i]->is_fresh = is_fresh;
        }
}

enum code notification_store_make(struct ctx *ctx, struct told *const *told, size_t n) {
    struct columns c = columns_new(ctx, n);
    PGresult *rows;
    enum code code;

    for (size_t i = 0; i < n; i++) {
        if (told[i]->is_off || told[i]->is_dropped)
            continue;
        told[i]->id = id_next();
        add_words(ctx, &c, told[i]);
        add_row(&c, told[i]);
    }
    if (c.n == 0)
        return OK;
    code = pg_run(ctx, db(ctx), &Q_NOTIFICATION_MAKE, &rows, pg_ids(c.ids, c.n), pg_ids(c.users, c.n),
                  pg_ids(c.kinds, c.n), pg_ids(c.actors, c.n), pg_ids(c.objects, c.n), pg_ids(c.posts, c.n),
                  pg_texts(c.group_keys, c.n), pg_ids(c.states, c.n), pg_ids(c.events, c.n),
                  pg_texts(c.details, c.n), pg_texts(c.bodies, c.n), renewed_kinds(ctx));
    if (code != OK)
        return code;
    mark_made(told, n, rows);
    if (PQntuples(rows) > 0)
        bus_wake(ctx, db(ctx));
    /* All of them, for the sake of those whose counts a killed worker left. */
    notification_store_forget(ctx, c.users, c.n);
    return OK;
}

enum code notification_store_undo(struct ctx *ctx, struct told *const *told, size_t n) {
    static const int64_t always[] = {KIND_FOLLOW_REQUEST};
    struct columns c = columns_new(ctx, n);
    PGresult *rows;
    enum code code;

    for (size_t i = 0; i < n; i++)
        if (told[i]->is_off)
            add_row(&c, told[i]);
    if (c.n == 0)
        return OK;
    code = pg_run(ctx, db(ctx), &Q_NOTIFICATION_UNDO, &rows, pg_ids(c.users, c.n), pg_ids(c.kinds, c.n),
                  pg_ids(c.actors, c.n), pg_ids(c.objects, c.n), pg_ids(c.events, c.n), pg_ids(always, 1));
    if (code == OK)
        notification_store_forget(ctx, c.users, c.n);
    return code;
}

enum code notification_store_post_gone(struct ctx *ctx, const int64_t *posts, size_t n, struct whose *whose) {
    PGresult *rows = NULL;
    enum code c;

    if (n == 0)
        return OK;
    c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_POST_GONE, &rows, pg_ids(posts, n), pg_i4(KIND_MODERATION));
    return changed(ctx, c, rows, whose);
}

enum code notification_store_sever(struct ctx *ctx, const int64_t *users, const int64_t *actors,
                                   const int64_t *events, size_t n, struct whose *whose) {
    PGresult *rows;
    enum code c;

    if (n == 0)
        return OK;
    c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_SEVER, &rows, pg_ids(users, n), pg_ids(actors, n),
               pg_ids(events, n));
    if (c != OK)
        return c;
    notification_store_forget(ctx, users, n);
    return changed(ctx, c, rows, whose);
}

enum code notification_store_hide(struct ctx *ctx, int64_t actor, bool hidden, struct whose *whose) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_HIDE, &rows, pg_i8(actor), pg_bool(hidden));

    return changed(ctx, c, rows, whose);
}

enum code notification_store_sweep(struct ctx *ctx, int64_t before_id, unsigned limit, int64_t *ret_n) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_SWEEP, &rows, pg_i8(before_id), pg_i8(limit));

    if (c == OK)
        *ret_n = pg_get_int(rows, 0, 0);
    return c;
}
