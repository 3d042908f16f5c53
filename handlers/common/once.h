/* Idempotency-Key (IETF draft httpapi-idempotency-key-header-07): a POST of a program that is sent again,
 * since its answer was lost, is answered as the first time and not done again. Kept in Redis by who asks,
 * address and key; for an hour on /api/v1/statuses as Mastodon does, else for a day. */
#ifndef DEEPLINK_COMMON_ONCE_H
#define DEEPLINK_COMMON_ONCE_H

#include "fcgi/request.h"

/* For the guard, as its last act: OK and an answer when this was done already; ABORTED (409) while the first
 * is under way; INVALID (422) when the key came with something else before. Does nothing without the header,
 * and for those who are nobody. */
enum code once_begin(struct request *req);

/* Keeps the answer; called by the app's finish hook. What failed on our side may be tried again. */
void once_finish(struct request *req);

#endif
