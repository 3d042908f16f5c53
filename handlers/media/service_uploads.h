/* Uploads in pieces, for the endpoints of the media service itself: they end in a medium, as every upload. */
#ifndef DEEPLINK_MEDIA_SERVICE_UPLOADS_H
#define DEEPLINK_MEDIA_SERVICE_UPLOADS_H

#include <stdint.h>

#include "deeplink/v1/media.pb-c.h"
#include "fcgi/ctx.h"
#include "handlers/media/store_uploads.h"

/* Begins one of the viewer's: fills in id and the rest of what is not given. type: as announced, "" when it
 * was not. INVALID naming the field for what would be refused at the end; EXHAUSTED (507): no room. */
enum code media_upload_begin(struct ctx *ctx, struct media_upload *u, const char *type);
/* One of the viewer's; NOT_FOUND. */
enum code media_upload_get(struct ctx *ctx, int64_t id, struct media_upload *ret);
/* Adds the whole file at `path` at an offset, and moves u->here on. ABORTED (409) when that is not where it
 * ends (u->here then says where), or somebody else adds to it at this moment; INVALID (413): more than was
 * announced. What was added is on the disk when this returns. */
enum code media_upload_add(struct ctx *ctx, struct media_upload *u, const char *path, int64_t bytes,
                           int64_t offset);
/* Makes a medium of it, which has its id; safe to repeat. PRECONDITION (409): it is not whole. INVALID naming
 * sha256: it is not what was announced, and begins anew. */
enum code media_upload_complete(struct ctx *ctx, int64_t id, const char *description, double focus_x,
                                double focus_y, Pb__MediaView **ret);
/* Ends one; OK also when there was none. */
enum code media_upload_end(struct ctx *ctx, int64_t id);
/* Ends all of a member's. */
enum code media_upload_erase(struct ctx *ctx, int64_t owner);

/* service_create.c: makes a medium of a file in the spool. id 0: a new one. */
enum code media_make(struct ctx *ctx, const Pb__CreateMediaRequest *req, int64_t id, Pb__MediaView **ret);
/* EXHAUSTED, 507: the member's room is full. */
enum code media_no_room(struct ctx *ctx);

#endif
