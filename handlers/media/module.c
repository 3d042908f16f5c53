/* The media service put together: its rules, routes, queries and consumers, for handlers/app.c. */
#include "deeplink/v1/media.pb-c.h"
#include "fcgi/router.h"
#include "gen/queries.h"
#include "gen/stubs.h"
#include "handlers/media/routes.h"
#include "handlers/media/service.h"
#include "handlers/media/store.h"
#include "handlers/media/worker.h"
#include "handlers/media/worker_blobs.h"

const struct service media_service = {
    .name = "media",
    .descriptor = &pb__media__descriptor,
    .table = &media_table,
    .marks = media_marks,
    .routes = media_routes,
    .api_routes = media_api_routes,
    .own_routes = media_own_routes,
    .queries = queries_media,
    .collections = media_collections,
    .consumers = media_consumers,
    .timers = media_timers,
    .start = media_store_start,
};
