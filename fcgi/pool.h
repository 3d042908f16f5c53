/* Prefork pool: start, watch, restart with backoff, drain on SIGTERM, reload on SIGHUP. */
#ifndef DEEPLINK_POOL_H
#define DEEPLINK_POOL_H

#include <stdbool.h>

struct config;
struct app;

/* What a child does: returns its exit status. */
typedef int pool_child(int slot, void *arg);

#define POOL_MAX 256 /* children at most */
#define POOL_EXIT_REFUSED \
    78 /* EX_CONFIG: a child's exit status that says "starting me again will not help" */

/* Keeps n children of `run` alive until SIGTERM or SIGINT; then asks them to stop, waits up to grace_s
 * seconds, kills. A child that ends is started again: at once when it lived long, else after a delay that
 * doubles from 100 ms to 10 s. SIGHUP: calls reload(arg), then replaces the children one by one. A child busy
 * with one request for longer than timeout_ms (pool_busy) is killed. Returns the exit status for main. A
 * child that ends with POOL_EXIT_REFUSED before any child ever was ready stops the whole pool with that
 * status; later it only ends the replacing, so that a reload with a mistake leaves the old children at work.
 */
int pool_run(int n, int grace_s, int timeout_ms, pool_child *run, void (*reload)(void *arg), void *arg);

/* In a child: whether it has been asked to stop. */
bool pool_stopping(void);
/* In a child: a request begins or ends, for the watchdog. The first call also says that the child is ready.
 */
void pool_busy(bool busy);

/* In a child: takes one of `most` places (one at least) among the pool's children for those that wait within
 * a request for something slow; false: all are taken. The place is free again with pool_busy(false), or when
 * the child is gone. Outside of a pool there is room. */
bool pool_may_wait(int most);

/* In a child that is about to end with POOL_EXIT_REFUSED: the reason, shown by the master. */
void pool_refuse(const char *words);

/* How the children stand, from any process of the pool; all 0 outside of one. */
struct pool_counts {
    int idle, busy, starting, stopping;
    unsigned long restarts;
};
struct pool_counts pool_count(void);

#endif
