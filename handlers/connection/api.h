/* The connection service's JSON endpoints, one function each; addresses stand in routes_api.c. */
#ifndef DEEPLINK_CONNECTION_API_H
#define DEEPLINK_CONNECTION_API_H

#include "fcgi/request.h"
#include "fcgi/shape.h"

/* What stands between the viewer and a member. */
struct api_relationship {
    int64_t id;
    bool following, followed_by, blocking, blocked_by, muting, requested, requested_by;
    bool no; /* what does not exist here */
    int64_t mute_until_ms;
    const char *note;
    bool showing_reposts, notifying;
    struct shape_list languages; /* items NULL: all */
};
extern const struct shape api_relationship_shape; /* "Relationship" */
extern const struct shape api_muted_shape;        /* "MutedAccount" */
extern const struct shape api_familiar_shape;     /* "FamiliarFollowers" */
extern const struct shape api_suggestion_shape;   /* "Suggestion" */

/* Changes and relationships (api.c). */
enum code connection_api_relationships(struct request *req);
enum code connection_api_follow(struct request *req);
enum code connection_api_unfollow(struct request *req);
enum code connection_api_remove_follower(struct request *req);
enum code connection_api_block(struct request *req);
enum code connection_api_unblock(struct request *req);
enum code connection_api_mute(struct request *req);
enum code connection_api_unmute(struct request *req);
enum code connection_api_note(struct request *req);
enum code connection_api_authorize(struct request *req);
enum code connection_api_reject(struct request *req);

/* Lists of members by what stands between them (api_lists.c). */
enum code connection_api_followers(struct request *req);
enum code connection_api_following(struct request *req);
enum code connection_api_requests(struct request *req);
enum code connection_api_blocks(struct request *req);
enum code connection_api_mutes(struct request *req);
enum code connection_api_none(struct request *req);
enum code connection_api_familiar(struct request *req);
enum code connection_api_suggestions(struct request *req);
enum code connection_api_suggestions_v1(struct request *req);
enum code connection_api_dismiss(struct request *req);

/* Lists that members keep (api_own_lists.c). */
extern const struct shape api_list_shape; /* "List" */
enum code connection_api_own_lists(struct request *req);
enum code connection_api_lists_with(struct request *req);
enum code connection_api_list(struct request *req);
enum code connection_api_list_create(struct request *req);
enum code connection_api_list_change(struct request *req);
enum code connection_api_list_delete(struct request *req);
enum code connection_api_list_accounts(struct request *req);
enum code connection_api_list_add(struct request *req);
enum code connection_api_list_remove(struct request *req);

#endif
