/* What the parts of the connection service share. */
#ifndef DEEPLINK_CONNECTION_SERVICE_EDGES_H
#define DEEPLINK_CONNECTION_SERVICE_EDGES_H

#include "deeplink/v1/connection.pb-c.h"
#include "handlers/connection/store.h"

/* One page of edges, the newest first, and the bounds of those around it. */
enum code connection_edges_page(struct ctx *ctx, enum connection_list which, const Pb__ListEdgesRequest *req,
                                Pb__EdgesPage *reply);

#endif
