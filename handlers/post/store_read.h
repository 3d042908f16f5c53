/* Inside the post service's store: how rows and what Redis says of them become reads; shared by store_view.c and store_home.c. */
#ifndef DEEPLINK_POST_STORE_READ_H
#define DEEPLINK_POST_STORE_READ_H

#include "fcgi/drivers/redis.h"
#include "handlers/post/store.h"

#define POST_TTL_S "604800" /* 7 days */

/* The Lua function look(out, rows, uid, rel, mine): for rows of post:home's form, adds a line for each to out:
 *     <row>\t<v n l r c>[\t<v n l r c> of the original]
 * then a line with conn:rel of all authors in order ("_" first), and one with post:mine of all posts. "-" is nil. */
#define POST_LUA_LOOK                                                                                        \
    "local function words(t) for i = 1, #t do t[i] = t[i] or '-' end return table.concat(t, ' ') end\n"      \
    "local function view(id) return words(redis.call('HMGET', 'post:view:' .. id, 'v', 'n', 'l', 'r', 'c')) end\n" \
    "local function look(out, rows, uid, rel, mine)\n"                                                       \
    "  local relq, mineq = {'HMGET', rel, '_'}, {'HMGET', mine, '_'}\n"                                      \
    "  for i = 1, #rows do\n"                                                                                \
    "    local id, author, inner, other = string.match(rows[i], '^0*(%d+) (%d+) ?(%d*) ?(%d*)$')\n"          \
    "    local line = rows[i] .. '\\t' .. view(id)\n"                                                        \
    "    relq[#relq + 1] = author\n"                                                                         \
    "    if inner ~= '' then\n"                                                                              \
    "      line = line .. '\\t' .. view(inner)\n"                                                            \
    "      relq[#relq + 1] = other\n"                                                                        \
    "      id = inner\n"                                                                                     \
    "    end\n"                                                                                              \
    "    mineq[#mineq + 1] = id\n"                                                                           \
    "    out[#out + 1] = line\n"                                                                             \
    "  end\n"                                                                                                \
    "  if uid ~= '0' and #rows > 0 then\n"                                                                   \
    "    out[#out + 1] = words(redis.call(unpack(relq)))\n"                                                  \
    "    out[#out + 1] = words(redis.call(unpack(mineq)))\n"                                                 \
    "  end\n"                                                                                                \
    "end\n"

/* What look() said, read on from *at (behind the caller's own first line); n_max rows at most. Then views, relations and reactions that
 * are missing are fetched or asked for. */
enum code post_read_look(struct ctx *ctx, int64_t viewer, const char *at, size_t n_max, struct post_read **ret, size_t *ret_n);

/* "<id, 19 digits> <author>[ <original> <its author>]". */
const char *post_row_format(struct ctx *ctx, const struct post_row *row);

#endif
