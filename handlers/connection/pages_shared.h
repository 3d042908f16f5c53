/* What the connection service's pages share. */
#ifndef DEEPLINK_CONNECTION_PAGES_SHARED_H
#define DEEPLINK_CONNECTION_PAGES_SHARED_H

#include "handlers/common/views.h"
#include "handlers/connection/rpcs.h"

/* One page of the edges that `ask` names, as members, and the link to the next. Ends of mutes are carried
 * over. */
enum code connection_page_of(struct request *req, edges_rpc *rpc, Pb__ListEdgesRequest ask,
                             struct member_list *ret);

#endif
