/* Where pages load pictures, video and sound from beside this site: the bucket's server and the CDN in front
 * of it, out of the settings `media` and `media_cdn`. Workers say it in the policy of every answer; nginx
 * says it of kept pages, and is told by `deeplink config nginx`. */
#ifndef DEEPLINK_ORIGINS_H
#define DEEPLINK_ORIGINS_H

#include "fcgi/base/buf.h"

struct config;

/* Adds each as " https://host:port"; nothing where files are in a folder. */
void origins_put(const struct config *c, struct buf *out);

#endif
