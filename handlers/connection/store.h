/* Rows and read model of the connection service. Only handlers/connection/ includes this. */
#ifndef DEEPLINK_CONNECTION_STORE_H
#define DEEPLINK_CONNECTION_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deeplink/v1/connection.pb-c.h"
#include "fcgi/ctx.h"
#include "handlers/common/models.h"

struct edge_row {
    int64_t target_id;
    uint32_t edges;
    int64_t until_ms; /* end of a mute; 0: none */
    const char **languages;
    size_t n_languages; /* of a follow; connection_store_relationships() alone tells them */
};

struct list_row {
    int64_t edge_id, user_id, until_ms;
    int64_t in_common; /* suggestions: how many of those one follows follow this member */
};

struct familiar_row {
    int64_t target_id, user_id;
};

struct note_row {
    int64_t target_id;
    const char *text;
};

struct counts_row {
    int64_t user_id;
    struct network_counts counts;
};

/* Changes. *ret_changed says whether anything did; *ret_free is false when a block stands between the two.
 * Events carry the edges given. After each change the caller drops both members' models by
 * connection_store_forget(). */
enum code connection_store_follow(struct ctx *ctx, const Pb__EdgeRequest *req, bool *ret_free,
                                  bool *ret_changed);
enum code connection_store_request(struct ctx *ctx, const Pb__EdgeRequest *req, bool *ret_free,
                                   bool *ret_changed);
enum code connection_store_unfollow(struct ctx *ctx, int64_t actor, int64_t target, bool *ret_changed);
enum code connection_store_accept(struct ctx *ctx, int64_t target, int64_t requester, bool *ret_changed);
enum code connection_store_reject(struct ctx *ctx, int64_t target, int64_t requester, bool *ret_changed);
enum code connection_store_block(struct ctx *ctx, int64_t actor, int64_t target, bool *ret_changed);
enum code connection_store_unblock(struct ctx *ctx, int64_t actor, int64_t target, bool *ret_changed);
enum code connection_store_mute(struct ctx *ctx, int64_t actor, int64_t target, int64_t until_ms);
enum code connection_store_unmute(struct ctx *ctx, int64_t actor, int64_t target, bool *ret_changed);
enum code connection_store_import(struct ctx *ctx, const int64_t *followers, const int64_t *followees,
                                  size_t n, int64_t *ret_added);

/* Up to `limit` edges that are left of a member, both ways. kind: f follow, r request, b block, m mute. */
struct erased_edge {
    char kind;
    int64_t from, to;
};
enum code connection_store_erase_edges(struct ctx *ctx, int64_t user, unsigned limit,
                                       struct erased_edge **ret, size_t *ret_n);
/* Then: counts, lists and notes that were theirs alone. */
enum code connection_store_erase_rest(struct ctx *ctx, int64_t user);
/* Asks for another batch by an event. */
enum code connection_store_erase_on(struct ctx *ctx, int64_t user);

/* Edges between viewer and targets; rows only where there are any. */
enum code connection_store_relationships(struct ctx *ctx, int64_t viewer, const int64_t *targets, size_t n,
                                         struct edge_row **ret_rows, size_t *ret_n);
/* The edges of n pairs, in order. */
enum code connection_store_pairs(struct ctx *ctx, const int64_t *viewers, const int64_t *targets, size_t n,
                                 uint32_t *ret);
/* Sends what these will ask, see pg_ahead(). */
void connection_store_pairs_ahead(struct ctx *ctx, const int64_t *viewers, const int64_t *targets, size_t n);
void connection_store_counts_ahead(struct ctx *ctx, const int64_t *users, size_t n);
enum code connection_store_counts(struct ctx *ctx, const int64_t *users, size_t n,
                                  struct counts_row **ret_rows, size_t *ret_n);
/* One member's, as Redis keeps it under conn:counts:<id>: "<followers> <following> <requests>". */
enum code connection_store_counts_one(struct ctx *ctx, int64_t user, struct counts_row *ret);
enum code connection_store_follows_how_many(struct ctx *ctx, int64_t user, int64_t *ret_n);

enum connection_list { LIST_FOLLOWERS, LIST_FOLLOWING, LIST_REQUESTS, LIST_BLOCKS, LIST_MUTES, LIST_OF_LIST };
/* Of a user, or of the list of that id. The edges between two edge ids, neither of them included (0: no
 * bound), the newest first; or, with `up`, the oldest first. */
struct list_bounds {
    int64_t before, after;
    bool up;
    unsigned limit;
};
enum code connection_store_list(struct ctx *ctx, enum connection_list list, int64_t user,
                                struct list_bounds bounds, struct list_row **ret_rows, size_t *ret_n);
