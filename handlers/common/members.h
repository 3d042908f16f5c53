/* Lists of members for pages: ids to rows with what the reader may do there. */
#ifndef DEEPLINK_COMMON_MEMBERS_H
#define DEEPLINK_COMMON_MEMBERS_H

#include "handlers/common/views.h"

/* Rows for ids, in their order; those who are gone, suspended or severed from the reader are left out. Rows
 * live in the arena. */
enum code member_rows(struct ctx *ctx, const int64_t *ids, size_t n, struct member_row **ret_rows,
                      size_t *ret_n);

/* The row of one member, also a severed one; NOT_FOUND when there is none. */
enum code member_row_get(struct ctx *ctx, int64_t id, struct member_row *ret_row);

#endif
