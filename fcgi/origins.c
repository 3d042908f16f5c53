#include "fcgi/origins.h"

#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/config.h"

/* What a host and its port are written with: no more of an address may come into a policy or a file of nginx.
 */
#define HOST "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]"

static void put_origin(struct buf *out, const char *url) {
    const char *host = strstr(url, "://");
    size_t n = host != NULL ? strspn(host + 3, HOST) : 0;

    if (n == 0 || (!text_starts(url, "https://") && !text_starts(url, "http://")))
        return;
    buf_putc(out, ' ');
    buf_add(out, url, (size_t)(host - url) + 3 + n);
}

void origins_put(const struct config *c, struct buf *out) {
    const char *endpoint =
        c->media != NULL && text_starts(c->media, "s3://") ? strstr(c->media, "endpoint=") : NULL;

    if (endpoint == NULL)
        return;
    put_origin(out, endpoint + strlen("endpoint="));
    if (c->media_cdn != NULL)
        put_origin(out, c->media_cdn);
}
