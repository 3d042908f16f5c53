/* Read models of other services: straight from Redis, the owner's rpc only for what is missing there. */
#ifndef DEEPLINK_COMMON_MODELS_H
#define DEEPLINK_COMMON_MODELS_H

#include <stddef.h>
#include <stdint.h>

#include "deeplink/v1/user.pb-c.h"
#include "fcgi/ctx.h"
#include "handlers/common/marked.h"

/* Cards by id: the worker's cache (while user:epoch has not moved), user:card:<id>, then GetUsers. ret[i] is
 * NULL when there is no such member. The cards live until the request ends. */
enum code cards_get(struct ctx *ctx, const int64_t *ids, size_t n, const Pb__UserCard **ret);
enum code card_get(struct ctx *ctx, int64_t id, const Pb__UserCard **ret); /* NOT_FOUND when there is none */

/* The card behind a handle, whatever its case; NOT_FOUND also for deleted and not yet confirmed accounts. */
enum code card_by_handle(struct ctx *ctx, const char *handle, const Pb__UserCard **ret);

/* Before something of a member is erased: OK only in the operator's own work (no viewer), and when the owner
 * of the card, whatever any cache has, says that the account is deleted. */
enum code card_check_erasing(struct ctx *ctx, int64_t id);
/* The profile behind a handle, whatever its case: the worker's (while user:epoch has not moved), then
 * GetProfile. Its counters are not filled. It lives until the request ends. */
enum code profile_get(struct ctx *ctx, const char *handle, const Pb__Profile **ret);
/* Whose that is, as far as the worker knows: for prefetches. 0: unknown. */
int64_t profile_known_id(const char *handle);

/* Edge bits between the viewer and each id (without the two marked * in edge.h): conn:rel:<viewer>, then
 * GetRelationships. viewer 0: all zero. EDGE_SELF for the viewer itself. Mutes that have ended are not
 * reported. */
enum code edges_get(struct ctx *ctx, int64_t viewer, const int64_t *ids, size_t n, uint32_t *ret);

/* The same in two steps, and with the mark that conn:rel has now (NULL: it is not there), which is another
 * one after every change; viewer is not 0. edges_ahead() for a route's prefetch. */
void edges_ask(struct ctx *ctx, int64_t viewer, const int64_t *ids, size_t n, struct marked_ask *ret);
void edges_ahead(struct ctx *ctx, int64_t viewer, const int64_t *ids, size_t n);
enum code edges_answer(struct ctx *ctx, const struct marked_ask *ask, uint32_t *ret, const char **ret_mark);

/* All edge bits between the viewer and one member: conn:rel of both, else GetRelationships. viewer 0: none.
 */
struct relation {
    uint32_t edges;
    int64_t mute_until_ms; /* 0: no end */
};
enum code relation_get(struct ctx *ctx, int64_t viewer, int64_t id, struct relation *ret);
void relation_ahead(struct ctx *ctx, int64_t viewer, int64_t id);

/* How many follow a member, are followed, and ask to: conn:counts, else GetCounts. */
struct network_counts {
    int64_t followers, following, requests;
};
enum code network_counts_get(struct ctx *ctx, int64_t id, struct network_counts *ret);
void network_counts_ahead(struct ctx *ctx, int64_t id);

/* The read model itself, which the connection service alone writes: its key, its words, and the reading of
 * them (false: they are none). */
const char *network_counts_key(struct ctx *ctx, int64_t id);
const char *network_counts_format(struct ctx *ctx, const struct network_counts *counts);
bool network_counts_parse(const char *text, struct network_counts *ret);

/* For the guard: the value of user:epoch as Redis told it in this request's first round; a change empties the
 * worker's cache. */
void cards_epoch(int64_t epoch);

/* For the user service: publishes a changed card and moves user:epoch, so that every worker sees it from its
 * next request on. A card whose version is older than the one published is not written. */
void card_publish(struct ctx *ctx, const Pb__UserCard *card);

/* For the user service answering a look-up: puts a card back that Redis had lost. Nothing changed, so the
 * epoch stays. */
void card_restore(struct ctx *ctx, const Pb__UserCard *card);

/* Frees what the caches dropped during the request, and trusts them no further until the epoch is known
 * again; called by the app's hooks after each piece of work. */
void models_finish(void);

#endif
