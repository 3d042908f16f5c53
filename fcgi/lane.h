/* Other people's servers, asked side by side: a lane has flights, each a piece of work with memory of its own
 * that outlives the timer's run. A slow server takes one of them, and the others go on. */
#ifndef DEEPLINK_LANE_H
#define DEEPLINK_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"

#define FLIGHTS 8

struct lane;

struct flight {
    struct ctx ctx; /* its arena is emptied when the flight is over; NULL: there was none yet */
    struct lane *lane;
    int64_t whose; /* for whom nothing else is to be begun meanwhile; 0: nobody */
    bool is_under_way;
};

struct lane {
    /* Takes what is due, for nobody of lane_busy(), and begins it: the flight ends by flight_over(), now or
     * within step(). *ret_due false: there was nothing. */
    enum code (*take)(struct flight *f, bool *ret_due);
    /* Lets all that is under way go on; waits at most wait_ms for something to happen. */
    void (*step)(int wait_ms);
    int look_ms; /* after there was nothing: when to look again */
    struct flight flights[FLIGHTS];
    int64_t looked_us; /* when there was nothing due; 0: there may be something */
};

/* A timer's turn: begins what is due, and lets what is under way go on. */
enum code lane_run(struct lane *lane, struct ctx *ctx, int64_t *ret_wait_ms);

/* Waits for what is under way: each piece of it has its timeout. */
void lane_finish(struct lane *lane);

/* Those for whom something is under way. */
size_t lane_busy(const struct lane *lane, int64_t ret_whose[FLIGHTS]);

/* The flight has landed, whatever came of it: its memory goes. */
void flight_over(struct flight *f);

#endif
