/* Where a bucket is: the words of the setting s3://bucket/prefix?endpoint=…&region=…, checked. */
#ifndef DEEPLINK_DRIVERS_S3_PLACE_H
#define DEEPLINK_DRIVERS_S3_PLACE_H

#include <stdbool.h>

struct s3_place {
    char *bucket;
    char *prefix; /* "" or "a/b/" */
    char *scheme; /* http or https */
    char *host;   /* host, and port where one is said */
    char *path;   /* of the endpoint, no slash at its end: mostly "" */
    char *region;
};

/* False, and *ret_problem says why, when the setting names no place that may be used. */
bool s3_place_read(struct s3_place *p, const char *setting, const char **ret_problem);
void s3_place_free(struct s3_place *p);

/* Whether a host (with a port or not) is this machine or stands in a private network: an address of one, or a
 * name without a dot. */
bool s3_host_is_near(const char *host);

#endif
