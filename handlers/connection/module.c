/* The connection service put together: its rules, routes, queries and consumers, for handlers/app.c. */
#include "deeplink/v1/connection.pb-c.h"
#include "fcgi/router.h"
#include "gen/queries.h"
#include "gen/stubs.h"
#include "handlers/connection/routes.h"
#include "handlers/connection/service.h"
#include "handlers/connection/worker.h"

const struct service connection_service = {
    .name = "connection",
    .descriptor = &pb__connection__descriptor,
    .table = &connection_table,
    .marks = connection_marks,
    .doors = connection_doors,
    .routes = connection_routes,
    .api_routes = connection_api_routes,
    .queries = queries_connection,
    .consumers = connection_consumers,
};
