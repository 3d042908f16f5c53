/* Kinds of rpcs that one endpoint serves several of. */
#ifndef DEEPLINK_CONNECTION_RPCS_H
#define DEEPLINK_CONNECTION_RPCS_H

#include "deeplink/v1/connection.pb-c.h"
#include "fcgi/ctx.h"

typedef enum code edges_rpc(struct ctx *ctx, const Pb__ListEdgesRequest *req,
                            const Pb__EdgesPage **ret_reply);
typedef enum code list_members_rpc(struct ctx *ctx, const Pb__ListMembersRequest *req,
                                   const Pb__Empty **ret_reply);

#endif
