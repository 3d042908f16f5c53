/* A circuit breaker: after failures in a row a service is left alone for a while, so that nobody waits for
 * what does not answer; then one call tries whether it is back. One a service and process. */
#ifndef DEEPLINK_RPC_CIRCUIT_H
#define DEEPLINK_RPC_CIRCUIT_H

#include <stdbool.h>
#include <stdint.h>

#define RPC_CIRCUIT_FAILURES 5               /* in a row: then it opens */
#define RPC_CIRCUIT_MIN_US INT64_C(1000000)  /* how long it stays open first; doubled each time */
#define RPC_CIRCUIT_MAX_US INT64_C(15000000) /* … to this */

/* All zero: closed. */
struct rpc_circuit {
    unsigned failures; /* in a row */
    int64_t open_us;   /* how long it is open; 0: closed */
    int64_t until_us;  /* clock_mono_us() from which on one call may try */
};

/* Whether a call may go now. When it was open for long enough, one may, and the next only after its result,
 * or after the same time again. */
bool rpc_circuit_allows(struct rpc_circuit *c, int64_t now_us);

/* What became of a call that was allowed. Returns +1 when that opened the circuit, -1 when it closed it, else
 * 0. */
int rpc_circuit_note(struct rpc_circuit *c, bool well, int64_t now_us);

/* Whole seconds until the next try, at least 1. */
int rpc_circuit_wait_s(const struct rpc_circuit *c, int64_t now_us);

#endif