enum code connection_store_suggest(struct ctx *ctx, int64_t viewer, unsigned limit,
                                   struct list_row **ret_rows, size_t *ret_n);

/* ---- Lists that members keep (store_lists.c) */

#define LISTS_MAX 100        /* of one member */
#define LIST_MEMBERS_MAX 500 /* on one list */

/* Those of an owner, the oldest first; with a member, those that it is on (0: all). */
enum code connection_store_lists(struct ctx *ctx, int64_t owner, int64_t member, Pb__List ***ret,
                                 size_t *ret_n);
/* NOT_FOUND: it is not this owner's. */
enum code connection_store_own_list(struct ctx *ctx, int64_t owner, int64_t id, Pb__List *ret);
/* Makes or changes one. *ret_done false: there are as many as may be, or it is not the actor's. */
enum code connection_store_list_save(struct ctx *ctx, const Pb__SaveListRequest *req, Pb__List *ret,
                                     bool *ret_done);
/* *ret_done false: it is not this owner's; also of what follows. */
enum code connection_store_list_delete(struct ctx *ctx, int64_t owner, int64_t id, bool *ret_done);
/* Nothing is added unless all are followed, nobody is there already and there is room. */
struct list_addition {
    bool are_followed, are_there, has_room;
};
enum code connection_store_list_add(struct ctx *ctx, const Pb__ListMembersRequest *req,
                                    struct list_addition *ret, bool *ret_done);
enum code connection_store_list_remove(struct ctx *ctx, const Pb__ListMembersRequest *req, bool *ret_done);
/* Everybody who is on a list, who came last first. */
enum code connection_store_list_ids(struct ctx *ctx, int64_t id, int64_t **ret, size_t *ret_n);
enum code connection_store_memberships(struct ctx *ctx, const int64_t *members, size_t n,
                                       Pb__Membership ***ret, size_t *ret_n);

/* ---- Notes (store_notes.c) */

enum code connection_store_dismiss(struct ctx *ctx, int64_t viewer, int64_t dismissed);
/* Followers of the targets whom the viewer follows, at most `most` of each; rows of a target stand together.
 */
enum code connection_store_familiar(struct ctx *ctx, int64_t viewer, const int64_t *targets, size_t n,
                                    unsigned most, struct familiar_row **ret_rows, size_t *ret_n);

/* A member's own notes about others; "" takes one away. */
enum code connection_store_notes(struct ctx *ctx, int64_t viewer, const int64_t *targets, size_t n,
                                 struct note_row **ret_rows, size_t *ret_n);
enum code connection_store_note_set(struct ctx *ctx, int64_t viewer, int64_t target, const char *text);

/* Member ids in ascending order above `after`. */
enum code connection_store_follower_ids(struct ctx *ctx, int64_t user, int64_t after, unsigned limit,
                                        int64_t **ret, size_t *ret_n);
enum code connection_store_followee_ids(struct ctx *ctx, int64_t user, int64_t after, unsigned limit,
                                        int64_t **ret, size_t *ret_n);
/* The lowest ids of the followers of each, at most `limit`. */
enum code connection_store_followers_of(struct ctx *ctx, const int64_t *users, size_t n, unsigned limit,
                                        Pb__Followers ***ret, size_t *ret_n);
/* The same of those who want to be told of each new post, and whose follow brings the language of each one's
 * post; "" is in all. */
enum code connection_store_notified_of(struct ctx *ctx, const int64_t *users, const char *const *languages,
                                       size_t n, unsigned limit, Pb__Followers ***ret, size_t *ret_n);
/* Follows of some that do not bring all of their posts. */
enum code connection_store_narrow_follows(struct ctx *ctx, const int64_t *users, size_t n,
                                          Pb__NarrowFollow ***ret, size_t *ret_n);
enum code connection_store_severed_among(struct ctx *ctx, int64_t user, const int64_t *ids, size_t n,
                                         int64_t **ret, size_t *ret_n);
enum code connection_store_followers_among(struct ctx *ctx, int64_t user, const int64_t *ids, size_t n,
                                           int64_t **ret, size_t *ret_n);

/* The read model conn:rel:<viewer>. build() makes it where it is missing, never from what a change has
 * overtaken: it leaves a token before it reads, forget() takes the token away, and only who still finds its
 * token may write. Failures are not the caller's: they are logged. */
void connection_store_build(struct ctx *ctx, int64_t viewer);
void connection_store_forget(struct ctx *ctx, const int64_t *viewers, size_t n);

#endif
