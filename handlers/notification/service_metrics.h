/* What leaves the site, in numbers, for /metrics. */
#ifndef DEEPLINK_NOTIFICATION_SERVICE_METRICS_H
#define DEEPLINK_NOTIFICATION_SERVICE_METRICS_H

#include "fcgi/base/buf.h"
#include "fcgi/ctx.h"

void notification_metrics(struct ctx *ctx, struct buf *out);

#endif
