/* The list of the viewer's that an address names first, for pages and programs. */
#ifndef DEEPLINK_CONNECTION_OWN_LIST_H
#define DEEPLINK_CONNECTION_OWN_LIST_H

#include "fcgi/request.h"
#include "handlers/connection/rpcs.h"

/* NOT_FOUND: the address holds no number. */
enum code own_list_id(struct request *req, int64_t *ret);

/* The list, in the request's arena; NOT_FOUND: there is none, or it is another's. */
enum code own_list_read(struct request *req, bool with_members, const Pb__List **ret);

enum code own_list_delete(struct request *req);

#endif
