/* The post service put together: its rules, routes, queries and consumers, for handlers/app.c. */
#include "deeplink/v1/post.pb-c.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/router.h"
#include "gen/queries.h"
#include "gen/stubs.h"
#include "handlers/post/routes.h"
#include "handlers/post/service.h"
#include "handlers/post/store.h"
#include "handlers/post/worker.h"

const struct service post_service = {
    .name = "post",
    .descriptor = &pb__post__descriptor,
    .table = &post_table,
    .marks = post_marks,
    .doors = post_doors,
    .routes = post_routes,
    .own_routes = post_own_routes,
    .api_routes = post_api_routes,
    .queries = queries_post,
    .collections = NULL,
    .consumers = post_consumers,
    .timers = post_timers,
    .start = post_store_start,
};
