/* Where a Redis is, out of its address: "unix:///path[?db=N]" or
 * "redis://[[user]:password@]host[:port][/db]". */
#ifndef DEEPLINK_DRIVERS_REDIS_ADDRESS_H
#define DEEPLINK_DRIVERS_REDIS_ADDRESS_H

#include <stdbool.h>

struct redis_address {
    char *host; /* NULL: a unix socket */
    char *path;
    char *user, *password; /* NULL: none */
    int port, db;
};

/* false when it is no such address; what was read so far is freed by redis_address_free() either way. */
bool redis_address_parse(const char *url, struct redis_address *ret);
void redis_address_free(struct redis_address *a);

#endif
