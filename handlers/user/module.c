/* The user service put together: its rules, routes, queries, documents and consumers, for handlers/app.c. */
#include "fcgi/router.h"
#include "gen/queries.h"
#include "gen/stubs.h"
#include "handlers/common/page_cache.h"
#include "handlers/user/routes.h"
#include "handlers/user/service.h"
#include "handlers/user/store.h"
#include "handlers/user/worker.h"
#include "handlers/user/worker_links.h"

const struct service user_service = {
    .name = "user",
    .descriptor = &pb__user__descriptor,
    .table = &user_table,
    .marks = user_marks,
    .routes = user_routes,
    .api_routes = user_api_routes,
    .own_routes = user_own_routes,
    .queries = queries_user,
    .collections = user_collections,
    .consumers = user_consumers,
    .timers = user_timers,
    .start = page_cache_start,
};
