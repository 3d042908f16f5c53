#include "fcgi/lane.h"

#include "fcgi/base/clock.h"
#include "fcgi/env.h"

#define ARENA_MAX ((size_t)16 << 20)
#define TURN_US 50000 /* then the other timers have theirs */
#define STEP_MS 10

static bool is_any_under_way(const struct lane *lane) {
    for (size_t i = 0; i < FLIGHTS; i++)
        if (lane->flights[i].is_under_way)
            return true;
    return false;
}

size_t lane_busy(const struct lane *lane, int64_t ret_whose[FLIGHTS]) {
    size_t n = 0;

    for (size_t i = 0; i < FLIGHTS; i++)
        if (lane->flights[i].is_under_way && lane->flights[i].whose != 0)
            ret_whose[n++] = lane->flights[i].whose;
    return n;
}

static struct flight *free_flight(struct lane *lane, const struct ctx *ctx) {
    for (size_t i = 0; i < FLIGHTS; i++) {
        struct flight *f = &lane->flights[i];
        struct arena *a = f->ctx.arena;

        if (f->is_under_way)
            continue;
        if (a == NULL)
            a = arena_new(ARENA_MAX); /* outlives the run */
        *f = (struct flight){.ctx = *ctx, .lane = lane, .is_under_way = true};
        f->ctx.arena = a;
        f->ctx.request_id = arena_strdup(a, ctx->request_id);
        f->ctx.error = (struct error){0};
        return f;
    }
    return NULL;
}

void flight_over(struct flight *f) {
    f->is_under_way = false;
    f->lane->looked_us = 0; /* there may be more for the same one */
    env_settle(f->ctx.env); /* nothing may still be read into it */
    arena_reset(f->ctx.arena);
}

/* Begins what is due, as long as there is a free flight. */
static enum code fill(struct lane *lane, struct ctx *ctx, int64_t until_us) {
    struct flight *f;

    if (lane->looked_us != 0 && is_any_under_way(lane) &&
        clock_mono_us() - lane->looked_us < lane->look_ms * INT64_C(1000))
        return OK;
    lane->looked_us = 0;
    while (clock_mono_us() < until_us && (f = free_flight(lane, ctx)) != NULL) {
        bool is_due = false;
        enum code c = lane->take(f, &is_due);

        if (c == OK && is_due)
            continue;
        if (c != OK) /* its words live in memory that goes */
            fail_detail(ctx, c, "Something went wrong on our side.", "%s",
                        f->ctx.error.detail != NULL ? f->ctx.error.detail : code_name(c));
        flight_over(f);
        lane->looked_us = clock_mono_us();
        return c;
    }
    return OK;
}

enum code lane_run(struct lane *lane, struct ctx *ctx, int64_t *ret_wait_ms) {
    int64_t until_us = clock_mono_us() + TURN_US;
    enum code c;

    do {
        c = fill(lane, ctx, until_us);
        lane->step(STEP_MS);
    } while (c == OK && is_any_under_way(lane) && clock_mono_us() < until_us);
    if (c != OK) /* the timer waits now, and what is under way must not */
        lane_finish(lane);
    *ret_wait_ms = is_any_under_way(lane) || lane->looked_us == 0 ? 0 : lane->look_ms;
    return c;
}

void lane_finish(struct lane *lane) {
    while (is_any_under_way(lane))
        lane->step(STEP_MS);
}
