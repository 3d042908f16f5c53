/* The notification service put together: its rules, routes, queries and consumers, for handlers/app.c. */
#include "deeplink/v1/notification.pb-c.h"
#include "fcgi/router.h"
#include "gen/queries.h"
#include "gen/stubs.h"
#include "handlers/notification/routes.h"
#include "handlers/notification/service.h"
#include "handlers/notification/service_metrics.h"
#include "handlers/notification/worker.h"
#include "handlers/notification/worker_deliver.h"

const struct service notification_service = {
    .name = "notification",
    .descriptor = &pb__notification__descriptor,
    .table = &notification_table,
    .marks = notification_marks,
    .routes = notification_routes,
    .api_routes = notification_api_routes,
    .own_routes = notification_own_routes,
    .queries = queries_notification,
    .consumers = notification_consumers,
    .timers = notification_timers,
    .metrics = notification_metrics,
};
