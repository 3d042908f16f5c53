/* Prometheus metrics (text format 0.0.4), in memory shared by all processes of a pool, made before the fork.
 */
#ifndef DEEPLINK_METRICS_H
#define DEEPLINK_METRICS_H

#include <stdint.h>

#include "fcgi/base/buf.h"

/* Ids are given out at start, before the fork; the same name and labels give the same id. labels:
 * "status=\"2xx\"" or "". At most 512. */
enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
void metrics_init(void); /* maps the shared memory; call once in the master */
int metrics_register(enum metric_kind kind, const char *name, const char *labels, const char *help);
void metrics_add(int id, uint64_t n);     /* counter */
void metrics_set(int id, int64_t v);      /* gauge */
void metrics_observe(int id, int64_t us); /* histogram of durations, 100 µs .. 10 s, shown in seconds */
void metrics_write(struct buf *out);

#endif
