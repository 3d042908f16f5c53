/* Looking up hosts without waiting: each in a thread of its own, since getaddrinfo() can't be told to hurry
 * and a name server may be hostile, too. */
#ifndef DEEPLINK_DRIVERS_FETCH_NAMES_H
#define DEEPLINK_DRIVERS_FETCH_NAMES_H

#include <stdbool.h>

struct addrinfo;
struct fetch_names;

/* Begins to look up. NULL: there is no memory or thread to spare. */
struct fetch_names *fetch_names_begin(const char *host, const char *port);

/* Whether the answer is there. */
bool fetch_names_known(const struct fetch_names *names);

/* Ends it: the answer as getaddrinfo() gives it; EAI_AGAIN when it has not come, and then nobody waits for
 * it. `names` is gone. */
int fetch_names_end(struct fetch_names *names, struct addrinfo **ret);

/* What looks up, in that thread. Tests put their own in its place. */
extern int (*fetch_look_up)(const char *host, const char *port, struct addrinfo **ret);

#endif
