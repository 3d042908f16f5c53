/* Endpoints that answer with members: looking one up, lists of them. */
#ifndef DEEPLINK_COMMON_API_MEMBERS_H
#define DEEPLINK_COMMON_API_MEMBERS_H

#include "deeplink/v1/user.pb-c.h"
#include "fcgi/request.h"
#include "fcgi/shape.h"

/* What no member has here: the list is always empty. */
extern const struct shape api_nothing_shape; /* "Nothing" */

/* The card behind {id} in the address, whatever its state; NOT_FOUND when there is none. */
enum code api_member_card(struct request *req, const Pb__UserCard **ret);

/* The same for who is to be shown: HTTP 410 for a suspended or deleted member, NOT_FOUND for one who blocks
 * the viewer. */
enum code api_member_shown(struct request *req, const Pb__UserCard **ret);

/* Takes out, in place, who is gone, suspended or severed from the viewer. */
enum code api_members_visible(struct ctx *ctx, int64_t *ids, size_t *n);

/* Answers with the accounts of these ids as a list, in order, without those that are gone. */
enum code api_reply_members(struct request *req, const int64_t *ids, size_t n);

/* The same as a list that is ready, for SHAPE_RAWS; in the arena. */
enum code api_members_ready(struct ctx *ctx, const int64_t *ids, size_t n, struct shape_json *ret);

/* The ids of cards, in the arena. */
int64_t *api_card_ids(struct ctx *ctx, Pb__UserCard *const *cards, size_t n);

#endif
