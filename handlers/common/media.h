/* Media as all services show them: addresses of their files, without asking anybody. A file that everybody
 * may have is /m/KEY, and nginx answers from the folder; any other is /m/KEY?e=EXPIRY&s=SIGNATURE, made for a
 * reader who may see what it is attached to (on an intranet each is), good until the end of the next day
 * (UTC), so that copies of a day share an address. */
#ifndef DEEPLINK_COMMON_MEDIA_H
#define DEEPLINK_COMMON_MEDIA_H

#include <stdbool.h>
#include <stdint.h>

#include "deeplink/v1/media.pb-c.h"
#include "fcgi/ctx.h"

/* The file of that name; NULL: it has none. */
const Pb__MediaFile *media_file(const Pb__MediaView *m, const char *name);

/* The path of a file's address on this site ("/m/…"), signed where the medium is not public. The caller has
 * made sure that the reader may see it. In the arena. */
const char *media_path(struct ctx *ctx, const Pb__MediaView *m, const Pb__MediaFile *f);
/* The path of a file's signed address, good until then (Unix seconds). The caller has made sure of the same.
 */
const char *media_path_until(struct ctx *ctx, const char *key, int64_t expires_s);
/* media_path() with the site's base_url in front. */
const char *media_url(struct ctx *ctx, const Pb__MediaView *m, const Pb__MediaFile *f);

/* The whole address of a file that everybody may have, by its key: of a member's picture. */
const char *media_public_url(struct ctx *ctx, const char *key);

/* For /m/{key}: whether expiry and signature are of this key, and not over. */
bool media_signature_good(struct ctx *ctx, const char *key, int64_t expires_s, const char *signature);

#endif
