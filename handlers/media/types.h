/* What kind of file came, told by its content and never by its name (libmagic). Only what stands in the table
 * of handlers/common/media_types.c is taken. */
#ifndef DEEPLINK_MEDIA_TYPES_H
#define DEEPLINK_MEDIA_TYPES_H

#include <stdint.h>

#include "fcgi/ctx.h"
#include "handlers/common/media_types.h"

/* The type of `bytes` bytes from `offset` on in a file. INVALID naming the field "file": not of a type that
 * is taken for that purpose (post, avatar, banner). INTERNAL: the file cannot be read. */
enum code media_type_find(struct ctx *ctx, const char *path, int64_t offset, int64_t bytes,
                          const char *purpose, const struct media_type **ret);

/* INVALID naming the field "file", with the limit in words, when a file is empty or too large for its kind.
 */
enum code media_type_check_size(struct ctx *ctx, Pb__MediaKind kind, int64_t bytes);

#endif
