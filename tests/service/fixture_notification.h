/* Beside the short ways to the post service: to what else members are told of, and to what they were told.
 * All of it is expected to succeed; results live in the arena of ctx. */
#ifndef DEEPLINK_TESTS_FIXTURE_NOTIFICATION_H
#define DEEPLINK_TESTS_FIXTURE_NOTIFICATION_H

#include "gen/stubs.h"
#include "tests/service/fixture_post.h"

/* What members do. `parent` 0: no comment. */
int64_t say(int64_t author, const char *text, int64_t parent); /* for everybody */
void edit(int64_t author, int64_t id, const char *text);
void respond_to(int64_t actor, int64_t requester, bool accept);
void lock(int64_t user);                      /* follows need consent from now on */
void do_to(int64_t user, const char *action); /* as an administrator: suspend, restore … */
void read_all(int64_t user);

/* What a member was told: a request for the first page, its answer, that in words ("like:b comment:e", the
 * newest first), and the words after all events were handled. */
Pb__ListNotificationsRequest all_of(int64_t user);
const Pb__NotificationsPage *list(const Pb__ListNotificationsRequest *req);
char letter_of(int64_t id);
const char *words(const Pb__NotificationsPage *page);
const char *told(int64_t user);

/* How much of it was not read, by SQL, and by the service, which must say the same. */
const Pb__UnreadCounts *unread_sql(int64_t user);
int64_t unread(int64_t user);

/* Rows behind "FROM …"; events that say that a member was told of something. */
long long count(const char *from_where);
long long emitted(int64_t user);

/* Hands all events to the consumers again. */
void replay(void);

#endif
