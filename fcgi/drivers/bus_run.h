/* Inside the built-in bus: the consumers that a process runs, and how far each is (bus_places.c). */
#ifndef DEEPLINK_DRIVERS_BUS_RUN_H
#define DEEPLINK_DRIVERS_BUS_RUN_H

#include <setjmp.h>

#include "fcgi/drivers/bus.h"

/* A place among the events: the transaction and the number in the outbox. */
struct place {
    int64_t xid, id;
};

/* A consumer as this process runs it. */
struct runner {
    const struct consumer *def;
    size_t n_topics;
    bool mine;      /* this process has its lock */
    bool ready;     /* takes part in this round */
    bool worked;    /* and got on in it */
    size_t careful; /* the last run got nowhere: so many events one at a time, each try noted before */
    int tries;      /* noted tries of the event after `at` */
    struct place at, saved;                     /* handled up to here; noted in the database */
    int64_t saved_us, lock_us, due_us, rest_us; /* when was, or is next; rest: not before */
    int down_ms;
};

struct bus {
    struct env *env;
    struct pg *db;
    unsigned epoch;
    struct arena *arena;   /* of the round */
    struct arena *handler; /* of one call of handle() */
    struct runner *runners;
    size_t n;
    int64_t expire_us;
    int64_t noted_us; /* when all positions were noted, or the round began */
    bool (*stop)(void);
    jmp_buf full; /* the handler's arena was not enough */
};

int bus_place_cmp(struct place a, struct place b);

/* The consumer has handled everything up to there; noted at the end of the round. Always true. */
bool bus_move(struct runner *r, struct place to);

/* The same, noted now. false when it was not: the database is down, or somebody else has moved the consumer.
 */
bool bus_advance(struct bus *b, struct ctx *ctx, struct runner *r, struct place to);

/* Notes where all are that have got on in this round. */
void bus_save_all(struct bus *b, struct ctx *ctx);

void bus_log_failure(struct ctx *ctx, const struct runner *r, const char *what);

#endif
