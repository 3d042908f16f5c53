/* What the connection service's JSON endpoints share. */
#ifndef DEEPLINK_CONNECTION_API_SHARED_H
#define DEEPLINK_CONNECTION_API_SHARED_H

#include "fcgi/request.h"
#include "handlers/connection/rpcs.h"

/* Answers with the page that the request asks for of what `ask` names: those whom the viewer may see. Empty
 * where its member keeps it private. */
enum code connection_api_page(struct request *req, edges_rpc *rpc, Pb__ListEdgesRequest ask);

#endif
